"""The work of a scan: sends pages through workers and the network, and stores them in groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, takewhile
from typing import Any

from formreader.batch.debug_pictures import DebugFolder
from formreader.batch.page_log import PageLog, ScanProgress
from formreader.batch.page_pool import PagePool
from formreader.batch.worker_reading import StoredPage, stored_page
from formreader.core.options import ScanOptions
from formreader.core.stopwatch import Stopwatch
from formreader.reading.page_task import PageTask
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_store import JobStore

_GROUP_PAGES = 64
_GROUP_SECONDS = 1.0
"""A group is stored when it has this many pages or has taken this long, in some hundredths of a
second. A run that is killed loses at most one, besides the pages being worked on."""


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

    def read(
        self, tasks: Sequence[PageTask], pool: PagePool, recogniser: Callable[[], Recogniser]
    ) -> int:
        """Read and store the pages of `tasks` in order, in groups; return how many were read.

        If the user stops it, pages already begun are finished.

        Raises:
            OutputError: they cannot be stored or logged.
        """
        pages = pool.work(takewhile(lambda _: not self.progress.stopped(), tasks))
        done = 0
        while True:
            group = list(self._to_store(_next_group(pages), pool, recogniser))
            if not group:
                return done
            self._store_group(group)
            done += len(group)

    def _to_store(
        self, worked: Iterable[Any], pool: PagePool, recogniser: Callable[[], Recogniser]
    ) -> Iterator[StoredPage]:
        """Yield what is stored of pages; those not read yet are read, and drawn, here."""
        for is_stored, some in groupby(worked, lambda one: isinstance(one, StoredPage)):
            if is_stored:
                yield from some
                continue
            pages = list(some)
            read = pool.read(pages, recogniser(), self.options, self.stopwatch)
            for one, (page, reading) in zip(pages, read, strict=True):
                if self.debug is not None:
                    self.debug.write(one.task.file, page, reading, self.progress.message)
                yield stored_page(page, reading)

    def _store_group(self, group: Sequence[StoredPage]) -> None:
        """Store a group of pages, then report it to the log and the display."""
        with self.stopwatch.stage("store"):
            self.store.add([page.rows for page in group])
        figures = [page.figures for page in group]
        if self.log is not None:
            self.log(figures)
        for one in () if self.again else figures:
            self.progress.page_done(one)
        for page in group:
            self.stopwatch.add(page.seconds)


def _next_group(pages: Iterator[Any]) -> Iterator[Any]:
    """Yield the next group of `pages`: at least one, until the group is full or its time is up."""
    ends = time.monotonic() + _GROUP_SECONDS
    for page in islice(pages, _GROUP_PAGES):
        yield page
        if time.monotonic() >= ends:
            return
