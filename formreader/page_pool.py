"""Page work on any executor: in order, a few pages ahead, and past a worker that dies."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import ParamSpec, Self, TypeAlias, TypeVar

from formreader.page_work import PageTask, failed_page, start_worker, work_page
from formreader.types import PageCrops

_P = ParamSpec("_P")
_T = TypeVar("_T")

StartExecutor: TypeAlias = Callable[[], Executor]

_AHEAD_PER_WORKER = 4
_MAX_WORKERS_ON_WINDOWS = 61  # its limit of handles to wait for
_FEW_PAGES = 2


class _InlineExecutor(Executor):
    """Runs a call at once in this process: a page or two are done before a pool starts."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class PagePool:
    """Does page work on executors that `start` gives, which are replaced when they break.

    At most `ahead` pages of a call are under way or waiting to be taken, whatever the
    number of tasks. Use it in a `with` statement: it ends the workers.
    """

    def __init__(self, start: StartExecutor, ahead: int) -> None:
        self._start = start
        self._ahead = ahead
        self._executor = start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def work(self, tasks: Iterable[PageTask]) -> Iterator[PageCrops]:
        """What page work makes of `tasks`, in their order; calls may overlap.

        Where a worker dies each page that was under way is tried once more, alone; the
        page that kills its worker again has an error.
        """
        waiting: deque[tuple[PageTask, Future[PageCrops]]] = deque()
        for task in tasks:
            waiting.append((task, self._submit(task)))
            if len(waiting) >= self._ahead:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def _submit(self, task: PageTask) -> Future[PageCrops]:
        try:
            return self._executor.submit(work_page, task)
        except BrokenExecutor:
            self._executor.shutdown(cancel_futures=True)
            self._executor = self._start()
            return self._executor.submit(work_page, task)

    def _result(self, task: PageTask, future: Future[PageCrops]) -> PageCrops:
        try:
            return future.result()
        except BrokenExecutor:
            return self._retry_alone(task)

    def _retry_alone(self, task: PageTask) -> PageCrops:
        """Only the page that is alone with its worker can be the one that killed it."""
        with self._start() as executor:
            try:
                return executor.submit(work_page, task).result()
            except BrokenExecutor:
                return failed_page(
                    task,
                    "the process that read it died, perhaps for lack of memory. "
                    "Scan it at a lower resolution, or use fewer --workers",
                )


def open_pool(workers: int, pages: int) -> PagePool:
    """A pool of `workers` processes on this machine, for a number of pages."""
    workers = min(workers, pages)
    if workers <= 1 or pages <= _FEW_PAGES:
        return PagePool(_InlineExecutor, ahead=1)
    if sys.platform == "win32":
        workers = min(workers, _MAX_WORKERS_ON_WINDOWS)
    return PagePool(lambda: _start_pool(workers), ahead=_AHEAD_PER_WORKER * workers)


def _start_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that inherit nothing by chance: threads and a plain fork do not go together."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([work_page.__module__])
    level = logging.getLogger("formreader").getEffectiveLevel()
    return ProcessPoolExecutor(workers, context, start_worker, (level,))
