"""Crops of many pages in large batches through the network, and back to their pages."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import numpy as np

from formreader.digits.network import CLASSES
from formreader.digits.recogniser import Recogniser
from formreader.options import ScanOptions
from formreader.results.readings import read_fields
from formreader.types import PageCrops, PageReading


def read_pages(
    pages: Iterable[PageCrops],
    recogniser: Recogniser,
    options: ScanOptions,
    stages: dict[str, float],
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages, in their order, in batches of `options.batch` crops across pages.

    The time that the network takes is added to `stages`.
    """
    for group in _groups(pages, options.batch):
        began = time.perf_counter()
        written = recogniser.probabilities(
            np.concatenate([page.crops[~page.blank] for page in group])
        )
        spent = time.perf_counter() - began
        stages["recognise"] = stages.get("recognise", 0.0) + spent
        start = 0
        for page in group:
            probabilities = np.zeros((len(page.blank), len(CLASSES)), np.float32)
            end = start + int(np.count_nonzero(~page.blank))
            probabilities[~page.blank] = written[start:end]
            start = end
            fields = read_fields(page.fields, probabilities, page.blank, options.review_below)
            yield page, PageReading(page.file, page.number, fields, page.error, page.notice)


def _groups(pages: Iterable[PageCrops], crops: int) -> Iterator[list[PageCrops]]:
    """Pages that together have at least `crops` crops with ink; the last ones have less."""
    group: list[PageCrops] = []
    waiting = 0
    for page in pages:
        group.append(page)
        waiting += int(np.count_nonzero(~page.blank))
        if waiting >= crops:
            yield group
            group, waiting = [], 0
    if group:
        yield group
