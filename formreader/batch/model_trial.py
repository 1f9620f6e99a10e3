"""Loads models of users: first in a process of its own, as a graph may hang or take all memory."""

from __future__ import annotations

from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from formreader.batch.page_pool import start_worker
from formreader.batch.worker_memory import worker_memory
from formreader.batch.worker_process import (
    MemoryLimitError,
    TimeLimitError,
    WorkerDiedError,
    WorkerProcess,
)
from formreader.core.errors import ModelError, UsageError
from formreader.core.model_folder import how_to_renew, is_shipped, model_folder
from formreader.core.options import Device
from formreader.recognise.load_recogniser import load_recogniser, runs_on_cpu
from formreader.recognise.model_card import read_card
from formreader.recognise.recogniser import Recogniser

_MAX_LOADING_SECONDS = 60.0
"""Longest time in which a model must load and read a crop; 0.1 s were seen. A choice."""


def load_tried(model: str, device: Device, batch: int, threads: int | None = None) -> Recogniser:
    """Return a recogniser as `load_recogniser` does, of a model that was tried elsewhere first.

    Models that come with the program are not: they are as trustworthy as the program itself.

    Raises:
        ModelError: as of `load_recogniser`, or loading it takes too much time or memory.
        UsageError: as of `load_recogniser`, or no process can be started.
    """
    folder = model_folder(model)
    if not is_shipped(folder) and runs_on_cpu(device):
        _try(folder.absolute(), tuple(sorted(read_card(folder).files.items())))
    return load_recogniser(model, device, batch, threads)


@cache
def _try(folder: Path, files: tuple[tuple[str, str], ...]) -> None:
    """Load a model in another process, and forget it; once for the same files, by their hashes.

    Raises:
        ModelError, UsageError: see `load_tried`.
    """
    process = _started()
    try:
        process.call((_load, (folder,), {}), _MAX_LOADING_SECONDS)
    except (WorkerDiedError, TimeLimitError, MemoryLimitError) as error:
        raise ModelError(
            f"{folder}: {_why(error)}, so formreader does not use it. {how_to_renew(folder)}"
        ) from error
    finally:
        process.end()


def _started() -> WorkerProcess:
    """A process to try a model in; started again if it dies: the system may end any.

    Raises:
        UsageError: none can be started.
    """
    start = partial(WorkerProcess, _quietly, load_tried.__module__, worker_memory(1))
    failures = WorkerDiedError, TimeLimitError, MemoryLimitError, OSError, EOFError
    with suppress(*failures):
        return start()
    try:
        return start()
    except failures as error:
        raise UsageError(
            f"No process that tries the model can be started ({error}). Close other programs"
        ) from error


def _quietly() -> None:
    """Prepare the process: it ignores Ctrl-C, as workers do."""
    start_worker(0)


def _load(folder: Path) -> None:
    load_recogniser(str(folder), "cpu", threads=1)


def _why(error: Exception) -> str:
    match error:
        case TimeLimitError():
            return f"loading the model takes more than {error}"
        case MemoryLimitError():
            return f"loading the model takes more than {error} of memory"
    return f"loading the model ends its process ({error})"
