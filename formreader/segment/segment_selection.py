"""Select the segments that are the digits of a cell; drop cells without a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.geometry import SIZE_TOLERANCE
from formreader.core.records import DigitBox, FieldCrops, SegmentedField
from formreader.segment.viterbi import best_path

NO_NUMBER = "no handwritten number in it"
"""Reason for dropping a cell."""

_MIN_SEGMENT_PROBABILITY = 1e-6
"""Keeps the logarithm of a probability finite."""

_MIN_MEAN_DIGIT_PROBABILITY = 0.65
"""Mean probability that the segments are digits: below it they are a word or a tick. No measurement
on record."""

_MAX_DIGITS_PER_NUMBER = 12
"""Longer numbers are not expected in a cell. No measurement on record."""

_MIN_SEPARATOR_HEIGHT, _MAX_SEPARATOR_ASPECT = 0.8, 0.35
"""A stroke may be a printed separator if it is at least so high, in heights of the cell, and at
most so wide, in heights of its own. No measurement on record."""

_SEPARATOR_DOUBT = 0.5
"""Factor on the probability of a digit that may be a printed separator. No measurement on
record."""

_MAX_ASPECT_OF_LONE_DIGIT_CELL = 1.3
"""Width per height up to which a cell with one digit counts as that digit's box. No measurement on
record."""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """The probability that a cell holds a number, by a reader of it as a whole, and its digits."""

    probability: float = 0.0
    digits: int = 0


_NONE = WholeNumber()


@dataclass(frozen=True, slots=True, eq=False)
class SelectedField:
    """A field with the boxes of its digits, and the probability that each is cut right.

    `posteriors` is (n,), one for each box. `digit_probability` is the mean probability that the
    boxes hold digits, or that the cell holds a number if this is higher; 0 for a blank cell.
    `whole` is what the cell is read as, as a whole.
    """

    field: FieldCrops
    posteriors: npt.NDArray[np.float64]
    digit_probability: float = 0.0
    whole: WholeNumber = _NONE


def select_segments(
    fields: Sequence[FieldCrops],
    drafts: Iterable[Probabilities],
    numbers: Sequence[WholeNumber] | None = None,
) -> list[SelectedField]:
    """Keep the segments that are the digits of each cell; drop cells that hold no number.

    Blank and hardly legible cells are kept if a cell of the same size holds a number.

    Args:
        fields: the fields of one page.
        drafts: the (n, 11) probabilities of the segments of each field that has segments.
        numbers: what each field is read as, by a reader that sees it as a whole; None if there is
            no such reader.
    """
    by_whole = numbers or [_NONE] * len(fields)
    remaining = iter(drafts)
    cut = [
        _on_best_path(field, next(remaining), number) if isinstance(field, SegmentedField) else None
        for field, number in zip(fields, by_whole, strict=True)
    ]
    likely = [
        _as_it_is(field, number.probability) if one is None else _number(one)
        for field, number, one in zip(fields, by_whole, cut, strict=True)
    ]
    selected = [one for one in likely if one is not None]
    if all(one.field.cell is None for one in selected):
        return selected
    return [_with_cell(one) for one in _without_words(selected)]


def _as_it_is(field: FieldCrops, number: float) -> SelectedField:
    """Return a field that has no segments."""
    return SelectedField(field, np.ones(len(field.boxes)), 0.0 if field.blank.all() else number)


def _on_best_path(
    field: SegmentedField, draft: Probabilities, number: WholeNumber
) -> SelectedField:
    """Return a field with the boxes of its digits: those on the best path."""
    best = draft[:, :NOT_A_DIGIT].max(axis=1).astype(np.float64)
    priors = np.array([segment.log_prior for segment in field.segments])
    scores = priors + np.log(np.maximum(best, _MIN_SEGMENT_PROBABILITY))
    path, posteriors = best_path(field.segments, scores)
    digits = FieldCrops(
        tuple(field.boxes[i] for i in path),
        field.crops[path],
        field.blank[path],
        field.thumbnail,
        field.cell,
        field.strip,
        field.name,
        field.doubt,
    )
    probability = max(float(best[path].mean()), number.probability)
    return SelectedField(digits, posteriors, probability, number)


def _number(one: SelectedField) -> SelectedField | None:
    """Doubt digits that may be separators; return None for too many digits."""
    if not one.field.name and len(one.field.boxes) > _MAX_DIGITS_PER_NUMBER:
        return None
    doubts = np.where(_may_be_separators(one.field), _SEPARATOR_DOUBT, 1.0)
    return replace(one, posteriors=one.posteriors * doubts)


def _may_be_separators(field: FieldCrops) -> npt.NDArray[np.bool_]:
    """Return which digits in a cell are strokes from top to bottom, (k,): ones or separators."""
    if field.cell is None:
        return np.zeros(len(field.boxes), np.bool_)
    height = field.cell.box.height
    sides = np.array([(box.box.width, box.box.height) for box in field.boxes])
    narrow = sides[:, 0] <= _MAX_SEPARATOR_ASPECT * sides[:, 1]
    return np.asarray(narrow & (sides[:, 1] >= _MIN_SEPARATOR_HEIGHT * height))


def _without_words(selected: Sequence[SelectedField]) -> list[SelectedField]:
    """Drop the cells of words that no number's cell equals in size."""
    numbers = [
        one.field for one in selected if one.digit_probability >= _MIN_MEAN_DIGIT_PROBABILITY
    ]
    unsure = [one for one in selected if one.field.cell and not one.field.name]
    alike = _as_large_as([one.field for one in unsure], numbers)
    dropped = {id(one) for one, row in zip(unsure, alike, strict=True) if not row.any()}
    # A template's fields are there, and rows of boxes are not judged here.
    return [one for one in selected if id(one) not in dropped or one.field.name]


