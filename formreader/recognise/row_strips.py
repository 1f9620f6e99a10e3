"""Rows of boxes read a second time, as text lines: two networks make fewer errors than one.

The digit network sees each box alone, cleaned of lines and print. The number network sees the
strip of the whole row as it was scanned, with the neighbouring digits and the lines. Each locates
its digits; what they say of a box is multiplied (a logarithmic opinion pool: Heskes, "Selecting
weighting factors in logarithmic opinion pools", 1998).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.geometry import map_points
from formreader.core.records import FieldCrops
from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.number_reader import COLUMNS_PER_PLACE, NumberHypothesis

_LEAST = 1e-3
"""Least probability of a class by either network before they are multiplied."""

_CERTAIN_ROW = 0.99
"""A row is not read again from this probability on of all its digits together."""


def asks_strip(field: FieldCrops, digits: Probabilities) -> bool:
    """Whether the strip of a row of boxes is to be read, given (n, 11) probabilities."""
    if field.cell is not None or field.strip is None or field.blank.all():
        return False
    best = digits[~field.blank, :NOT_A_DIGIT].max(axis=1)
    return bool(best.prod() < _CERTAIN_ROW)


def pooled(
    field: FieldCrops,
    digits: Probabilities,
    hypothesis: NumberHypothesis,
    weights: tuple[float, float],
) -> Probabilities:
    """The probabilities of a row's boxes, (n, 11), by the digit network and by its strip.

    A box in which the strip has no digit, or two, is more probably no digit. `weights` are those of
    the two networks, as the card of the number network has them.
    """
    of_digits, of_strip = log_opinions(field, digits, hypothesis)
    logs = weights[0] * of_digits + weights[1] * of_strip
    both = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(both / both.sum(axis=1, keepdims=True), np.float32)


def log_opinions(
    field: FieldCrops, digits: Probabilities, hypothesis: NumberHypothesis
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Logarithms of what both networks say of a row's boxes, (n, 11) each."""
    said = _in_boxes(field, hypothesis)
    of_digits, of_strip = (np.log(np.maximum(one, _LEAST)) for one in (digits, said))
    return of_digits, of_strip


def _in_boxes(field: FieldCrops, hypothesis: NumberHypothesis) -> Probabilities:
    """What the strip says of each box, (n, 11)."""
    said = np.zeros((len(field.boxes), NOT_A_DIGIT + 1), np.float32)
    of_digits, boxes = hypothesis.digit_probabilities, _boxes_of_digits(field, hypothesis)
    count = np.bincount(boxes, minlength=len(said))
    said[boxes] = of_digits
    said[count != 1] = 0
    said[count != 1, NOT_A_DIGIT] = 1
    return said


def _boxes_of_digits(field: FieldCrops, hypothesis: NumberHypothesis) -> npt.NDArray[np.int64]:
    """The box in which each digit of the strip is, (k,): the one with the nearest centre."""
    if field.strip is None:
        raise ValueError("the row has no strip")
    alignment, chosen = hypothesis.alignment, hypothesis.digits
    middles = (alignment.starts + alignment.ends)[chosen] / 2 * COLUMNS_PER_PLACE
    on_strip = np.column_stack([middles, np.full(len(middles), STRIP_HEIGHT / 2)])
    on_page = map_points(field.strip.to_page, on_strip)
    centres = np.array([box.box.centre for box in field.boxes])
    apart = np.linalg.norm(on_page[:, None] - centres, axis=2)
    return np.asarray(apart.argmin(axis=1), np.int64)
