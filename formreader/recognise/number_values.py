"""The values of cells for whole numbers: the text on each strip and its confidence.

The number network reads the strip and locates each digit. The digit network reads the crops of
these digits. Its doubt lowers the confidence of the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.doubts import Doubt
from formreader.core.geometry import map_points, quads_of
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.crop.normaliser import normalise_all
from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.ctc import NOT_A_NUMBER, NOTHING_WRITTEN
from formreader.recognise.number_confidence import ConfidenceModel, features, probability
from formreader.recognise.number_reader import COLUMNS_PER_PLACE, NumberHypothesis

Columns: TypeAlias = list[tuple[int, int]]
"""First and last (exclusive) column of each digit on a strip."""

_CERTAIN = 0.999
"""The digit network is not asked from this probability of a strip's text on. No measurement on
record."""

_MIN_BLANK_PROBABILITY = 0.9
"""Least probability of a blank cell, by its strip and its ink. No measurement on record."""

_LEAST_DIGIT_PROBABILITY, _LEAST_DIGIT_DOUBT = 1e-6, 1e-4
"""Least probability and least doubt of a digit when the doubt about a number is shared out among
its digits. So even the surest digit gets a share."""

_MAX_ASPECT_OF_BOX = 1.3
"""Largest aspect ratio (width by height) of a cell that counts as the box of its only digit. No
measurement on record."""

_THOUSANDS = 3
"""Number of digits behind a thousands separator."""

_MAX_GAP = 1.5
"""Neighbouring digits farther apart may belong to two numbers. The distance is a geometric mean: of
that in strip heights, and that in median distances of the number's digits. Of 4,332 correctly read
numbers with three digits or more (`numbers/composed` and 186 drawn pages) three had more."""

_MIN_GAP_OF_THOUSANDS = 1.6
"""Least width of a gap between thousands, as a multiple of the widest other gap. No record of a
measurement."""


@dataclass(frozen=True, slots=True)
class NumberValue:
    """The value of a cell with its separators, and the `confidence` that it is right.

    `doubt` is a reason for review whatever the confidence, or "". `mark` is the probability that
    the writing is only a dash or a cross, which may mean "nothing".
    """

    value: str
    confidence: float
    doubt: str = ""
    mark: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether a threshold may accept it."""
        return not self.doubt


def aligned(field: FieldCrops, hypothesis: NumberHypothesis) -> FieldCrops:
    """The field of a cell with a box and a crop for each digit, located by the strip's alignment.

    If there is no number, its only box is the cell.
    """
    if field.cell is None or field.strip is None:
        raise ValueError("the field has no cell: nothing was read on a strip")
    (whole,) = field.boxes
    if not says_number(hypothesis):
        if field.blank.all():
            return field
        columns, boxes = [(0, field.strip.darkness.shape[1])], field.boxes
    else:
        columns = digit_columns(hypothesis, field.strip.ink)
        boxes = boxes_on_page(field.strip, columns, whole)
        if len(boxes) == 1 and whole.box.width <= _MAX_ASPECT_OF_BOX * whole.box.height:
            boxes = field.boxes
    crops = _crops(field.strip, columns)
    return replace(field, boxes=boxes, crops=crops, blank=np.zeros(len(boxes), np.bool_))


def says_number(hypothesis: NumberHypothesis) -> bool:
    """Whether the text read on a strip is a number."""
    written = without_ending(hypothesis.alignment.text)
    return NOT_A_NUMBER not in written and bool(digits_of(written))


def is_certain(hypothesis: NumberHypothesis) -> bool:
    """Whether a number is so certain that the digit network is not asked."""
    return hypothesis.probability >= _CERTAIN and says_number(hypothesis)


def digit_share(hypothesis: NumberHypothesis) -> float:
    """Mean probability that the digits on a strip are digits; 0 if no number was read."""
    if not says_number(hypothesis):
        return 0.0
    return float(hypothesis.digit_probabilities[:, :NOT_A_DIGIT].max(axis=1).mean())


def number_features(
    field: FieldCrops, digits: Probabilities, hypothesis: NumberHypothesis
) -> npt.NDArray[np.float64]:
    """The features of a number for `number_confidence`; the arguments are those of `settle`."""
    read = [int(one) for one in digits_of(hypothesis.alignment.text)]
    own = digits[np.arange(len(read)), read].astype(np.float64)
    loose = any(box.loose_ink for box in field.boxes)
    return features(hypothesis.probability, own, loose=loose, has_ink=_has_ink(field))


def settle(
    field: FieldCrops, digits: Probabilities, hypothesis: NumberHypothesis, model: ConfidenceModel
) -> tuple[FieldCrops, Probabilities, NumberValue]:
    """Decide the value of a cell.

    Args:
        field: the cell, `aligned`.
        digits: (n, 11) probabilities of its boxes by the digit network.
        hypothesis: the reading of its strip.
        model: computes the confidence.

    Returns:
        The field, (n, 11) probabilities of its boxes by the strip, and its value.
    """
    if not says_number(hypothesis):
        return _without_number(field, hypothesis, model)
    value = with_gaps(without_ending(hypothesis.alignment.text), hypothesis)
    confidence = probability(model.number, number_features(field, digits, hypothesis))
    doubt = ""
    if any(box.loose_ink for box in field.boxes):
        doubt = Doubt.INK_IN_NO_DIGIT
    elif _has_wide_gap(hypothesis):
        doubt = Doubt.TWO_NUMBERS
    return field, hypothesis.digit_probabilities, NumberValue(value, confidence, doubt)


def _has_ink(field: FieldCrops) -> bool:
    return field.strip is not None and field.strip.has_ink


