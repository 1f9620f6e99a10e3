"""What people answered about digits and fields, laid over what was read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from formreader.core.records import DigitReading, FieldReading, Status, cells_of, field_status

BLANK_ANSWER = ""
NO_DIGIT_ANSWER = "?"

WHOLE_FIELD = 0
"""The `box` of an answer about the whole field; boxes count from 1."""

FieldAnswers: TypeAlias = Mapping[int, str]
"""Number of the box, or `WHOLE_FIELD`, -> what a person says stands there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said of a `box`, or if that is `WHOLE_FIELD` of a field; all count from 1.

    `text` is one digit, "" for blank or "?" for no digit; of a field it is the value.
    """

    file: str
    page: int
    field: int
    box: int
    text: str
    given_by: str = ""
    given_at: str = ""

    @property
    def place(self) -> tuple[str, int, int, int]:
        """What the answer is about."""
        return self.file, self.page, self.field, self.box


def latest(rows: Iterable[tuple[int, int, str]]) -> dict[int, dict[int, str]]:
    """The answers that count, by field, from rows (field, box, text) in the order they came in.

    An answer about the whole field replaces those about its boxes, and the other way round.
    """
    found = dict[int, dict[int, str]]()
    for field, of_field in groupby(rows, itemgetter(0)):
        answers = dict[int, str]()
        for _, box, text in of_field:
            if (box == WHOLE_FIELD) != (WHOLE_FIELD in answers):
                answers = {}
            answers[box] = text
        found[field] = answers
    return found


def answered(field: FieldReading, answers: FieldAnswers) -> FieldReading:
    """A field as people answered, with confidence 1; what nobody answered stays as it was read."""
    if not answers:
        return field
    if WHOLE_FIELD in answers:
        return _with_value(field, answers[WHOLE_FIELD])
    digits = tuple(
        _digit(digit, answers[box]) if box in answers else digit
        for box, digit in enumerate(field.digits, 1)
    )
    cells = cells_of(digits)
    return _joined(field, digits, _value(field, cells), cells)


def texts_of_boxes(field: FieldReading, value: str) -> list[str] | None:
    """What a value says of each box, or each not blank; None if its digits do not match them."""
    if value == NO_DIGIT_ANSWER:
        return [BLANK_ANSWER if d.status is Status.BLANK else value for d in field.digits]
    marks = [mark for mark in value if mark.isdecimal() or mark == NO_DIGIT_ANSWER]
    if len(marks) in (0, len(field.digits)):
        return marks or [BLANK_ANSWER] * len(field.digits)
    if len(marks) != sum(digit.status is not Status.BLANK for digit in field.digits):
        return None
    rest = iter(marks)
    return [BLANK_ANSWER if d.status is Status.BLANK else next(rest) for d in field.digits]


def _with_value(field: FieldReading, value: str) -> FieldReading:
    texts = texts_of_boxes(field, value)
    if texts is None:  # the boxes that were found are not those of the value's digits
        digits = tuple(_digit(digit, NO_DIGIT_ANSWER) for digit in field.digits)
        cells = "".join(mark for mark in value if mark.isdecimal() or mark == NO_DIGIT_ANSWER)
    else:
        digits = tuple(map(_digit, field.digits, texts))
        cells = cells_of(digits)
    return _joined(field, digits, value, cells)


def _digit(digit: DigitReading, text: str) -> DigitReading:
    said = None if text in (BLANK_ANSWER, NO_DIGIT_ANSWER) else int(text)
    status = Status.BLANK if text == BLANK_ANSWER else Status.CHECKED
    return DigitReading(digit.box, said, 1.0, status)


def _value(field: FieldReading, cells: str) -> str:
    """The value with the digits of `cells`, and what stood between its digits before."""
    plain = cells.replace(".", "")
    places = [i for i, mark in enumerate(field.value) if mark.isdecimal() or mark == "?"]
    if field.frame is None or len(places) != len(plain):
        return plain
    marks = list(field.value)
    for place, mark in zip(places, plain, strict=True):
        marks[place] = mark
    return "".join(marks)


def _joined(
    field: FieldReading, digits: Sequence[DigitReading], value: str, cells: str
) -> FieldReading:
    status = field_status(digits)
    confidences = [digit.confidence for digit in digits]
    return replace(
        field,
        digits=tuple(digits),
        value=value,
        cells=cells,
        confidence=math.prod(confidences),
        status=Status.CHECKED if status is not Status.REVIEW else status,
        lowest=min(confidences),
    )
