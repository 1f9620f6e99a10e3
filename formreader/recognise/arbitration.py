"""Drop words mistaken for boxes, decide between rows and cells, flag pages with doubtful boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops, mark_boxes
from formreader.detect.field_decision import FieldDecision, field_features
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.number_values import digit_share, digits_of

NO_DIGITS = "hardly boxes, and no digits in them"
"""Reason for dropping a row of doubtful boxes without digits."""

NO_NUMBER = "no handwritten number in it"
"""Reason for dropping a cell."""

IN_ONE_PLACE = "something else is in its place"
"""Reason for dropping a row or a cell that overlap each other."""

_MAX_UNLIKELY_SHARE_OF_PAGE = 0.2
"""Expected share of false boxes above which a page gets a notice. No record of a measurement."""

_MIN_DIGIT_SHARE = 0.5
"""Least mean probability of the digits read in a cell. Below it the writing may be a word or a
tick. On 120 pages of held-out issuers and writers 342 of 2,410 written values are then in no field,
and 1,689 rows of print, words and marks are for review. With 0.35 these are 336 and 1,744, with
0.65 380 and 1,592."""

_SIZE_TOLERANCE = 0.1
"""Largest relative difference between the sides of cells of one size; chosen by eye."""

_MIN_LARGER = 1.5
"""Least area of a cell with room for more than one box's digit, in areas of the box. No measurement
on record."""


def drop_words(read: Sequence[ReadField], decision: FieldDecision) -> list[ReadField]:
    """Drop rows that are hardly boxes, by their print and their reading; return the other fields.

    Each row is judged by its own reading. Cells are not judged here.
    """
    rows = [one for one in read if one.field.cell is None]
    features = [_features(one) for one in rows]
    keeps = decision.keeps(np.array(features).reshape(-1, len(decision.FEATURES))).tolist()
    dropped = {id(one) for one, kept in zip(rows, keeps, strict=True) if not kept}
    return [one for one in read if id(one) not in dropped]


def drop_words_in_cells(
    read: Sequence[ReadField], hypotheses: Mapping[DigitBox, NumberHypothesis]
) -> list[ReadField]:
    """Drop cells without a number, unless a cell of the same size has one; return the others."""
    cells = [one.field for one in read if one.field.cell is not None]
    shares = [digit_share(hypotheses[one.cell]) for one in cells if one.cell is not None]
    numbers = [one for one, share in zip(cells, shares, strict=True) if share >= _MIN_DIGIT_SHARE]
    kept = _as_large_as(cells, numbers).any(axis=1)
    dropped = {id(cells[i]) for i in np.flatnonzero(~kept)}
    return [one for one in read if id(one.field) not in dropped]


def _as_large_as(
    fields: Sequence[FieldCrops], others: Sequence[FieldCrops]
) -> npt.NDArray[np.bool_]:
    """(n, m) whether each of m others has nearly the width and the height of each of n fields."""
    alike = np.ones((len(fields), len(others)), np.bool_)
    for one, other in zip(_sizes(fields).T, _sizes(others).T, strict=True):
        larger, smaller = np.maximum(one[:, None], other), np.minimum(one[:, None], other)
        alike &= larger <= (1 + _SIZE_TOLERANCE) * smaller
    return alike


def _sizes(fields: Sequence[FieldCrops]) -> npt.NDArray[np.float64]:
    """The width and the height of n fields, (n, 2)."""
    boxes = [field.box for field in fields]
    return np.array([(box.width, box.height) for box in boxes], np.float64).reshape(-1, 2)


def _features(row: ReadField) -> list[float]:
    doubt = doubt_of(row) if len(row.written) else None
    return field_features(_probability(row.field), doubt)


def settle_places(
    read: Sequence[ReadField], hypotheses: Mapping[DigitBox, NumberHypothesis]
) -> list[ReadField]:
    """If a row of boxes and cells overlap, keep the one that is more probable by its print.

    That is not certain, and digits in boxes may be parts of numbers in larger cells. So they are
    accepted only if the cells' strips agree. `hypotheses` are the readings of the strips.
    """
    cells = [one for one in read if one.field.cell is not None]
    if not cells:
        return list(read)
    dropped, doubtful = set[int](), dict[int, npt.NDArray[np.bool_]]()
    framed = [(cell, cell.field.box) for cell in cells]
    for row in read:
        if row.field.cell is not None:
            continue
        frame = row.field.box
        # Few cells overlap a row, and comparing each box of each row would take long.
        overlapping = (cell for cell, box in framed if box.overlap(frame))
        rivals = [cell for cell in overlapping if _in_one_place(cell.field, row.field)]
        if not rivals:
            continue
        if _place_of(row.field) < 0.5:
            dropped.add(id(row))
            continue
        dropped.update(map(id, rivals))
        doubtful[id(row)] = _perhaps_in_cells(row, rivals, hypotheses)
    return [_marked(one, doubtful.get(id(one))) for one in read if id(one) not in dropped]


def dropped_boxes(before: Sequence[ReadField], after: Sequence[ReadField]) -> tuple[DigitBox, ...]:
    """The printed boxes and cells of the fields that were dropped between `before` and `after`."""
    kept = {one.field.outer_boxes[0].corners for one in after}
    gone = (one.field.outer_boxes for one in before)
    return tuple(box for boxes in gone if boxes[0].corners not in kept for box in boxes)


def doubt_of(read: ReadField) -> float:
    """Mean "not a digit" probability of a field's boxes with ink; 0 if all are blank."""
    doubt = read.written[:, NOT_A_DIGIT]
    return float(doubt.mean()) if len(doubt) else 0.0


