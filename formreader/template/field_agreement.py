"""The fields of a form, by majority vote of the fields that were found on its pages.

A box that is missing on one page is supplied by the others. Print that was taken for a box on one
page is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from formreader.core.geometry import Box, reading_order
from formreader.template.form_template import FieldPlace

_MIN_OVERLAP = 0.5
"""Least intersection over union of boxes on two pages that are one box of the form."""

_MIN_SHARE_OF_PAGES = 0.4
"""Least share of the pages that show a box of the form, if there are more than two pages."""

_MIN_LINKED_SHARE = 0.5
"""Two boxes are neighbours in a field if they are on at least this share of the pages with both."""


_MAX_GAP_OF_SINGLES = 1.5
"""Largest gap, in box widths, between single boxes that are joined to one field. The tens and units
of a number may be farther apart than the boxes of a row, as in a table of drawn boxes."""

_MAX_DIFFERENCE_OF_SINGLES = 0.15
"""Largest relative difference between the sizes, and the levels, of such boxes."""


@dataclass(frozen=True, slots=True)
class FoundField:
    """A field that one page shows, in pixels of the reference page: its boxes, or its cell."""

    boxes: tuple[Box, ...] = ()
    cell: Box | None = None


@dataclass(slots=True)
class _Place:
    """One box or cell of the form, as found on each page, by the page's index."""

    is_cell: bool
    seen: dict[int, Box] = field(default_factory=dict)

    @property
    def box(self) -> Box:
        """The median over the pages."""
        sides = [(b.left, b.top, b.width, b.height) for b in self.seen.values()]
        return Box(*np.median(sides, axis=0).tolist())


def agreed_fields(pages: Sequence[Iterable[FoundField]]) -> tuple[FieldPlace, ...]:
    """The fields that most pages of a form have, in reading order, named F01, F02, ...

    Args:
        pages: the fields that were found on each page.
    """
    places, links = list[_Place](), Counter[tuple[int, int]]()
    for page, fields in enumerate(pages):
        for one in fields:
            parts = one.boxes if one.cell is None else (one.cell,)
            at = [_place_of(places, part, one.cell is not None, page) for part in parts]
            links.update(pairwise(at))
    needed = 1.0 if len(pages) <= 2 else _MIN_SHARE_OF_PAGES * len(pages)
    kept = {i for i, place in enumerate(places) if len(place.seen) >= needed}
    kept -= _rivals(places, kept)
    in_cells = [FieldPlace("-", cell=places[i].box) for i in sorted(kept) if places[i].is_cell]
    in_boxes = [
        FieldPlace("-", tuple(places[i].box for i in chain))
        for chain in _with_singles_joined(places, _chains(places, kept, links))
    ]
    return named_in_order(in_cells + in_boxes)


def _place_of(places: list[_Place], box: Box, is_cell: bool, page: int) -> int:
    """The index of the place of a box on a page; a new place if none matches."""
    best, most = len(places), _MIN_OVERLAP
    for i, place in enumerate(places):
        if place.is_cell != is_cell or page in place.seen:
            continue
        overlap = box.overlap(next(iter(place.seen.values())))
        if overlap >= most:
            best, most = i, overlap
    if best == len(places):
        places.append(_Place(is_cell))
    places[best].seen[page] = box
    return best


def _rivals(places: Sequence[_Place], kept: set[int]) -> set[int]:
    """Of places that overlap, those that fewer pages have."""
    dropped = set[int]()
    order = sorted(kept, key=lambda i: (-len(places[i].seen), places[i].is_cell, i))
    boxes = {i: places[i].box for i in kept}
    for rank, i in enumerate(order):
        if i in dropped:
            continue
        for k in order[rank + 1 :]:
            if boxes[i].holds(boxes[k].centre) or boxes[k].holds(boxes[i].centre):
                dropped.add(k)
    return dropped


def _chains(
    places: Sequence[_Place], kept: set[int], links: Counter[tuple[int, int]]
) -> list[list[int]]:
    """The boxes of each field, left to right."""
    after, before = dict[int, int](), dict[int, int]()
    for (i, k), count in sorted(links.items(), key=lambda one: (-one[1], one[0])):
        both = len(places[i].seen.keys() & places[k].seen.keys())
        free = {i, k} <= kept and i not in after and k not in before
        if free and count >= _MIN_LINKED_SHARE * both:
            after[i], before[k] = k, i
    chains = list[list[int]]()
    for first in sorted(i for i in kept if not places[i].is_cell and i not in before):
        chain = [first]
        while (following := after.get(chain[-1])) is not None and following not in chain:
            chain.append(following)
        chains.append(chain)
    return chains


def _with_singles_joined(places: Sequence[_Place], chains: Sequence[list[int]]) -> list[list[int]]:
    """The boxes of each field; fields of one box are joined with another one close beside it."""
    joined = [chain for chain in chains if len(chain) > 1]
    singles = sorted((chain[0] for chain in chains if len(chain) == 1), key=_left_of(places))
    open_rows = list[list[int]]()
    for i in singles:
        box = places[i].box
        row = next((row for row in open_rows if _is_next(places[row[-1]].box, box)), None)
        if row is None:
            open_rows.append([i])
        else:
            row.append(i)
    return joined + open_rows


def _left_of(places: Sequence[_Place]) -> Callable[[int], float]:
    return lambda i: places[i].box.left


def _is_next(box: Box, following: Box) -> bool:
    """Whether a single box is the next one of the same field."""
    size, other = max(box.width, following.width), min(box.width, following.width)
    higher, lower = max(box.height, following.height), min(box.height, following.height)
    drop = abs(box.centre[1] - following.centre[1])
    return (
        0 <= following.left - box.right <= _MAX_GAP_OF_SINGLES * other
        and size - other <= _MAX_DIFFERENCE_OF_SINGLES * size
        and higher - lower <= _MAX_DIFFERENCE_OF_SINGLES * higher
        and drop <= _MAX_DIFFERENCE_OF_SINGLES * higher
    )


def named_in_order(fields: Sequence[FieldPlace]) -> tuple[FieldPlace, ...]:
    """The fields in reading order, with proposed names."""
    boxes = [one.box for one in fields]
    order = reading_order(
        [b.left for b in boxes], [b.centre[1] for b in boxes], [b.bottom for b in boxes]
    )
    digits = max(2, len(str(len(fields))))
    return tuple(
        FieldPlace(f"F{number:0{digits}d}", fields[i].boxes, fields[i].cell)
        for number, i in enumerate(order, 1)
    )
