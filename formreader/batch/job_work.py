"""A scan under way: pages through the workers and the network, group by group into the store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile

from formreader.batch.debug_pictures import DebugFolder
from formreader.batch.page_log import PageFigures, PageLog, ScanProgress
from formreader.batch.page_pool import PagePool
from formreader.batch.page_work import PageTask
from formreader.core.options import ScanOptions
from formreader.core.records import PageCrops
from formreader.core.stopwatch import Stopwatch
from formreader.recognise.page_reading import read_pages
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_store import JobStore, PageResult

_GROUP_PAGES = 64
_GROUP_SECONDS = 1.0
"""What of a killed run is lost at most, but for the pages under way; storing a group takes some
hundredths of a second."""


@dataclass(frozen=True, slots=True)
class JobWork:
    """Does the work on pages, and puts what comes of it where it belongs.

    `stopwatch` gathers the seconds of each stage, all pages together.
    """

    options: ScanOptions
    progress: ScanProgress
    store: JobStore
    debug: DebugFolder | None
    log: PageLog | None
    stopwatch: Stopwatch

    def read(self, tasks: Sequence[PageTask], pool: PagePool, recogniser: Recogniser) -> int:
        """Read the pages of `tasks` in order, as far as the user lets it go.

        Pages that are under way when the user stops it are finished. They are stored as they
        come, in groups.

        Returns:
            The number of pages that were read and stored.

        Raises:
            OutputError: they cannot be stored or logged.
        """
        pages = pool.work(takewhile(lambda _: not self.progress.stopped(), tasks))
        done = 0
        while True:
            turn = partial(pool.turn, tasks[done:])  # of pages counted from the group's first
            read = read_pages(_next_group(pages), recogniser, self.options, self.stopwatch, turn)
            group = [PageResult(page, reading) for page, reading in read]
            if not group:
                return done
            self._draw(group, tasks[done : done + len(group)])
            self._keep(group)
            done += len(group)

    def _draw(self, group: Sequence[PageResult], tasks: Sequence[PageTask]) -> None:
        """Draw a group of pages for `--debug`; once they are stored, no run would."""
        if self.debug is None:
            return
        for task, result in zip(tasks, group, strict=True):
            self.debug.write(task.file, result.page, result.reading, self.progress.message)

    def _keep(self, group: Sequence[PageResult]) -> None:
        """Store a group of pages, and tell of them."""
        with self.stopwatch.stage("store"):
            self.store.add(group)
        figures = [PageFigures.of(result.page, result.reading) for result in group]
        if self.log is not None:
            self.log.write(figures)
        for page in figures:
            self.progress.page_done(page)
        for result in group:
            self.stopwatch.add(result.page.seconds)


def _next_group(pages: Iterator[PageCrops]) -> Iterator[PageCrops]:
    """The next of `pages`: so many, or those that come within some time; at least one."""
    ends = time.monotonic() + _GROUP_SECONDS
    for page in islice(pages, _GROUP_PAGES):
        yield page
        if time.monotonic() >= ends:
            return
