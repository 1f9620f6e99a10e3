"""Join what the page network finds: places that it alone sees, or sees better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import DigitBox, mark_boxes
from formreader.detect.field_finder import FoundFields, digit_boxes
from formreader.detect.field_grouping import group_rows
from formreader.detect.rows import Row
from formreader.look.ink_parts import filled
from formreader.look.page_look import PageLook
from formreader.look.places import Places
from formreader.preprocess.straighten import StraightPage

_MIN_WRITTEN = 4
"""Least number of written pixels in a place, on the layers' grid (0.5 mm a pixel at 100 dpi).
Measured with the room."""

_NEIGHBOURS_EDGE = 0.15
"""Writing this near to a side of a place, as a share of its shorter side, does not count, as it may
be a neighbour's. Of 2,410 values on 120 training pages 408 are then in no field; 433 were with that
share of each side, as numbers begin and end near the sides of long cells."""

_MAX_GAP_OF_BOXES, _MAX_DROP_OF_BOXES = 0.2, 0.25
"""Boxes are side by side within these limits: the gap in box widths, and the difference of their
tops and of their bottoms in box heights. Measured with the room."""


def with_missed(
    found: FoundFields, missed: tuple[Places, Places], look: PageLook, straight: StraightPage
) -> FoundFields:
    """Add the boxes and cells that the page network finds, if something is written in them.

    A row becomes cells if the page network takes all its boxes for cells. A cell of this network
    replaces the row or the cells in its place if it is likelier than the least likely of these: so
    numbers on a line are no boxes, and long cells of printed forms stay whole. Of 2,134 written
    cells on 120 pages of held-out issuers
    and of frames 1,187 are then found once and in their size, where 1,031 were when only writing in
    no place counted. Of 2,410 values on 120 other such pages 1,004 are right, where 936 were when
    rows stayed.

    A row of this network replaces what is in its place if some of what is written in it is in no
    place, as on a fax that has lost its lines, and if it has more boxes, each counted by its
    probability. What is written in such rows is for review: else 9 instead of 3 rows of
    `printed/filled` are accepted wrongly.

    A number in a cell is for review if a pen wrote beside the cell in no place: a part of it may be
    there. Of 2,410 values on 120 training pages 496 are then accepted, 21 of them wrong; without
    that it was 530 and 29.
    """
    boxes, cells = missed
    seen = cells.on_page(straight)
    rows, as_cells = list[tuple[DigitBox, ...]](), list(found.cells)
    likely = np.array([cell.score for cell in seen])
    for row in found.rows:
        here, there = _meeting(row, seen)
        if (here & there).any(axis=1).all():
            as_cells += (row[i] for i in np.flatnonzero(_free(row, found.cells)))
        elif not (likely[(here | there).any(axis=0)] > min(box.score for box in row)).any():
            rows.append(row)
    for line in group_rows(_side_by_side(boxes)):
        parts = digit_boxes(straight, line.corners, line.scores)
        met = [not _free(row, parts).all() for row in rows]
        known = sum(box.score for row, here in zip(rows, met, strict=True) if here for box in row)
        if known >= line.scores.sum():
            continue
        if _written(_outside(look, rows, as_cells), parts).sum() >= _MIN_WRITTEN:
            rows = [row for row, here in zip(rows, met, strict=True) if not here]
            rows.append(mark_boxes(parts, _written(look, parts) >= _MIN_WRITTEN))
            as_cells = [as_cells[i] for i in np.flatnonzero(_free(as_cells, parts))]
    cells_there = [seen[i] for i in np.flatnonzero(_free(seen, list(chain(*rows))))]
    as_cells = _likelier(as_cells, cells_there, look)
    beside = _written(_outside(look, rows, as_cells), as_cells, with_ends=True)
    is_cut = beside >= _MIN_WRITTEN
    notice = "" if rows else found.notice
    return replace(found, rows=tuple(rows), cells=mark_boxes(as_cells, is_cut), notice=notice)


def _likelier(known: list[DigitBox], seen: list[DigitBox], look: PageLook) -> list[DigitBox]:
    """The known cells and those that the page network sees, without the less likely ones."""
    here, there = _meeting(known, seen)
    meet = here | there
    scores = np.array([cell.score for cell in known])
    least = np.where(meet, scores[:, None], np.inf).min(axis=0, initial=np.inf)
    likelier = np.array([cell.score for cell in seen]) > least
    alone = ~meet.any(axis=0)
    kept = np.flatnonzero(~(meet & likelier).any(axis=1))
    new = np.flatnonzero(likelier | (alone & (_written(look, seen) >= _MIN_WRITTEN)))
    return [*(known[i] for i in kept), *(seen[i] for i in new)]


def _outside(
    look: PageLook, rows: Sequence[Sequence[DigitBox]], cells: Sequence[DigitBox]
) -> PageLook:
    """The look without what is written in these places."""
    places = np.array([place.corners for place in chain(*rows, cells)], np.float64)
    return replace(look, pen=look.pen & ~filled(look.pen.shape, look.in_layers(places)))


def _meeting(
    parts: Sequence[DigitBox], others: Sequence[DigitBox]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Two (n, m) arrays: a part's centre is in the other; the other's centre is in the part."""
    low, high = _bounds(parts)
    other_low, other_high = _bounds(others)
    middle, other_middle = (low + high) / 2, (other_low + other_high) / 2
    here = (other_low < middle[:, None]) & (middle[:, None] < other_high)
    there = (low[:, None] < other_middle) & (other_middle < high[:, None])
    return np.asarray(here.all(axis=2)), np.asarray(there.all(axis=2))


