"""Lists and checks files in other processes: pdfium may crash or hang, servers send without end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import ParamSpec, Self, TypeVar

from formreader.batch.page_pool import explain, start_workers
from formreader.batch.process_executor import ProcessExecutor
from formreader.batch.worker_process import MemoryLimitError, TimeLimitError, WorkerDiedError
from formreader.core.errors import NoInputError, PageError
from formreader.core.locations import Place, is_url
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile
from formreader.input.input_files import InputListing, list_files
from formreader.input.open_page import count_pages

_P = ParamSpec("_P")
_T = TypeVar("_T")

_URL_PROCESSES = 2
"""Processes that check files at URLs: mostly they wait for servers. A choice, not measured."""

_MAX_LISTING_SECONDS = 600.0
"""Longest time for listing URLs: for a million files in a store. A choice, not measured."""


class PdfCounter:
    """Counts the pages of PDFs in a process, and checks files at URLs in others, until `with` ends.

    A call that takes more than `seconds`, or `memory` GiB (as of `start_workers`), fails.
    """

    def __init__(self, seconds: float, memory: float | None = None) -> None:
        self._limits = seconds, memory
        self._executors = dict[int, ProcessExecutor]()  # by their number of processes
        self._lock = threading.Lock()  # guards their start

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._executors.values():
            executor.shutdown(cancel_futures=True)

    def __call__(self, file: InputFile) -> int:
        """Return the number of pages of `file`, as `count_pages` does; several threads may call.

        Raises:
            PageError: the pages cannot be counted, for whatever reason.
            UsageError: no process can be started.
        """
        return self._result(1, "its pages cannot be counted", partial(count_pages, file))

    def check_url(self, check: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return the result of `check`, a function that fetches a file; several threads may call.

        Raises:
            PageError: it takes too long, or too much memory.
            UsageError: no process can be started.
        """
        call = partial(check, *args, **kwargs)
        return self._result(_URL_PROCESSES, "it cannot be fetched", call)

    def _result(self, processes: int, failed: str, call: Callable[[], _T]) -> _T:
        with self._lock:
            if processes not in self._executors:
                self._executors[processes] = start_workers(processes, *self._limits)
        try:
            return self._executors[processes].submit(call).result()
        except PageError:
            raise
        except Exception as error:
            raise PageError(f"{failed}: {explain(error)}") from error


def list_inputs(
    paths: Sequence[str],
    *,
    own: Collection[Place] = (),
    seconds: float = ScanOptions(()).page_timeout,
) -> InputListing:
    """Return what `list_files` returns; a silent server is waited for up to `seconds`.

    Raises:
        NoInputError: as of `list_files`, or listing took too much time or memory.
        UsageError: as of `list_files`, or no process can be started.
    """
    if not any(map(is_url, paths)):
        return list_files(paths, own=own)
    with_own = partial(list_files, own=tuple(own), seconds=seconds)
    executor = start_workers(1, _MAX_LISTING_SECONDS)
    try:
        return executor.submit(with_own, tuple(paths)).result()
    except (TimeLimitError, MemoryLimitError, WorkerDiedError) as error:
        raise NoInputError(
            f"{', '.join(filter(is_url, paths))}: the files cannot be listed ({error}). Check the "
            "server, or name fewer files"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)
