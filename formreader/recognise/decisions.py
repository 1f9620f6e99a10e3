"""Turn class probabilities into readings of digits and fields."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.geometry import Box
from formreader.core.records import DigitBox, DigitReading, FieldCrops, FieldReading, Status
from formreader.recognise.number_vote import NumberVote, shared_confidences
from formreader.recognise.risk_control import Thresholds

MIN_GUESS_PROBABILITY = 0.05
"""A digit of lower probability is not given as the reading of a box, not even for review.

No record of a measurement.
"""


@dataclass(frozen=True, slots=True, eq=False)
class ReadField:
    """A field and the class probabilities of its n boxes, (n, 11); those of blanks are ignored.

    `vote` is what a cell for a whole number says, once that is settled.

    Raises:
        ValueError: the array does not fit the boxes, or holds a number that is not finite.
    """

    field: FieldCrops
    probabilities: Probabilities
    vote: NumberVote | None = None

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


def decide(read: Sequence[ReadField], thresholds: Thresholds) -> tuple[FieldReading, ...]:
    """The readings of a page's fields, from the calibrated probabilities of their boxes.

    Digits with a lower confidence than their threshold are for review, and so are those in boxes
    with loose ink, however sure: a digit beside them may be missing. A number in a cell is
    accepted or for review as a whole.
    """
    if not read:
        return ()
    boxes = (
        (digit_box, thresholds.digit(len(one.field.boxes)))
        for one in read
        for digit_box in one.field.boxes
    )
    probabilities = np.concatenate([one.probabilities for one in read])
    blank = np.concatenate([one.field.blank for one in read])
    digits = _read_digits(boxes, probabilities, blank)
    return tuple(
        _reading(one, [next(digits) for _ in one.field.boxes], thresholds.number) for one in read
    )


def _read_digits(
    boxes: Iterator[tuple[DigitBox, float]],
    probabilities: npt.NDArray[np.float32],
    blank: npt.NDArray[np.bool_],
) -> Iterator[DigitReading]:
    # A stable sort: of equal probabilities the lower digit comes first on every machine.
    ranked = np.argsort(-probabilities[:, :NOT_A_DIGIT], axis=1, kind="stable")  # (n, 10)
    # Lists are faster to index than arrays.
    rows = (probabilities.tolist(), ranked[:, :2].tolist(), blank.tolist())
    for (box, review_below), row, (best, second), is_blank in zip(boxes, *rows, strict=True):
        if is_blank:
            yield DigitReading(box.box, None, 1.0, Status.BLANK)
        else:
            threshold = math.inf if box.loose_ink else review_below
            yield _read_digit(box.box, row, best, second, threshold)


def _read_digit(
    box: Box, row: list[float], best: int, second: int, review_below: float
) -> DigitReading:
    """The reading of a box with ink; `row` has its 11 probabilities.

    Where even the best digit is improbable the reading has no digit and confidence 0. The best
    digit is then the second guess, so that the reviewer still sees it.
    """
    confidence = row[best]
    if confidence < MIN_GUESS_PROBABILITY:
        return DigitReading(box, None, 0.0, Status.REVIEW, best, confidence)
    sure = confidence >= review_below and row[best] > row[NOT_A_DIGIT]
    status = Status.OK if sure else Status.REVIEW
    return DigitReading(box, best, confidence, status, second, row[second])


def _reading(one: ReadField, digits: list[DigitReading], review_below: float) -> FieldReading:
    """The reading of a field from those of its boxes, and from the vote if it is a number's."""
    if one.vote is None:
        return _join(one.field, digits)
    joined = _join(one.field, list(_voted(one.vote, digits, review_below)))
    return replace(joined, value=one.vote.value, confidence=one.vote.confidence)


def _voted(
    vote: NumberVote, digits: list[DigitReading], review_below: float
) -> Iterator[DigitReading]:
    """The readings of a number's digits, with confidences whose product is the number's.

    All of them are accepted, or at least the doubtful ones are for review, and all of them where
    the number is not sure.
    """
    confidences = shared_confidences(vote.confidence, [digit.confidence for digit in digits])
    accepted = vote.sure and vote.confidence >= review_below
    for digit, confidence in zip(digits, confidences, strict=True):
        if digit.status is Status.BLANK:
            yield replace(digit, confidence=confidence)
            continue
        doubtful = not vote.sure or confidence == min(confidences)
        status = Status.OK
        if not accepted and (doubtful or confidence < review_below):
            status = Status.REVIEW
        yield replace(digit, confidence=confidence, status=status)


def _join(field: FieldCrops, digits: list[DigitReading]) -> FieldReading:
    cells = "".join(map(_cell, digits))
    confidence = math.prod(digit.confidence for digit in digits)
    statuses = {digit.status for digit in digits}
    if Status.REVIEW in statuses:
        status = Status.REVIEW
    else:
        status = Status.OK if Status.OK in statuses else Status.BLANK
    value, frame = cells.replace(".", ""), field.cell.box if field.cell else None
    lowest = min(digit.confidence for digit in digits)
    return FieldReading(tuple(digits), value, cells, confidence, status, frame, lowest, field.name)


def _cell(digit: DigitReading) -> str:
    if digit.status is Status.BLANK:
        return "."
    return "?" if digit.digit is None else str(digit.digit)
