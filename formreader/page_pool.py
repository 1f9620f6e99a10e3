"""Page work on any executor: in order, a few pages ahead, and past a worker that dies."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import ParamSpec, TypeAlias, TypeVar

from formreader.page_work import PageTask, failed_page, start_worker, work_page
from formreader.types import PageCrops

_P = ParamSpec("_P")
_T = TypeVar("_T")

Pages: TypeAlias = Generator[PageCrops, None, None]
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


def work_pages(tasks: Sequence[PageTask], workers: int) -> Pages:
    """What page work makes of `tasks`, in their order, by `workers` processes on this machine."""
    workers = min(workers, len(tasks))
    if workers <= 1 or len(tasks) <= _FEW_PAGES:
        return work_pages_on(_InlineExecutor, tasks, ahead=1)
    if sys.platform == "win32":
        workers = min(workers, _MAX_WORKERS_ON_WINDOWS)
    return work_pages_on(lambda: _start_pool(workers), tasks, ahead=_AHEAD_PER_WORKER * workers)


def work_pages_on(start: StartExecutor, tasks: Iterable[PageTask], ahead: int) -> Pages:
    """What page work makes of `tasks`, in their order, on executors that `start` gives.

    At most `ahead` pages are under way or waiting to be taken, whatever the number of
    tasks. Where a worker dies, the executor is replaced and each page that was under
    way is tried once more, alone; the page that kills its worker again has an error.
    """
    pool = _Pool(start)
    waiting: deque[tuple[PageTask, Future[PageCrops]]] = deque()
    try:
        for task in tasks:
            waiting.append((task, pool.submit(task)))
            if len(waiting) >= ahead:
                yield pool.result(*waiting.popleft())
        while waiting:
            yield pool.result(*waiting.popleft())
    finally:
        pool.close()


class _Pool:
    """An executor that is replaced when it breaks."""

    def __init__(self, start: StartExecutor) -> None:
        self._start = start
        self._executor = start()

    def submit(self, task: PageTask) -> Future[PageCrops]:
        try:
            return self._executor.submit(work_page, task)
        except BrokenExecutor:
            self.close()
            self._executor = self._start()
            return self._executor.submit(work_page, task)

    def result(self, task: PageTask, future: Future[PageCrops]) -> PageCrops:
        try:
            return future.result()
        except BrokenExecutor:
            return self._retry_alone(task)

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

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


def _start_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that inherit nothing by chance: threads and a plain fork do not go together."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([work_page.__module__])
    level = logging.getLogger("formreader").getEffectiveLevel()
    return ProcessPoolExecutor(workers, context, start_worker, (level,))
