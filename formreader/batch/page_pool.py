"""Pages read on any executor: in order, a few ahead; a page that kills its worker fails."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, Self, TypeAlias

from formreader.batch.process_executor import ProcessExecutor, WorkerStartError
from formreader.batch.worker_process import (
    WORKER_IMPORTS,
    MemoryLimitError,
    TimeLimitError,
    WorkerDiedError,
    start_worker,
    worker_memory,
)
from formreader.batch.worker_reading import StoredPage, WorkedPage, WorkerReading, work_and_read
from formreader.core.errors import UsageError
from formreader.core.options import ScanOptions
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.reading.page_task import PageTask
from formreader.recognise.recogniser import Recogniser

Explain: TypeAlias = Callable[[Exception], str]
"""Returns why a page failed, from the exception of its call; raises errors that no page caused."""

PAGES_AHEAD_PER_WORKER = 8
"""Pages submitted ahead for each worker: it has work while the next page in order is slow. The
result of a page takes about 0.1 MB. A choice; no record of a measurement."""


@dataclass(frozen=True, slots=True)
class PagePool:
    """Does page work by calls of `work_page` on an executor, until its `with` statement ends.

    `work` submits at most `ahead` pages that are not yet taken. `explain` turns an exception of a
    call into the page's error. `close` cancels unfinished calls.
    """

    executor: Executor
    ahead: int
    explain: Explain
    close: Callable[[], object]
    work_page: Callable[[PageTask], Any] = work_and_read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def work(self, tasks: Iterable[PageTask]) -> Iterator[Any]:
        """Yield the page work of each of `tasks`, in their order; several calls may run at a time.

        Where workers read for a job these are `StoredPage`, else `WorkedPage`, as are pages that
        failed. Those that the workers did not read have no reading.

        Raises:
            UsageError: there are no workers.
        """
        waiting: deque[tuple[PageTask, Future[Any]]] = deque()
        for task in tasks:
            waiting.append((task, self.executor.submit(self.work_page, task)))
            if len(waiting) >= self.ahead:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def read(
        self,
        worked: Iterable[WorkedPage],
        recogniser: Recogniser,
        options: ScanOptions,
        stopwatch: Stopwatch,
    ) -> Iterator[tuple[PageCrops, PageReading]]:
        """Yield the crops and the reading of pages; those that no worker read are read here.

        `worked` is what `work` yields, or a part of it, without pages as a job stores them. The
        rest is as of `read_pages`.

        Raises:
            UsageError: there are no workers.
        """
        from formreader.reading.one_page import read_pages  # mostly workers read

        for is_read, some in groupby(worked, lambda one: one.reading is not None):
            if is_read:
                yield from ((one.page, one.reading) for one in some if one.reading is not None)
            else:
                pages = ((one.task, one.page) for one in some)
                yield from read_pages(pages, recogniser, options, stopwatch, self._crop)

    def _crop(self, tasks: Sequence[PageTask]) -> list[PageCrops]:
        return [worked.page for worked in self.work(tasks)]

    def _result(self, task: PageTask, future: Future[Any]) -> Any:
        try:
            return future.result()
        except Exception as error:
            failed = task.failed(self.explain(error))
            return WorkedPage(task, replace(failed, retried=isinstance(error, WorkerDiedError)))


def open_pool(
    workers: int,
    pages: int,
    page_timeout: float,
    memory: float | None = None,
    reading: WorkerReading | None = None,
) -> PagePool:
    """Return a pool of at most `workers` processes on this machine, for `pages` pages.

    Limits and `reading` are those of `start_workers`; a page also fails if its worker dies twice.
    Even a single page is worked on in another process: if it crashes, the program survives.
    """
    workers = max(1, min(workers, pages))
    executor = start_workers(workers, page_timeout, memory, reading)
    close = partial(executor.shutdown, cancel_futures=True)
    work = partial(work_and_read, reading=reading)
    return PagePool(executor, PAGES_AHEAD_PER_WORKER * workers, explain, close, work)


def start_workers(
    workers: int, seconds: float, memory: float | None = None, reading: WorkerReading | None = None
) -> ProcessExecutor:
    """Start processes for page work; with `reading` they load the networks at once.

    A call fails after `seconds`, or over `memory` GiB; None for a share of the machine's memory.
    """
    level = logging.getLogger("formreader").getEffectiveLevel()
    prepare = partial(start_worker, level)
    if reading is not None:
        prepare = partial(_start_reader, level, reading)
    limit = worker_memory(workers, memory)
    return ProcessExecutor(
        workers, prepare, seconds, WORKER_IMPORTS, limit, mark_repeated=_as_retried
    )


def _start_reader(level: int, reading: WorkerReading) -> None:
    start_worker(level)
    with suppress(Exception):  # the first page will tell
        reading.load()


def _as_retried(result: object) -> object:
    """Mark a page whose first worker died; results of other calls stay as they are."""
    match result:
        case WorkedPage():
            return replace(result, page=replace(result.page, retried=True))
        case StoredPage():
            return replace(result, figures=replace(result.figures, retried=True))
    return result


def explain(error: Exception) -> str:
    """Return why a process gave no result; an exception of the call itself is raised again.

    Raises:
        UsageError: no process can be started.
    """
    match error:
        case TimeLimitError():
            return (
                f"it took more than {error}. Scan it at a lower resolution, or give it longer "
                "with --page-timeout"
            )
        case MemoryLimitError():
            return (
                f"it took more than {error} of memory. Scan it at a lower resolution, or give it "
                "more with --memory"
            )
        case WorkerDiedError():
            return (
                f"the process that read it died twice ({error}), perhaps for lack of memory. "
                "Scan it at a lower resolution, or use fewer --workers"
            )
        case WorkerStartError():
            raise UsageError(
                f"No process that reads pages can be started ({error}). Use fewer --workers or "
                "close other programs, then give the same command again: it continues"
            ) from error
    raise error
