"""In columns where some cells seem to hold two numbers, the others are for review."""

from __future__ import annotations

import math

import numpy as np
import pytest

from formreader.core.doubts import Doubt
from formreader.core.geometry import Point
from formreader.core.records import DigitBox, FieldCrops
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_values import NumberValue
from formreader.recognise.torn_columns import doubt_torn_columns

CROP, INKED = np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.bool_)


def cell(left: float, row: int, *, width: float = 200, tilt: float = 0.0) -> DigitBox:
    """A cell 30 pixels high on a page that is turned by some degrees."""
    angle = math.radians(tilt)

    def at(x: float, y: float) -> Point:
        return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)

    top, right = 40.0 * row, left + width
    return DigitBox((at(left, top), at(right, top), at(right, top + 30), at(left, top + 30)))


def field(place: DigitBox, doubt: str = "", value: str = "12") -> ReadField:
    number = NumberValue(value, 0.99, doubt)
    return ReadField(FieldCrops((place,), CROP, INKED, cell=place), np.zeros((1, 11)), number)


def doubts(fields: list[ReadField]) -> list[str]:
    return [one.number.doubt for one in doubt_torn_columns(fields) if one.number is not None]


@pytest.mark.parametrize("tilt", [0.0, 8.0, -90.0, 180.0])
def test_the_numbers_of_such_a_column_are_for_review(tilt: float) -> None:
    column = [field(cell(50, row, tilt=tilt)) for row in range(4)]
    other = [field(cell(250, row, tilt=tilt)) for row in range(4)]
    torn = field(cell(52, 4, tilt=tilt), Doubt.TWO_NUMBERS)
    assert (
        doubts([*column, torn, *other])
        == [Doubt.COLUMN_OF_TWO_NUMBERS] * 4 + [Doubt.TWO_NUMBERS] + [""] * 4
    )


def test_one_wide_gap_among_many_numbers_says_nothing() -> None:
    many = [field(cell(50, row)) for row in range(12)]
    assert doubts([*many, field(cell(50, 12), Doubt.TWO_NUMBERS)]) == [""] * 12 + [
        Doubt.TWO_NUMBERS
    ]


def test_blanks_other_doubts_and_boxes_stay() -> None:
    torn, blank = field(cell(50, 0), Doubt.TWO_NUMBERS), field(cell(50, 1), value="")
    loose, narrower = field(cell(50, 2), Doubt.INK_IN_NO_DIGIT), field(cell(50, 3, width=150))
    boxes = ReadField(FieldCrops((cell(50, 4),), CROP, INKED), np.zeros((1, 11)))
    assert doubts([torn, blank, loose, narrower]) == [
        Doubt.TWO_NUMBERS,
        "",
        Doubt.INK_IN_NO_DIGIT,
        "",
    ]
    assert doubt_torn_columns([torn, boxes])[1] is boxes
    assert doubt_torn_columns([]) == ()


@pytest.mark.parametrize("tilt", [0.0, 8.0, 180.0])
def test_a_cell_over_two_columns_is_for_review(tilt: float) -> None:
    """A line between them may be lost there; those of the columns themselves stay as they are."""
    first = [field(cell(50, row, width=80, tilt=tilt)) for row in range(3)]
    second = [field(cell(130, row, width=120, tilt=tilt)) for row in range(3)]
    over_both = field(cell(50, 3, tilt=tilt))
    assert doubts([*first, *second, over_both]) == [""] * 6 + [Doubt.OVER_TWO_COLUMNS]
    assert doubts([*first[1:], *second, over_both]) == [""] * 6  # too few for a column


def test_a_cell_that_is_wider_than_one_column_alone_stays() -> None:
    first = [field(cell(50, row, width=80)) for row in range(4)]
    apart = [field(cell(170, row, width=80)) for row in range(4)]  # does not begin where that ends
    assert doubts([*first, *apart, field(cell(50, 5))]) == [""] * 9
