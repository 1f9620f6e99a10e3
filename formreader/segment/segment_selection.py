"""Which segments of a cell are its digits, and which cells hold no handwritten number at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.records import DigitBox, FieldCrops, SegmentedField
from formreader.segment.handwriting_filter import (
    is_handwritten_size,
    may_be_separators,
    printed_fields,
)
from formreader.segment.viterbi import best_way

NO_NUMBER = "no handwritten number in it"
"""Why a rectangle is no cell for a number after all."""

_LEAST_PROBABILITY = 1e-6
"""Keeps logarithms finite."""

_LEAST_DIGITS = 0.65
"""Mean probability of being a digit from which segments are a number, not a word or a tick."""

_MOST_DIGITS = 12

_SEPARATOR_DOUBT = 0.5
"""What remains of a 1's probability where it may be a separator that was not found."""

_CELL_ASPECT = 1.3
"""Width per height up to which the rectangle of a single digit is its box."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectedField:
    """A field as it remains, and how probable it is that each box is rightly cut, (n,).

    `legible` is the mean probability that the boxes hold digits, 0 for a blank cell.
    """

    field: FieldCrops
    shares: npt.NDArray[np.float64]
    legible: float = 0.0


def select_segments(
    fields: Sequence[FieldCrops], drafts: Iterable[Probabilities]
) -> list[SelectedField]:
    """Keep of each cell the segments that are its digits; drop cells that hold no number.

    Cells that are blank or hardly read remain where a number stands in one of the same size.

    Args:
        fields: the fields of one page.
        drafts: for each of them that has segments, in order, the (n, 11) probabilities of these.
    """
    selected = list(_select(fields, iter(drafts)))
    if all(one.field.cell is None for one in selected):
        return selected
    return [_with_cell(one) for one in _without_words(selected)]


def _select(
    fields: Sequence[FieldCrops], drafts: Iterator[Probabilities]
) -> Iterator[SelectedField]:
    """The fields with the boxes that are digits, without what is too much or too small."""
    for field in fields:
        if not isinstance(field, SegmentedField):
            yield SelectedField(field, np.ones(len(field.boxes)))
            continue
        best = next(drafts)[:, :NOT_A_DIGIT].max(axis=1).astype(np.float64)
        priors = np.array([segment.log_prior for segment in field.segments])
        scores = priors + np.log(np.maximum(best, _LEAST_PROBABILITY))
        way, shares = best_way(field.segments, scores)
        digits = FieldCrops(
            tuple(field.boxes[i] for i in way),
            field.crops[way],
            field.blank[way],
            field.thumbnail,
            field.cell,
        )
        if len(way) <= _MOST_DIGITS and is_handwritten_size(digits):
            doubts = np.where(may_be_separators(digits), _SEPARATOR_DOUBT, 1.0)
            yield SelectedField(digits, shares * doubts, float(best[way].mean()))


def _without_words(selected: Sequence[SelectedField]) -> list[SelectedField]:
    """The fields without the cells that hold print or words, or are of no number's size."""
    legible = [one for one in selected if one.legible >= _LEAST_DIGITS]
    printed = printed_fields([one.field for one in legible])
    sizes = [one.field.box for one, is_print in zip(legible, printed, strict=True) if not is_print]
    print_ = {id(one) for one, is_print in zip(legible, printed, strict=True) if is_print}
    return [
        one
        for one in selected
        if one.field.cell is None
        or (id(one) not in print_ and any(map(one.field.box.is_as_large_as, sizes)))
    ]


def _with_cell(one: SelectedField) -> SelectedField:
    """The cell is the box of a lone digit, where it is no wider than a digit's box may be."""
    field = one.field
    if field.cell and len(field.boxes) == 1 and field.box.width <= _CELL_ASPECT * field.box.height:
        in_cell = FieldCrops((field.cell,), field.crops, field.blank, field.thumbnail, field.cell)
        return SelectedField(in_cell, one.shares, one.legible)
    return one


def dropped_cells(
    before: Sequence[FieldCrops], after: Sequence[FieldCrops]
) -> tuple[DigitBox, ...]:
    """The cells of a page that are not among its fields any more."""
    kept = {field.cell for field in after}
    return tuple(field.cell for field in before if field.cell and field.cell not in kept)


def with_doubt(probabilities: Probabilities, shares: npt.NDArray[np.float64]) -> Probabilities:
    """Probabilities (n, 11) of boxes that are rightly cut with probability `shares`, (n,).

    What speaks for another cut goes over to "not a digit", so that a doubtful cut is for review.
    """
    doubted = probabilities * shares[:, None]
    doubted[:, NOT_A_DIGIT] += 1 - shares
    return np.asarray(doubted, np.float32)
