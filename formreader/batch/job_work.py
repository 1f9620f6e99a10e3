"""The work of a scan: sends pages through workers and the network, and stores them in groups."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from formreader.batch.debug_pictures import DebugFolder
from formreader.batch.page_log import PageFigures, PageLog, ScanProgress
from formreader.batch.page_pool import PagePool
from formreader.batch.pile_pages import copy_to_keep
from formreader.batch.worker_reading import WorkedPage
from formreader.core.options import ScanOptions
from formreader.core.stopwatch import Stopwatch
from formreader.reading.page_task import PageTask
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_store import JobStore, PageResult

_GROUP_PAGES = 64
_GROUP_SECONDS = 1.0
"""A group is stored when it has this many pages or has taken this long. A run that is killed loses
at most one group, besides the pages being worked on. Storing a group takes some hundredths of a
second."""


@dataclass(frozen=True, slots=True)
class JobWork:
    """Reads pages, and passes the results to the store, the log, the display and `--debug`.

    `stopwatch` adds up the seconds of each stage over all pages. `again`: the pages were
    read before in this run, and are not reported as done once more.
    """

    options: ScanOptions
    progress: ScanProgress
    store: JobStore
    debug: DebugFolder | None
    log: PageLog | None
    stopwatch: Stopwatch
    again: bool = False

    def read(self, tasks: Sequence[PageTask], pool: PagePool, recogniser: Recogniser) -> int:
        """Read the pages of `tasks` in order, until all are done or the user stops it.

        Pages are stored in groups. When the user stops it, pages already begun are finished.

        Returns:
            The number of pages that were read and stored.

        Raises:
            OutputError: they cannot be stored or logged.
        """
        pages = pool.work(takewhile(lambda _: not self.progress.stopped(), tasks))
        done = 0
        while True:
            read = pool.read(_next_group(pages), recogniser, self.options, self.stopwatch)
            group = [PageResult(page, reading, copy_to_keep(page)) for page, reading in read]
            if not group:
                return done
            self._draw(group, tasks[done : done + len(group)])
            self._store_group(group)
            done += len(group)

    def _draw(self, group: Sequence[PageResult], tasks: Sequence[PageTask]) -> None:
        """Draw pages for `--debug`, before they are stored: no run draws stored pages."""
        if self.debug is None:
            return
        for task, result in zip(tasks, group, strict=True):
            self.debug.write(task.file, result.page, result.reading, self.progress.message)

    def _store_group(self, group: Sequence[PageResult]) -> None:
        """Store a group of pages, then report it to the log and the display."""
        with self.stopwatch.stage("store"):
            self.store.add(group)
        figures = [PageFigures.of(result.page, result.reading) for result in group]
        if self.log is not None:
            self.log.write(figures)
        for page in () if self.again else figures:
            self.progress.page_done(page)
        for result in group:
            self.stopwatch.add(result.page.seconds)


def _next_group(pages: Iterator[WorkedPage]) -> Iterator[WorkedPage]:
    """Yield the next group of `pages`: at least one, until the group is full or its time is up."""
    ends = time.monotonic() + _GROUP_SECONDS
    for page in islice(pages, _GROUP_PAGES):
        yield page
        if time.monotonic() >= ends:
            return