def _perhaps_in_cells(
    row: ReadField, rivals: Sequence[ReadField], hypotheses: Mapping[DigitBox, NumberHypothesis]
) -> npt.NDArray[np.bool_]:
    """(n,) the digits of a row that may be parts of numbers in larger cells that disagree."""
    doubtful = np.zeros(len(row.field.boxes), np.bool_)
    for cell in rivals:
        inside = _holds(cell.field, row.field)
        if _digits(row, inside) != _digits_of_strip(cell, hypotheses):
            doubtful |= inside & _has_room(cell.field, row.field)
    return doubtful


def _place_of(row: FieldCrops) -> float:
    """The probability, by print alone, that a row is real and not the cells that overlap it."""
    contested = [box.place for box in row.boxes if box.place < 1]
    return float(np.mean(contested)) if contested else 1.0


def _holds(cell: FieldCrops, row: FieldCrops) -> npt.NDArray[np.bool_]:
    """(n,) the boxes of a row whose centre lies in a cell."""
    frame = cell.box
    return np.array([frame.holds(box.box.centre) for box in row.boxes], np.bool_)


def _has_room(cell: FieldCrops, row: FieldCrops) -> npt.NDArray[np.bool_]:
    """(n,) the boxes of a row for which the cell has room for further digits."""
    area = cell.box.width * cell.box.height
    return np.array(
        [area > _MIN_LARGER * box.box.width * box.box.height for box in row.boxes], np.bool_
    )


def _digits(row: ReadField, chosen: npt.NDArray[np.bool_]) -> str:
    """The digits in the chosen boxes of a row."""
    best = row.probabilities[:, :NOT_A_DIGIT].argmax(axis=1)
    return "".join(map(str, best[chosen & ~row.field.blank]))


def _digits_of_strip(cell: ReadField, hypotheses: Mapping[DigitBox, NumberHypothesis]) -> str:
    """The digits read on a cell's strip."""
    number = hypotheses.get(cell.field.cell) if cell.field.cell else None
    return digits_of(number.alignment.text) if number else ""


def _marked(read: ReadField, doubtful: npt.NDArray[np.bool_] | None) -> ReadField:
    """The field with its `doubtful` boxes, (n,), for review."""
    if doubtful is None or not doubtful.any():
        return read
    field = read.field
    return replace(read, field=replace(field, boxes=mark_boxes(field.boxes, doubtful)))


def _in_one_place(cell: FieldCrops, row: FieldCrops) -> bool:
    """Whether the centre of a row's box lies in the cell, or the cell's centre in a box."""
    frame = cell.box
    return any(frame.holds(box.box.centre) or box.box.holds(frame.centre) for box in row.boxes)


def has_doubtful_boxes(fields: Sequence[FieldCrops]) -> bool:
    """Whether so many boxes of a page are doubtful that others may be missing."""
    scores = [box.score for field in fields if field.cell is None for box in field.boxes]
    return bool(scores) and 1 - float(np.mean(scores)) > _MAX_UNLIKELY_SHARE_OF_PAGE


def in_clear_boxes(read: Sequence[ReadField]) -> list[ReadField]:
    """The fields that are cells, or rows that are more likely boxes than not."""
    return [one for one in read if not _is_doubtful(one.field)]


def _is_doubtful(field: FieldCrops) -> bool:
    """Whether a field is a row whose boxes are probably no boxes."""
    return field.cell is None and _probability(field) < 0.5


def _probability(row: FieldCrops) -> float:
    """The probability that a row is one of boxes, before it is read."""
    return float(np.mean([box.score for box in row.boxes]))
