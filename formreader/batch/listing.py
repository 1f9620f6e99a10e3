"""Lists the files of a scan; those at URLs in another process, with a limit of time and memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from formreader.batch.page_pool import start_workers
from formreader.batch.worker_process import MemoryLimitError, TimeLimitError, WorkerDiedError
from formreader.core.errors import NoInputError
from formreader.core.locations import Place, is_url
from formreader.core.options import ScanOptions
from formreader.input.input_files import InputListing, list_files

_MAX_SECONDS = 600.0
"""Longest time that listing may take where there are URLs: for a million files in a store. A
choice, not measured."""


def list_inputs(
    paths: Sequence[str],
    *,
    own: Collection[Place] = (),
    seconds: float = ScanOptions(()).page_timeout,
) -> InputListing:
    """Return what `list_files` returns; a server that answers slowly or without end is an error.

    One that does not answer at all is waited for up to `seconds`.

    Raises:
        NoInputError: as of `list_files`, or listing took too much time or memory.
        UsageError: as of `list_files`, or no process can be started.
    """
    if not any(map(is_url, paths)):
        return list_files(paths, own=own)
    with_own = partial(list_files, own=tuple(own), seconds=seconds)
    executor = start_workers(1, _MAX_SECONDS)
    try:
        return executor.submit(with_own, tuple(paths)).result()
    except (TimeLimitError, MemoryLimitError, WorkerDiedError) as error:
        raise NoInputError(
            f"{', '.join(filter(is_url, paths))}: the files cannot be listed ({error}). Check the "
            "server, or name fewer files"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)