def _has_wide_gap(hypothesis: NumberHypothesis) -> bool:
    """Whether two neighbouring digits are too far apart for one number."""
    alignment = hypothesis.alignment
    middles = (alignment.starts + alignment.ends)[hypothesis.digits] / 2 * COLUMNS_PER_PLACE
    gaps = np.diff(middles) / STRIP_HEIGHT
    if not len(gaps):
        return False
    usual = float(np.median(gaps)) if len(gaps) > 1 else 1.0
    return bool(gaps.max() ** 2 > _MAX_GAP**2 * usual)


def digits_of(text: str) -> str:
    """The digits of a text."""
    return "".join(filter(str.isdecimal, text))


def without_ending(text: str) -> str:
    """The text without a sign behind its last digit, which marks the end of the number."""
    last = max(
        (i for i, one in enumerate(text) if one.isdecimal() or one == NOT_A_NUMBER), default=-1
    )
    return text[: last + 1].replace(NOTHING_WRITTEN, "")


def with_gaps(text: str, hypothesis: NumberHypothesis) -> str:
    """Insert blanks between the thousands of a plain number if only these have wide gaps."""
    peaks = (hypothesis.alignment.starts + hypothesis.alignment.ends)[: len(text)] / 2
    n = len(text)
    if n <= _THOUSANDS or not text.isdecimal():
        return text
    gaps = [b - a for a, b in pairwise(peaks.tolist())]
    wide = [gaps[i] for i in range(n - 1) if (n - 1 - i) % _THOUSANDS == 0]
    others = [gaps[i] for i in range(n - 1) if (n - 1 - i) % _THOUSANDS]
    if min(wide) < _MIN_GAP_OF_THOUSANDS * max(others):
        return text
    head = n % _THOUSANDS or _THOUSANDS
    return " ".join([text[:head], *(text[i : i + _THOUSANDS] for i in range(head, n, _THOUSANDS))])


def _without_number(
    field: FieldCrops, hypothesis: NumberHypothesis, model: ConfidenceModel
) -> tuple[FieldCrops, Probabilities, NumberValue]:
    """The value of a cell without a number on its strip: blank, or for review."""
    row = np.zeros((1, len(CLASSES)), np.float32)
    blank = model.blank_probability(hypothesis.blank, _has_ink(field))
    if blank >= _MIN_BLANK_PROBABILITY and field.cell is not None:
        # If a part of the cell may be missing, writing in that part may be missing too.
        if not field.cell.loose_ink:
            empty = replace(field, boxes=(field.cell,), blank=np.ones(1, np.bool_))
            return empty, row, NumberValue("", blank)
        doubt = Doubt.INK_IN_NO_DIGIT
    else:
        doubt = Doubt.NO_NUMBER
    row[0, NOT_A_DIGIT] = 1.0
    marked = replace(field, blank=np.zeros(1, np.bool_))
    return marked, row, NumberValue("?", 0.0, doubt)


def digit_columns(hypothesis: NumberHypothesis, ink: npt.NDArray[np.uint8]) -> Columns:
    """The columns of each digit on its strip, cropped to its ink.

    Two characters are divided at the column with the least ink, near the middle between them.
    """
    alignment = hypothesis.alignment
    middles = (alignment.starts + alignment.ends) / 2 * COLUMNS_PER_PLACE
    width = ink.shape[1]
    pitch = float(np.median(np.diff(middles))) if len(middles) > 1 else float(width)
    ends = [max(middles[0] - pitch, 0.0)]
    profile = ink.sum(axis=0, dtype=np.int64)
    ends += [_parting(profile, a, b) for a, b in pairwise(middles.tolist())]
    ends += [min(middles[-1] + pitch, float(width))]
    columns = []
    for i, one in enumerate(alignment.text):
        if one.isdecimal():
            left = min(int(ends[i]), width - 1)
            right = max(min(int(np.ceil(ends[i + 1])), width), left + 1)
            inked = np.flatnonzero(profile[left:right])
            columns.append(
                (left + int(inked[0]), left + int(inked[-1]) + 1) if len(inked) else (left, right)
            )
    return columns


def _parting(profile: npt.NDArray[np.int64], first: float, second: float) -> float:
    """The column with the least ink between two characters, given their centres."""
    quarter = (second - first) / 4
    start, end = int(first + quarter), max(int(second - quarter), int(first + quarter)) + 1
    between = profile[start:end]
    if not len(between):
        return (first + second) / 2
    return float(start + np.median(np.flatnonzero(between == between.min())))


def boxes_on_page(strip: NumberStrip, columns: Columns, cell: DigitBox) -> tuple[DigitBox, ...]:
    """The boxes on the page of digits at these columns of a strip."""
    left, right = np.array(columns, np.float64).T - 0.5
    top, bottom = np.full_like(left, -0.5), np.full_like(left, len(strip.darkness) - 0.5)
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    on_page = map_points(strip.to_page, corners)
    return tuple(DigitBox(quad, cell.score, cell.loose_ink) for quad in quads_of(on_page))


def _crops(strip: NumberStrip, columns: Columns) -> npt.NDArray[np.uint8]:
    """Crops of the digits at these columns, (n, 28, 28)."""
    parts = [np.ascontiguousarray(strip.ink[:, left:right]) for left, right in columns]
    return normalise_all(parts, [1.0] * len(parts))


def shared_confidences(number: float, digits: Sequence[float]) -> list[float]:
    """Confidences of a number's digits. Their product is the number's; doubtful digits get less.

    `digits` are the probabilities of the single digits.
    """
    doubts = -np.log(np.clip(digits, _LEAST_DIGIT_PROBABILITY, 1 - _LEAST_DIGIT_DOUBT))
    return [number ** float(share) for share in doubts / doubts.sum()]
