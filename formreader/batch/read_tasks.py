"""Reads pages with the workers and the network, in order, without a job on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from formreader.batch.page_pool import PagePool
from formreader.batch.page_work import PageTask
from formreader.core.options import ScanOptions
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.recognise.page_reading import NO_FORM_RULES, read_pages
from formreader.recognise.recogniser import Recogniser
from formreader.rules.form_rules import FormRules


def read_tasks(
    tasks: Iterable[PageTask],
    pool: PagePool,
    recogniser: Callable[[], Recogniser],
    options: ScanOptions,
    stopwatch: Stopwatch,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Yield the crops and the reading of each page, in the order of `tasks`.

    `recogniser` is called when a page is to be read here. Pages that turn out to lie on their side
    or upside down are worked on again.

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
    worked: Iterable[Any],
    tasks: Sequence[PageTask],
    pool: PagePool,
    recogniser: Callable[[], Recogniser],
    options: ScanOptions,
    stopwatch: Stopwatch,
    rules: Mapping[str, FormRules] = NO_FORM_RULES,
) -> Iterator[Any]:
    """Yield what the workers made of each page that they read, and of others crops and reading.

    `tasks` are those of the pages, in their order; some may be added while the pages come. Other
    arguments are those of `read_pages`.
    """
    done = 0

    def turn(first: int, quarters: Mapping[int, int]) -> list[PageCrops]:
        return pool.turn(tasks, {first + i: by for i, by in quarters.items()})

    for is_cut, some in groupby(worked, lambda one: isinstance(one, PageCrops)):
        of_these = partial(turn, done)
        for one in (
            read_pages(some, recogniser(), options, stopwatch, of_these, rules) if is_cut else some
        ):
            done += 1
            yield one
