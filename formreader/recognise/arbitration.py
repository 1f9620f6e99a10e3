"""Drop words mistaken for boxes, settle rows against cells, flag pages with many doubtful boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops
from formreader.recognise.decisions import ReadField

NO_DIGITS = "hardly boxes, and no digits in them"
"""Reason for dropping a row of doubtful boxes without digits."""

IN_ONE_PLACE = "something else in its place reads better"
"""Reason for dropping a row or a cell where both were found in one place."""

DOUBTFUL_BOXES = "digit boxes hard to make out: check that none is missing"
"""Notice of a page with many doubtful boxes."""

_MIN_CLEAR_BOX_SCORE = 0.5
_MAX_DOUBTFUL_BOXES_OF_PAGE = 0.2
"""A box with a lower score is doubtful; a page with a larger share of such boxes gets a notice.

No record of a measurement.
"""

_MIN_CLEAR_ROW_SCORE = 0.53
"""A row whose boxes have a lower mean score is doubtful, and dropped if it holds no digits.

Lowered from 0.6 while looking at the development pages (real forms); no record of a measurement.
"""

_MAX_DOUBT_OF_NUMBER = 0.5
_MAX_DOUBT_OF_GOOD_READING = 0.3
_MAX_DOUBT_AGAINST_GOOD_ROW = 0.1
"""Limits of the doubt about a field, which is the mean of its boxes' "not a digit" probability.

Above the first limit a row holds no number. Below the second a row or a cell is read well. Where a
row is read well, cells take its place only if each of them stays below the third.

These limits and the two widths below were settled while looking at the development pages (real
forms), and mended where those were read wrongly; no record of a measurement.
"""

_MIN_WIDE_CELL_IN_BOXES = 1.5
"""A cell is wide, with room for several digits, from this width on, in widths of a row's box."""

_MIN_ROW_SHARE_OF_CELL = 0.7
"""Boxes that cover a smaller share of a cell's width are only a part of the cell."""


def drop_words(read: Sequence[ReadField]) -> list[ReadField]:
    """Drop rows of doubtful boxes that hold no digits; return the other fields of the page."""
    return [
        one
        for one in read
        if not (_is_doubtful(one.field) and doubt_of(one) > _MAX_DOUBT_OF_NUMBER)
    ]


def drop_contradictions(read: Sequence[ReadField]) -> list[ReadField]:
    """Where a row of boxes and a cell share a place, keep only the one that reads better."""
    cells = [one for one in read if one.field.cell is not None]
    if not cells:
        return list(read)
    dropped = set[int]()
    framed = [(cell, cell.field.box) for cell in cells]
    for row in read:
        if row.field.cell is not None:
            continue
        place = row.field.box
        # Few cells overlap a row at all; comparing each box of each row would take long.
        overlapping = (cell for cell, box in framed if box.overlap(place))
        rivals = [cell for cell in overlapping if _in_one_place(cell.field, row.field)]
        if rivals and _is_misread(row, rivals):
            dropped.add(id(row))
        else:
            dropped.update(map(id, rivals))
    return [one for one in read if id(one) not in dropped]


def dropped_boxes(before: Sequence[ReadField], after: Sequence[ReadField]) -> tuple[DigitBox, ...]:
    """The printed boxes and cells of the fields that were dropped between `before` and `after`."""
    kept = set(map(id, after))
    return tuple(box for one in before if id(one) not in kept for box in one.field.outer_boxes)


def doubt_of(read: ReadField) -> float:
    """Mean "not a digit" probability of a field's boxes with ink; 0 where all are blank."""
    doubt = read.written[:, NOT_A_DIGIT]
    return float(doubt.mean()) if len(doubt) else 0.0


def _is_misread(row: ReadField, rivals: Sequence[ReadField]) -> bool:
    """Whether the cells in a row's place are right and the row is wrong."""
    doubt, doubts = doubt_of(row), [doubt_of(cell) for cell in rivals]
    rival_doubt, boxes = float(np.mean(doubts)), row.field.boxes
    cells = [cell.field for cell in rivals]
    if len(cells) >= len(boxes) > 1:
        misread = False  # each box of the row is a rectangle by itself
    elif len(boxes) == 1 or doubt > _MAX_DOUBT_OF_GOOD_READING:
        # Boxes that cover only a part of a rectangle are not printed there.
        misread = any(_is_part_of_cell(row.field, cell) for cell in cells)
    else:
        # Boxes that cut a number in the wrong places show fewer digits than it has.
        in_cells = [any(cell.box.holds(box.box.centre) for cell in cells) for box in boxes]
        more_digits = sum(len(cell.boxes) for cell in cells) > len(row.written)
        misread = all(in_cells) and more_digits and max(doubts) < _MAX_DOUBT_AGAINST_GOOD_ROW
    if misread:
        return rival_doubt < _MAX_DOUBT_OF_GOOD_READING
    narrow = all(cell.box.width < _MIN_WIDE_CELL_IN_BOXES * boxes[0].box.width for cell in cells)
    return narrow and doubt > _MAX_DOUBT_OF_NUMBER and rival_doubt < doubt


def _is_part_of_cell(row: FieldCrops, cell: FieldCrops) -> bool:
    """Whether boxes of a row lie in a cell but cover only a part of its width."""
    frame = cell.box
    inside = [box.box for box in row.boxes if frame.holds(box.box.centre)]
    return 0 < sum(box.width for box in inside) < _MIN_ROW_SHARE_OF_CELL * frame.width


def _in_one_place(cell: FieldCrops, row: FieldCrops) -> bool:
    """Whether the centre of a row's box lies in the cell, or the cell's centre in a box."""
    frame = cell.box
    return any(frame.holds(box.box.centre) or box.box.holds(frame.centre) for box in row.boxes)


def has_doubtful_boxes(fields: Sequence[FieldCrops]) -> bool:
    """Whether so many boxes of a page are doubtful that others may have been missed."""
    scores = [box.score for field in fields if field.cell is None for box in field.boxes]
    if not scores:
        return False
    doubtful = float(np.mean(np.array(scores) < _MIN_CLEAR_BOX_SCORE))
    return doubtful > _MAX_DOUBTFUL_BOXES_OF_PAGE


def in_clear_boxes(read: Sequence[ReadField]) -> list[ReadField]:
    """The fields that are cells, or rows whose boxes are not doubtful on average."""
    return [one for one in read if not _is_doubtful(one.field)]


def _is_doubtful(field: FieldCrops) -> bool:
    """Whether a field is a row whose boxes are doubtful on average."""
    if field.cell is not None:
        return False
    return float(np.mean([box.score for box in field.boxes])) < _MIN_CLEAR_ROW_SCORE