def _as_large_as(
    fields: Sequence[FieldCrops], others: Sequence[FieldCrops]
) -> npt.NDArray[np.bool_]:
    """Return which of m others are as large as each of n fields, (n, m) bool.

    It is what `Box.is_as_large_as` says of their outlines.
    """
    alike = np.ones((len(fields), len(others)), np.bool_)
    for one, other in zip(_sizes(fields).T, _sizes(others).T, strict=True):
        larger, smaller = np.maximum(one[:, None], other), np.minimum(one[:, None], other)
        alike &= larger <= (1 + SIZE_TOLERANCE) * smaller
    return alike


def _sizes(fields: Sequence[FieldCrops]) -> npt.NDArray[np.float64]:
    """Return the width and the height of n fields, (n, 2)."""
    boxes = [field.box for field in fields]
    return np.array([(box.width, box.height) for box in boxes], np.float64).reshape(-1, 2)


def _with_cell(one: SelectedField) -> SelectedField:
    """Make the cell the box of a lone digit, if it is no wider than a digit's box may be."""
    field = one.field
    if field.cell is None or len(field.boxes) != 1:
        return one
    if field.box.width <= _MAX_ASPECT_OF_LONE_DIGIT_CELL * field.box.height:
        box = replace(field.cell, loose_ink=field.boxes[0].loose_ink)
        in_cell = replace(field, boxes=(box,))
        return SelectedField(in_cell, one.posteriors, one.digit_probability)
    return one


def dropped_cells(
    before: Sequence[FieldCrops], after: Sequence[FieldCrops]
) -> tuple[DigitBox, ...]:
    """Return the cells of a page that its fields have lost."""
    kept = {field.cell for field in after}
    return tuple(field.cell for field in before if field.cell and field.cell not in kept)


def with_doubt(probabilities: Probabilities, posteriors: npt.NDArray[np.float64]) -> Probabilities:
    """Reduce the probabilities (n, 11) of boxes by the probability that they are cut wrong.

    That probability, one minus `posteriors` (n,), is added to "not a digit", so that doubtful
    cuts are for review.
    """
    doubted = probabilities * posteriors[:, None]
    doubted[:, NOT_A_DIGIT] += 1 - posteriors
    return np.asarray(doubted, np.float32)
