"""From class probabilities to readings of digits and fields."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from formreader.core.records import Box, DigitReading, Field, FieldReading, Status

NOT_A_DIGIT = 10
"""Class index of crosses, dashes, letters, scribbles, two digits in one box."""

PLAUSIBLE = 0.05
"""Least probability for a digit to be given as a guess at all."""


def read_fields(
    fields: Sequence[Field],
    probabilities: npt.NDArray[np.float32],
    blank: npt.NDArray[np.bool_],
    review_below: float,
) -> tuple[FieldReading, ...]:
    """Read the fields of a page from the calibrated probabilities of their boxes.

    Args:
        fields: the fields of one page; their boxes, one after another, are the n boxes.
        probabilities: (n, 11), the digits 0-9 and "not a digit".
        blank: (n,), True where the box holds no ink; its probabilities are not looked at.
        review_below: digits with a lower confidence than this are for review.

    Raises:
        ValueError: the arrays do not fit the boxes, or hold a number that is not finite.
    """
    n = sum(len(field.boxes) for field in fields)
    _check(n, probabilities, blank)
    boxes = (digit_box.box for field in fields for digit_box in field.boxes)
    digits = _read_digits(boxes, probabilities, blank, review_below)
    return tuple(_join(field, [next(digits) for _ in field.boxes]) for field in fields)


def _check(n: int, probabilities: npt.NDArray[np.float32], blank: npt.NDArray[np.bool_]) -> None:
    if probabilities.shape != (n, NOT_A_DIGIT + 1) or blank.shape != (n,):
        raise ValueError(
            f"{n} boxes need probabilities ({n}, {NOT_A_DIGIT + 1}) and blank ({n},). "
            f"Received: {probabilities.shape} and {blank.shape}"
        )
    if not np.isfinite(probabilities[~blank]).all():
        raise ValueError("probabilities must be finite numbers")


def _read_digits(
    boxes: Iterator[Box],
    probabilities: npt.NDArray[np.float32],
    blank: npt.NDArray[np.bool_],
    review_below: float,
) -> Iterator[DigitReading]:
    # Stable, so that a tie gives the lower digit on every machine.
    ranked = np.argsort(-probabilities[:, :NOT_A_DIGIT], axis=1, kind="stable")  # (n, 10)
    rows = (probabilities.tolist(), ranked[:, :2].tolist(), blank.tolist())  # quick to look into
    for box, row, (best, second), is_blank in zip(boxes, *rows, strict=True):
        if is_blank:
            yield DigitReading(box, None, 1.0, Status.BLANK)
        else:
            yield _read_digit(box, row, best, second, review_below)


def _read_digit(
    box: Box, row: list[float], best: int, second: int, review_below: float
) -> DigitReading:
    """The reading of a box with ink; `row` has the 11 probabilities.

    Where no digit is plausible none is given, with confidence 0, and the best of
    the ten stands as the second guess, so that the reviewer still sees it.
    """
    confidence = row[best]
    if confidence < PLAUSIBLE:
        return DigitReading(box, None, 0.0, Status.REVIEW, best, confidence)
    sure = confidence >= review_below and row[best] > row[NOT_A_DIGIT]
    status = Status.OK if sure else Status.REVIEW
    return DigitReading(box, best, confidence, status, second, row[second])


def _join(field: Field, digits: list[DigitReading]) -> FieldReading:
    cells = "".join(map(_cell, digits))
    confidence = math.prod(digit.confidence for digit in digits)
    statuses = {digit.status for digit in digits}
    if Status.REVIEW in statuses:
        status = Status.REVIEW
    else:
        status = Status.OK if Status.OK in statuses else Status.BLANK
    value, frame = cells.replace(".", ""), field.frame.box if field.frame else None
    return FieldReading(tuple(digits), value, cells, confidence, status, frame)


def _cell(digit: DigitReading) -> str:
    if digit.status is Status.BLANK:
        return "."
    return "?" if digit.digit is None else str(digit.digit)
