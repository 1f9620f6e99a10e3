"""Page work on any executor: in order, a few pages ahead, and past pages that end a worker."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, TypeAlias

from formreader.batch.page_work import PageTask, failed_page, start_worker, work_page
from formreader.batch.process_executor import ProcessExecutor, WorkerStartError
from formreader.batch.worker_process import TimeLimitError, WorkerDiedError
from formreader.core.errors import UsageError
from formreader.core.records import PageCrops

Explain: TypeAlias = Callable[[Exception], str]
"""Why a page has no result, from what its call raised; raises what no page is to blame for."""

AHEAD_PER_WORKER = 8
"""Pages under way for each worker, so that it has work while a batch of digits is read and
while the page that is next in order takes its time. Their results take some 0.2 MB each."""


@dataclass(frozen=True, slots=True)
class PagePool:
    """Does page work on an executor, until its `with` statement ends.

    At most `ahead` pages of a call of `work` are under way or waiting to be taken, whatever
    the number of tasks. `explain` turns what a call on the executor raises into the page's
    error. `close` gives up what is under way. `work_page` is what the executor calls.
    """

    executor: Executor
    ahead: int
    explain: Explain
    close: Callable[[], object]
    work_page: Callable[[PageTask], PageCrops] = work_page

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def work(self, tasks: Iterable[PageTask]) -> Iterator[PageCrops]:
        """What page work makes of `tasks`, in their order; calls may overlap.

        Raises:
            UsageError: no page can be worked on, as there are no workers.
        """
        waiting: deque[tuple[PageTask, Future[PageCrops]]] = deque()
        for task in tasks:
            waiting.append((task, self.executor.submit(self.work_page, task)))
            if len(waiting) >= self.ahead:
                yield self._result(*waiting.popleft())
        while waiting:
            yield self._result(*waiting.popleft())

    def turn(self, tasks: Sequence[PageTask], quarters: Mapping[int, int]) -> list[PageCrops]:
        """Page work anew on some of `tasks`: index -> quarter turns that bring it upright."""
        return list(self.work(replace(tasks[i], quarters=q) for i, q in quarters.items()))

    def _result(self, task: PageTask, future: Future[PageCrops]) -> PageCrops:
        try:
            return future.result()
        except Exception as error:
            return failed_page(task, self.explain(error))


def open_pool(workers: int, pages: int, page_timeout: float) -> PagePool:
    """A pool of `workers` processes on this machine, for a number of pages.

    A page that takes more than `page_timeout` seconds has an error, as has one whose worker
    dies when it is tried once more. No page is worked on in this process, not even a single
    one: what ends it must not end the program.
    """
    workers = max(1, min(workers, pages))
    executor = start_workers(workers, page_timeout)
    close = partial(executor.shutdown, cancel_futures=True)
    return PagePool(executor, AHEAD_PER_WORKER * workers, explain, close)


def start_workers(workers: int, seconds: float) -> ProcessExecutor:
    """Processes that are ready for pages; a call that takes more than `seconds` is given up."""
    level = logging.getLogger("formreader").getEffectiveLevel()
    prepare = partial(start_worker, level)
    return ProcessExecutor(workers, prepare, seconds, preload=work_page.__module__)


def explain(error: Exception) -> str:
    """Why a call on such processes has no result; what the call itself raised is raised.

    Raises:
        UsageError: no process can be started.
    """
    match error:
        case TimeLimitError():
            return (
                f"it took more than {error}. Scan it at a lower resolution, or give it longer "
                "with --page-timeout"
            )
        case WorkerDiedError():
            return (
                f"the process that read it died twice ({error}), perhaps for lack of memory. "
                "Scan it at a lower resolution, or use fewer --workers"
            )
        case WorkerStartError():
            raise UsageError(
                f"No process that reads pages can be started ({error}). Use fewer --workers or "
                "close other programs; the same command then goes on"
            ) from error
    raise error