def _bounds(parts: Sequence[DigitBox]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The top left and the bottom right corners of the bounding boxes of n parts, (n, 2) each."""
    corners = np.array([part.corners for part in parts], np.float64).reshape(-1, 4, 2)
    return corners.min(axis=1), corners.max(axis=1)


def _free(parts: Sequence[DigitBox], taken: Sequence[DigitBox]) -> npt.NDArray[np.bool_]:
    """(n,) the parts that overlap no taken place: neither contains the other's centre."""
    here, there = _meeting(parts, taken)
    return np.asarray(~(here | there).any(axis=1))


def _written(
    look: PageLook, parts: Sequence[DigitBox], *, with_ends: bool = False
) -> npt.NDArray[np.int64]:
    """(n,) the written pixels in each box, without its edges.

    `with_ends`: and in what lies left and right of it, as far as it is high.
    """
    corners = np.array([part.corners for part in parts], np.float64).reshape(-1, 4, 2)
    on_map = look.in_layers(corners)
    low, high = on_map.min(axis=1), on_map.max(axis=1)
    inset = np.repeat(_NEIGHBOURS_EDGE * (high - low).min(axis=1, keepdims=True), 2, axis=1)
    if with_ends:
        inset[:, 0] -= high[:, 1] - low[:, 1]
    size = look.pen.shape[::-1]
    first = np.clip(np.rint(low + inset), 0, size).astype(np.int64)
    last = np.clip(np.rint(high - inset) + 1, 0, size).astype(np.int64)
    (left, top), (right, bottom) = first.T, last.T
    sums = cv2.integral(look.pen.view(np.uint8)).astype(np.int64)
    below, above = (sums[y, right] - sums[y, left] for y in (bottom, top))
    return np.asarray(below - above)


def _side_by_side(boxes: Places) -> list[Row]:
    """Rows of boxes that share their sides, left to right."""
    order = np.argsort(boxes.corners[:, 0, 0], kind="stable")
    corners, scores = boxes.corners[order], boxes.scores[order]
    low, high = corners.min(axis=1), corners.max(axis=1)
    width, height = (high - low).T
    rows = list[list[int]]()
    for i in range(len(scores)):
        for row in rows:
            gap = abs(low[i, 0] - high[row[-1], 0]) / min(width[i], width[row[-1]])
            drop = np.abs([low[i, 1] - low[row[-1], 1], high[i, 1] - high[row[-1], 1]])
            if gap < _MAX_GAP_OF_BOXES and drop.max() < _MAX_DROP_OF_BOXES * height[row[-1]]:
                row.append(i)
                break
        else:
            rows.append([i])
    return [Row(corners[row], scores[row], float(scores[row].mean())) for row in rows]
