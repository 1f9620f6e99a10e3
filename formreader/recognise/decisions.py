"""Turn class probabilities into readings of digits and fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.doubts import Doubt, all_of
from formreader.core.records import (
    DigitBox,
    DigitReading,
    FieldCrops,
    FieldReading,
    Status,
    cells_of,
    field_status,
)
from formreader.recognise.number_values import NumberValue, shared_confidences
from formreader.recognise.risk_control import Thresholds

MIN_GUESS_PROBABILITY = 0.05
"""Least probability of a digit that is given as the reading of a box, even for review.

No record of a measurement.
"""


@dataclass(frozen=True, slots=True, eq=False)
class ReadField:
    """A field and the class probabilities of its n boxes, (n, 11); those of blanks are ignored.

    `number` is the value of a cell for a whole number, once it is decided.

    Raises:
        ValueError: the array does not fit the boxes, or holds a number that is not finite.
    """

    field: FieldCrops
    probabilities: Probabilities
    number: NumberValue | None = None

    def __post_init__(self) -> None:
        n = len(self.field.boxes)
        if self.probabilities.shape != (n, len(CLASSES)):
            raise ValueError(
                f"{n} boxes need probabilities ({n}, {len(CLASSES)}). "
                f"Received: {self.probabilities.shape}"
            )
        if not np.isfinite(self.written).all():
            raise ValueError("probabilities must be finite numbers")

    @property
    def written(self) -> Probabilities:
        """The probabilities of the boxes with ink, (m, 11)."""
        return self.probabilities[~self.field.blank]


def decide(
    read: Sequence[ReadField],
    thresholds: Thresholds,
    *,
    doubted: bool = False,
    revised: Callable[[Sequence[FieldReading]], Sequence[FieldReading]] = tuple,
) -> tuple[FieldReading, ...]:
    """The readings of a page's fields, from the calibrated probabilities of their boxes.

    A field is accepted if all of its digits together are as sure as the threshold; else those of
    lower confidence than it, and the least sure one, are for review. So are digits in boxes with
    loose ink, however sure: a digit beside them may be missing. A field whose place is in doubt is
    for review, also where it looks blank. `doubted`: all of the page is for review, whatever the
    thresholds. `revised` gives the readings that the rules of a form leave, before they are
    judged.
    """
    if not read:
        return ()
    boxes = (digit_box for one in read for digit_box in one.field.boxes)
    probabilities = np.concatenate([one.probabilities for one in read])
    blank = np.concatenate([one.field.blank for one in read])
    digits = _read_digits(boxes, probabilities, blank)
    readings = revised([_reading(one, [next(digits) for _ in one.field.boxes]) for one in read])
    if doubted:
        readings = [_doubted(reading) for reading in readings]
    readings = [
        _misplaced(reading, one.field.doubt) if one.field.doubt else reading
        for one, reading in zip(read, readings, strict=True)
    ]
    return tuple(judged(reading, thresholds) for reading in readings)


def judged(field: FieldReading, thresholds: Thresholds) -> FieldReading:
    """A reading with the statuses that `thresholds` give it. Nothing else changes.

    So thresholds can be changed after the reading. What is not acceptable is for review at any
    threshold.
    """
    review_below = thresholds.number
    if field.frame is None:
        review_below = thresholds.digit(len(field.digits))
    accepted = _accepted(field, review_below)
    if field.broken:
        accepted = [False] * len(accepted)
    digits = tuple(map(_with_status, field.digits, accepted))
    return replace(field, digits=digits, status=field_status(digits))


def _accepted(field: FieldReading, review_below: float) -> list[bool]:
    """Which digits of a field are accepted: all, or not the most doubtful ones.

    A field is as sure as all of its digits together: five digits of 0.98 are a value of 0.90.
    """
    least = min(digit.confidence for digit in field.digits)
    return [
        one.acceptable
        and (field.confidence >= review_below or least < one.confidence >= review_below)
        for one in field.digits
    ]


def _with_status(digit: DigitReading, accepted: bool) -> DigitReading:
    if digit.status is Status.BLANK and not digit.is_mark:
        return digit
    accepting = Status.BLANK if digit.is_mark else Status.OK
    status = accepting if accepted else Status.REVIEW
    return digit if digit.status is status else digit.with_status(status)


def _doubted(field: FieldReading) -> FieldReading:
    return replace(field, digits=tuple(replace(digit, acceptable=False) for digit in field.digits))


def _misplaced(field: FieldReading, doubt: str) -> FieldReading:
    """A field that may have been read in the wrong place; blank boxes there are for review too."""
    digits = tuple(
        replace(digit, confidence=0.0, status=Status.REVIEW, acceptable=False)
        if digit.status is Status.BLANK
        else replace(digit, acceptable=False)
        for digit in field.digits
    )
    cells = cells_of(digits)
    value = field.value if field.frame is not None else cells.replace(".", "")
    remark = all_of(doubt, field.remark)
    return replace(field, digits=digits, cells=cells, value=value, remark=remark)


def _read_digits(
    boxes: Iterator[DigitBox],
    probabilities: npt.NDArray[np.float32],
    blank: npt.NDArray[np.bool_],
) -> Iterator[DigitReading]:
    # A stable sort: with equal probabilities the lower digit comes first on every machine.
    ranked = np.argsort(-probabilities[:, :NOT_A_DIGIT], axis=1, kind="stable")  # (n, 10)
    # Lists are faster to index than arrays.
    rows = (probabilities.tolist(), ranked[:, :2].tolist(), blank.tolist())
    for box, row, (best, second), is_blank in zip(boxes, *rows, strict=True):
        if is_blank and box.loose_ink:
            yield DigitReading(box.box, None, 0.0, Status.REVIEW, acceptable=False)
        elif is_blank:
            yield DigitReading(box.box, None, 1.0, Status.BLANK)
        else:
            yield _read_digit(box, row, best, second)


def _read_digit(box: DigitBox, row: list[float], best: int, second: int) -> DigitReading:
    """The reading of a box with ink, before thresholds; `row` has its 11 probabilities.

    If even the best digit is improbable, the reading has no digit and confidence 0. Then the best
    digit is the second guess, so that the reviewer still sees it.
    """
    confidence = row[best]
    if confidence < MIN_GUESS_PROBABILITY:
        unsure = Status.REVIEW, best, confidence
        return DigitReading(box.box, None, 0.0, *unsure, acceptable=False)
    plausible = not box.loose_ink and confidence > row[NOT_A_DIGIT]
    return DigitReading(
        box.box, best, confidence, Status.REVIEW, second, row[second], acceptable=plausible
    )


def _reading(one: ReadField, digits: list[DigitReading]) -> FieldReading:
    """The reading of a field from those of its boxes; that of a cell also from its number."""
    number = one.number
    if number is None:
        joined = _join(one.field, digits)
    else:
        joined = _join(one.field, list(_of_number(number, digits)))
        joined = replace(
            joined, value=number.value, confidence=number.confidence, remark=number.doubt
        )
    return replace(joined, remark=Doubt.TYPED) if one.field.typed else joined


def _of_number(number: NumberValue, digits: list[DigitReading]) -> Iterator[DigitReading]:
    """The readings of a number's digits, with confidences whose product is the number's."""
    confidences = shared_confidences(number.confidence, [digit.confidence for digit in digits])
    for digit, confidence in zip(digits, confidences, strict=True):
        yield replace(digit, confidence=confidence, acceptable=number.sure)


def _join(field: FieldCrops, digits: list[DigitReading]) -> FieldReading:
    cells = cells_of(digits)
    confidence = math.prod(digit.confidence for digit in digits)
    value, frame = cells.replace(".", ""), field.cell.box if field.cell else None
    lowest = min(digit.confidence for digit in digits)
    status = field_status(digits)
    return FieldReading(
        tuple(digits), value, cells, confidence, status, frame, lowest, field.name,
        remark=_remark(field, digits),
    )  # fmt: skip


def _remark(field: FieldCrops, digits: Sequence[DigitReading]) -> str:
    """Why digits in boxes are for review whatever their confidence."""
    refused = [
        box.loose_ink
        for box, digit in zip(field.boxes, digits, strict=True)
        if not digit.acceptable
    ]
    reasons = ((Doubt.INK_IN_NO_DIGIT, any(refused)), (Doubt.MAY_BE_NO_DIGIT, not all(refused)))
    return all_of(*(reason for reason, applies in reasons if applies))
