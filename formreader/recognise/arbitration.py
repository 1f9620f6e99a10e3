"""Drop words mistaken for boxes, settle rows against cells, flag pages with many doubtful boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops
from formreader.recognise.decisions import ReadField

NO_DIGITS = "hardly boxes, and no digits in them"
"""Why a row of boxes is none after all."""

IN_ONE_PLACE = "something else in its place reads better"
"""Why a row or an open field is none after all."""

DOUBTFUL_BOXES = "digit boxes hard to make out: check that none is missing"
"""A page's notice where too many of its boxes are doubtful."""

_DOUBTFUL = 0.5
"""Score below which a box is doubtful."""

_WIDE = 1.5
"""Width of an open field in boxes of a row, from which a row that fills it is what it is."""

_PART = 0.7
"""Share of an open field's width up to which a row in it fills only a part of it."""

_SOME_DOUBT, _LITTLE_DOUBT = 0.3, 0.1
"""Mean probabilities of not being a digit up to which an open field is read well enough to take
the place of a box that is a part of it, and of boxes that seem to be read well themselves."""

_SURE = 0.53
"""Mean score of a row's boxes from which it is a row whatever stands in it."""

_MOST_DOUBTFUL = 0.2
"""Share of doubtful boxes up to which the others speak for a page."""

_NO_DIGIT = 0.5
"""Mean probability of not being a digit from which what stands in a row is no number."""


def drop_words(read: Sequence[ReadField]) -> list[ReadField]:
    """The fields of a page without rows of doubtful boxes that hold no digits."""
    return [one for one in read if not (_is_doubtful(one.field) and doubt_of(one) > _NO_DIGIT)]


def drop_contradictions(read: Sequence[ReadField]) -> list[ReadField]:
    """Of a row of boxes and a cell in one place the one that reads better."""
    cells = [one for one in read if one.field.cell is not None]
    if not cells:
        return list(read)
    dropped = set[int]()
    outer = [(cell, cell.field.box) for cell in cells]
    for row in read:
        if row.field.cell is not None:
            continue
        place = row.field.box
        # Hardly any two overlap, and to look at each box of each row would take long.
        near = (cell for cell, box in outer if box.overlap(place))
        rivals = [cell for cell in near if _in_one_place(cell.field, row.field)]
        if rivals and _is_misread(row, rivals):
            dropped.add(id(row))
        else:
            dropped.update(map(id, rivals))
    return [one for one in read if id(one) not in dropped]


def dropped_boxes(before: Sequence[ReadField], after: Sequence[ReadField]) -> tuple[DigitBox, ...]:
    """What is printed of the fields that are not among those of a page any more."""
    kept = set(map(id, after))
    return tuple(box for one in before if id(one) not in kept for box in one.field.outer_boxes)


def doubt_of(read: ReadField) -> float:
    """Mean probability that what stands in a field's boxes is no digit; 0 where all are blank."""
    doubt = read.written[:, NOT_A_DIGIT]
    return float(doubt.mean()) if len(doubt) else 0.0


def _is_misread(row: ReadField, rivals: Sequence[ReadField]) -> bool:
    """Whether the cells in a row's place are what stands there."""
    doubt, doubts = doubt_of(row), [doubt_of(cell) for cell in rivals]
    rival_doubt, boxes = float(np.mean(doubts)), row.field.boxes
    cells = [cell.field for cell in rivals]
    if len(cells) >= len(boxes) > 1:
        misread = False  # each box is a rectangle of its own
    elif len(boxes) == 1 or doubt > _SOME_DOUBT:
        # A part of a rectangle is no box.
        misread = any(_is_a_part(row.field, cell) for cell in cells)
    else:
        # Boxes that cut a number in the wrong places show less digits than there are.
        there = [any(cell.box.holds(box.box.centre) for cell in cells) for box in boxes]
        more = sum(len(cell.boxes) for cell in cells) > len(row.written)
        misread = all(there) and more and max(doubts) < _LITTLE_DOUBT
    if misread:
        return rival_doubt < _SOME_DOUBT
    narrow = all(cell.box.width < _WIDE * boxes[0].box.width for cell in cells)
    return narrow and doubt > _NO_DIGIT and rival_doubt < doubt


def _is_a_part(row: FieldCrops, cell: FieldCrops) -> bool:
    """Whether the boxes of a row that lie in a cell fill only a part of its width."""
    frame = cell.box
    inside = [box.box for box in row.boxes if frame.holds(box.box.centre)]
    return 0 < sum(box.width for box in inside) < _PART * frame.width


def _in_one_place(cell: FieldCrops, row: FieldCrops) -> bool:
    """Whether a box of a row lies in a cell, or the other way round."""
    frame = cell.box
    return any(frame.holds(box.box.centre) or box.box.holds(frame.centre) for box in row.boxes)


def has_doubtful_boxes(fields: Sequence[FieldCrops]) -> bool:
    """Whether so many boxes of a page are doubtful that others may be missing."""
    scores = [box.score for field in fields if field.cell is None for box in field.boxes]
    return bool(scores) and float(np.mean(np.array(scores) < _DOUBTFUL)) > _MOST_DOUBTFUL


def in_sure_boxes(read: Sequence[ReadField]) -> list[ReadField]:
    """The fields whose boxes are not doubtful, all together."""
    return [one for one in read if not _is_doubtful(one.field)]


def _is_doubtful(field: FieldCrops) -> bool:
    if field.cell is not None:
        return False
    return float(np.mean([box.score for box in field.boxes])) < _SURE
