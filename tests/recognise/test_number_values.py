"""What a cell says, by its strip and by the digit network on the digits read there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from formreader.core.classes import CLASSES
from formreader.core.doubts import Doubt
from formreader.core.records import DigitBox, FieldCrops, FieldReading, NumberStrip, Status
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_alignments
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.number_confidence import ConfidenceModel
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.number_values import (
    aligned,
    digit_columns,
    settle,
    shared_confidences,
    with_gaps,
    without_ending,
)
from formreader.recognise.risk_control import Thresholds

MODEL = ConfidenceModel((-0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0), no_ink=2.0)
WIDTH = 128
CELL = DigitBox(((100, 50), (356, 50), (356, 114), (100, 114)))


def heard(places: str, probability: float = 0.999, blank: float = 0.0) -> NumberHypothesis:
    """What a reader says that is sure of one character a place; a blank is none."""
    rows = np.full((len(places), CTC_CLASSES), 1e-6, np.float32)
    for row, one in zip(rows, places, strict=True):
        row[NO_CHARACTER if one == " " else CHARACTERS.index(one)] = 1.0
    (alignment,) = best_alignments(rows[None])
    return NumberHypothesis(rows, alignment, probability, blank)


def spaced(text: str) -> str:
    return "  " + "   ".join(text) + "  "


def cell_with(*, ink: bool = True, loose: bool = False, cell: DigitBox = CELL) -> FieldCrops:
    """A cell as it is cut, and a strip with two pixels of ink every eight."""
    darkness = np.zeros((32, WIDTH), np.uint8)
    darkness[8:24, 4::8] = darkness[8:24, 5::8] = 255
    own = darkness if ink else np.zeros_like(darkness)
    strip = NumberStrip(darkness, own, np.array([[2.0, 0, 100], [0, 2, 50], [0, 0, 1]]))
    box = replace(cell, loose_ink=cell.loose_ink or loose)
    crops = np.zeros((1, 28, 28), np.uint8)
    return FieldCrops((box,), crops, np.array([not ink]), cell=cell, strip=strip)


def reading(
    field: FieldCrops, of: NumberHypothesis, digits: str, chance: float = 0.99, least: float = 0.9
) -> FieldReading:
    """What is read of a cell in which the digit network sees these digits."""
    placed = aligned(field, of)
    rows = np.full((len(placed.boxes), len(CLASSES)), (1 - chance) / 10, np.float32)
    for row, one in zip(rows, digits, strict=True):
        row[int(one)] = chance
    (one,) = decide([ReadField(*settle(placed, rows, of, MODEL))], Thresholds.equal(least))
    return one


def test_a_number_that_both_networks_read_is_accepted_as_a_whole() -> None:
    one = reading(cell_with(), heard(spaced("1.250")), "1250")
    assert (one.value, one.cells, one.status) == ("1.250", "1250", Status.OK)
    assert {digit.status for digit in one.digits} == {Status.OK}
    assert math.prod(digit.confidence for digit in one.digits) == pytest.approx(one.confidence)
    lefts = [digit.box.left for digit in one.digits]
    assert lefts == sorted(lefts)
    assert all(CELL.box.holds(digit.box.centre) for digit in one.digits)


def test_the_strip_is_read_and_what_the_digit_network_sees_makes_it_less_sure() -> None:
    agreed = reading(cell_with(), heard(spaced("12")), "12", least=0.98)
    other = reading(cell_with(), heard(spaced("12")), "17", least=0.98)
    unsure = reading(cell_with(), heard(spaced("12"), 0.4), "12", least=0.98)
    assert [one.value for one in (agreed, other, unsure)] == ["12"] * 3
    assert [one.status for one in (agreed, other, unsure)] == [
        Status.OK,
        Status.REVIEW,
        Status.REVIEW,
    ]


def test_loose_ink_puts_a_number_up_for_review_however_sure() -> None:
    one = reading(cell_with(loose=True), heard(spaced("12")), "12", least=0.0)
    assert (one.status, one.remark) == (Status.REVIEW, Doubt.INK_IN_NO_DIGIT)


def test_a_lone_digit_has_a_narrow_cell_as_its_box() -> None:
    narrow = DigitBox(((100, 50), (160, 50), (160, 114), (100, 114)))
    assert aligned(cell_with(cell=narrow), heard("   7   ")).boxes == (narrow,)
    (box,) = aligned(cell_with(), heard("   7   ")).boxes
    assert box.box.width < CELL.box.width


@pytest.mark.parametrize("said", ["?", "-", "1?", "?12", "-?", ""])
def test_what_is_no_number_never_gives_digits(said: str) -> None:
    one = reading(cell_with(), heard(spaced(said)), "1", least=0.0)
    assert one.status is Status.REVIEW
    assert (one.value, one.cells, one.confidence) == ("?", "?", 0.0)
    assert one.digits[0].box == CELL.box


def test_a_cell_without_ink_is_blank_with_the_readers_confidence() -> None:
    one = reading(cell_with(ink=False), heard("  _  ", blank=0.98), "0")
    assert (one.value, one.status) == ("", Status.BLANK)
    assert one.confidence == pytest.approx(0.997, abs=1e-3)
    trace = reading(cell_with(), heard("  _  ", blank=0.6), "0")
    assert (trace.value, trace.status) == ("?", Status.REVIEW)
    specks = reading(cell_with(), heard("  _  ", blank=0.99), "0")
    assert (specks.value, specks.status) == ("", Status.BLANK)


@pytest.mark.parametrize(
    ("said", "torn"),
    [
        ("7" + 25 * " " + "1", True),
        ("7" + 20 * " " + "1", False),
        ("7" + 18 * " " + "1  2  3  4", True),
        ("7" + 18 * " " + "1" + 15 * " " + "2", False),
    ],
    ids=["two digits", "nearer", "far for digits so near", "all apart"],
)
def test_digits_far_apart_may_be_of_two_numbers(said: str, torn: bool) -> None:
    digits = said.replace(" ", "")
    of = heard(f"  {said}  ", 0.9999)
    one = reading(cell_with(), of, digits)
    assert one.value == digits
    assert one.remark == (Doubt.TWO_NUMBERS if torn else "")
    assert one.status is (Status.REVIEW if torn else Status.OK)


def test_a_blank_cell_that_may_lack_a_part_is_for_review() -> None:
    half = cell_with(ink=False, cell=replace(CELL, loose_ink=True))
    one = reading(half, heard("  _  ", blank=0.999), "0")
    assert (one.value, one.status) == ("?", Status.REVIEW)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("50.-", "50"),
        ("3,5", "3,5"),
        ("-6", "-6"),
        ("12,-", "12"),
        ("7-", "7"),
        ("-", ""),
        ("_", ""),
    ],
)
def test_an_ending_is_dropped_and_what_stands_between_digits_is_kept(said: str, value: str) -> None:
    assert without_ending(said) == value


def test_wide_gaps_between_thousands_are_kept() -> None:
    assert with_gaps("1250", heard("1      2  5  0 ")) == "1 250"
    assert with_gaps("1250", heard("1  2  5  0 ")) == "1250"
    assert with_gaps("1250", heard("1  2      5  0 ")) == "1250"
    assert with_gaps("1,25", heard("1  ,  2  5 ")) == "1,25"


def test_digits_stand_between_their_neighbours_on_the_strip() -> None:
    number = heard(spaced("12,3"))
    columns = digit_columns(number, np.full((32, 2 * len(spaced("12,3"))), 255, np.uint8))
    assert len(columns) == 3
    assert all(left < right for left, right in columns)
    assert columns[0][1] <= columns[1][0] < columns[1][1] < columns[2][0]


def test_the_doubtful_digit_bears_most_of_a_numbers_doubt() -> None:
    confidences = shared_confidences(0.8, [0.99, 0.6, 1.0])
    assert math.prod(confidences) == pytest.approx(0.8)
    assert confidences[1] < confidences[0] < confidences[2] < 1.0
