"""Reads pages with the workers and the network, in order, without a job on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from formreader.batch.page_pool import PagePool
from formreader.batch.page_work import PageTask
from formreader.core.options import ScanOptions
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.recognise.page_reading import read_pages
from formreader.recognise.recogniser import Recogniser


def read_tasks(
    tasks: Iterable[PageTask],
    pool: PagePool,
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Yield the crops and the reading of each page, in the order of `tasks`.

    Pages that turn out to lie on their side or upside down are worked on again.

    Raises:
        UsageError: there are no workers.
    """
    submitted = list[PageTask]()

    def recorded() -> Iterator[PageTask]:
        for task in tasks:
            submitted.append(task)
            yield task

    turn = partial(pool.turn, submitted)
    yield from read_pages(pool.work(recorded()), recogniser, options, stopwatch, turn)
