"""Reads pages with the workers and the network, in order, without a job on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from formreader.batch.page_pool import PagePool
from formreader.batch.worker_reading import WorkedPage
from formreader.core.options import ScanOptions
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.reading.one_page import PageTask
from formreader.reading.page_fields import NO_FORM_RULES, read_pages
from formreader.recognise.recogniser import Recogniser
from formreader.rules.form_rules import FormRules


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

    yield from read_worked(pool.work(recorded()), submitted, pool, recogniser, options, stopwatch)


def read_worked(
    worked: Iterable[WorkedPage],
    tasks: Sequence[PageTask],
    pool: PagePool,
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
    rules: Mapping[str, FormRules] = NO_FORM_RULES,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Yield the crops and the reading of each page; those that no worker read are read here.

    `tasks` are those of the pages, in their order; some may be added while the pages come. Other
    arguments are those of `read_pages`.
    """
    done = 0

    def turn(first: int, quarters: Mapping[int, int]) -> list[PageCrops]:
        return pool.turn(tasks, {first + i: by for i, by in quarters.items()})

    pairs: Iterator[tuple[PageCrops, PageReading]]
    for is_read, some in groupby(worked, lambda one: one.reading is not None):
        if is_read:
            pairs = ((one.page, one.reading) for one in some if one.reading is not None)
        else:
            pages = (one.page for one in some)
            of_these = partial(turn, done)
            pairs = read_pages(pages, recogniser, options, stopwatch, of_these, rules)
        for pair in pairs:
            done += 1
            yield pair
