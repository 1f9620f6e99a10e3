"""Crops of many pages in large batches through the network, and back to their pages.

On the way pages are found that lie upside down or on their side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from formreader.core.classes import CLASSES, NO_CROPS, Crops, Probabilities
from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, Discarded, PageCrops, PageReading, SegmentedField
from formreader.core.stopwatch import Stopwatch
from formreader.recognise.arbitration import (
    DOUBTFUL_BOXES,
    IN_ONE_PLACE,
    NO_DIGITS,
    drop_contradictions,
    drop_words,
    dropped_boxes,
    has_doubtful_boxes,
)
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.page_orientation import (
    MAYBE_TURNED,
    Orientation,
    confirmed,
    find_orientation,
    quarters_of,
)
from formreader.recognise.recogniser import Recogniser
from formreader.recognise.risk_control import acceptance
from formreader.segment.segment_selection import (
    NO_NUMBER,
    SelectedField,
    dropped_cells,
    select_segments,
    with_doubt,
)

TurnPages: TypeAlias = Callable[[Mapping[int, int]], Sequence[PageCrops]]
"""Does page work anew: index of the page -> quarter turns clockwise that bring it upright."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A page, its numbers cut into digits, and what the network says of its fields."""

    page: PageCrops
    fields: tuple[ReadField, ...]


def read_pages(
    pages: Iterable[PageCrops],
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
    turn: TurnPages | None = None,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages, in their order, in batches of `options.batch` crops across pages.

    Pages that prove to be turned are replaced by what `turn` makes of them; where it is
    None all pages are read as they are. The time that the network takes counts as the stage
    "recognise" of `stopwatch`.

    Raises:
        ModelError: the model cannot promise `options.max_error`.
    """
    review_below = acceptance(recogniser.card, options).review_below
    network = _Network(recogniser, stopwatch)
    done = 0
    for unread in _groups(pages, options.batch):
        group = network.read(unread)
        lies = [Orientation()] * len(group)
        if turn is not None:
            lies = [network.orientation(page) for page in group]
            turned = [i for i, orientation in enumerate(lies) if orientation.quarters]
            again = turn({done + i: _upright(group[i], lies[i]) for i in turned}) if turned else []
            for i, page in zip(turned, network.read(again), strict=True):
                group[i] = page
                lies[i] = confirmed(network.orientation(page))
        done += len(group)
        for page, orientation in zip(group, lies, strict=True):
            # Only now: what is no digit may be one on a page that was turned.
            arbitrated = _arbitrated(page)
            yield arbitrated.page, _page_reading(arbitrated, orientation, review_below)


def _arbitrated(read: ReadPage) -> ReadPage:
    """The page without words that were taken for boxes, and with one field in each place."""
    for drop, reason in ((drop_words, NO_DIGITS), (drop_contradictions, IN_ONE_PLACE)):
        fields = tuple(drop(read.fields))
        if len(fields) < len(read.fields):
            page = _without(read.page, dropped_boxes(read.fields, fields), reason)
            page = replace(page, fields=tuple(one.field for one in fields))
            read = ReadPage(page, fields)
    return read


def _without(page: PageCrops, boxes: tuple[DigitBox, ...], reason: str) -> PageCrops:
    """The page with boxes among what was discarded of it."""
    return replace(page, discarded=(*page.discarded, Discarded(boxes, reason)))


def _page_reading(read: ReadPage, lies: Orientation, review_below: float) -> PageReading:
    """The page's reading; all digits of a page that may be turned are for review."""
    page = read.page
    notices = [page.notice]
    if has_doubtful_boxes(page.fields):
        notices.append(DOUBTFUL_BOXES)
    if not lies.sure:
        notices.append(MAYBE_TURNED)
        review_below = math.inf
    notice = "; ".join(filter(None, notices))
    fields = decide(read.fields, review_below)
    return PageReading(page.file, page.number, fields, page.error, notice)


@dataclass(frozen=True, slots=True)
class _Network:
    """The recogniser, with the time that it takes."""

    recogniser: Recogniser
    stopwatch: Stopwatch

    def read(self, pages: Sequence[PageCrops]) -> list[ReadPage]:
        """The pages with one box a digit, and what was read in their boxes."""
        if not pages:
            return []
        selected = self._selected(pages)
        written = [one.field.written for fields in selected for one in fields]
        read = iter(self._in_one_batch(self.recogniser.probabilities, written))
        return [
            _read_page(page, fields, [next(read) for _ in fields])
            for page, fields in zip(pages, selected, strict=True)
        ]

    def orientation(self, read: ReadPage) -> Orientation:
        """How a page lies."""
        return find_orientation(read.fields, self._probabilities)

    def _selected(self, pages: Sequence[PageCrops]) -> list[list[SelectedField]]:
        """What remains of the pages' fields, by drafts: most segments are no digits."""
        segmented = [
            [field.crops for field in page.fields if isinstance(field, SegmentedField)]
            for page in pages
        ]
        crops = [part for parts in segmented for part in parts]
        drafts = iter(self._in_one_batch(self.recogniser.drafts, crops))
        return [
            select_segments(page.fields, [next(drafts) for _ in parts])
            for page, parts in zip(pages, segmented, strict=True)
        ]

    def _in_one_batch(
        self, read: Callable[[Crops], Probabilities], parts: Sequence[Crops]
    ) -> list[Probabilities]:
        """What `read` gives for each of several arrays of crops, which it gets as one."""
        with self.stopwatch.stage("recognise"):
            probabilities = read(np.concatenate([NO_CROPS, *parts]))
        return np.split(probabilities, np.cumsum([len(part) for part in parts])[:-1])

    def _probabilities(self, crops: Crops) -> Probabilities:
        with self.stopwatch.stage("recognise"):
            return self.recogniser.probabilities(crops)


def _read_page(
    page: PageCrops, selected: Sequence[SelectedField], written: Sequence[Probabilities]
) -> ReadPage:
    """A page with the fields that remain, from what was read where ink is."""
    fields = tuple(one.field for one in selected)
    if dropped := dropped_cells(page.fields, fields):
        page = _without(page, dropped, NO_NUMBER)
    read = tuple(
        ReadField(one.field, _with_blanks(one, probabilities))
        for one, probabilities in zip(selected, written, strict=True)
    )
    return ReadPage(replace(page, fields=fields), read)


def _with_blanks(selected: SelectedField, written: Probabilities) -> Probabilities:
    """Probabilities (n, 11) of a field's boxes, zeros for blank ones, less the doubt of cuts."""
    blank = selected.field.blank
    probabilities = np.zeros((len(blank), len(CLASSES)), np.float32)
    probabilities[~blank] = written
    return with_doubt(probabilities, selected.posteriors)


def _upright(read: ReadPage, lies: Orientation) -> int:
    return (quarters_of(read.page.fields) + lies.quarters) % 4


def _groups(pages: Iterable[PageCrops], crops: int) -> Iterator[list[PageCrops]]:
    """Pages that together have at least `crops` crops with ink; the last ones have less."""
    group: list[PageCrops] = []
    waiting = 0
    for page in pages:
        group.append(page)
        waiting += sum(int(np.count_nonzero(~field.blank)) for field in page.fields)
        if waiting >= crops:
            yield group
            group, waiting = [], 0
    if group:
        yield group
