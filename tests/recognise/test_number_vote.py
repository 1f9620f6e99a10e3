"""What a cell says, settled from its cut digits and its strip."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.doubts import Doubt
from formreader.core.records import DigitBox, FieldCrops, FieldReading, NumberStrip, Status
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_spellings
from formreader.recognise.decisions import ReadField, decide
from formreader.recognise.number_reader import HeardNumber
from formreader.recognise.number_vote import (
    SettledNumber,
    digit_columns,
    settle,
    shared_confidences,
    with_gaps,
    without_ending,
)
from formreader.recognise.risk_control import Thresholds
from formreader.recognise.vote_weights import VoteWeights

WEIGHTS = VoteWeights(
    agreed=(-0.5, -0.5, 0.0, 0.0, 0.0, 0.0),
    strip=(-1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
    cuts=(0.0, -1.0, 0.0, 0.0, 0.0, -1.0),
)
WIDTH = 128
CELL = DigitBox(((100, 50), (356, 50), (356, 114), (100, 114)))


def heard(places: str, probability: float = 0.999, blank: float = 0.0) -> HeardNumber:
    """What a reader says that is sure of one character a place; a blank is none."""
    rows = np.full((len(places), CTC_CLASSES), 1e-6, np.float32)
    for row, one in zip(rows, places, strict=True):
        row[NO_CHARACTER if one == " " else CHARACTERS.index(one)] = 1.0
    (spelling,) = best_spellings(rows[None])
    return HeardNumber(rows, spelling, probability, blank)


def spaced(text: str) -> str:
    return "  " + "   ".join(text) + "  "


def field(n: int, *, blank: bool = False, loose: bool = False) -> FieldCrops:
    """A cell with n boxes, and a strip with two pixels of ink every eight."""
    darkness = np.zeros((32, WIDTH), np.uint8)
    darkness[8:24, 4::8] = darkness[8:24, 5::8] = 255
    strip = NumberStrip(darkness, np.array([[2.0, 0, 100], [0, 2, 50], [0, 0, 1]]))
    boxes = tuple(
        DigitBox(((x, 50), (x + 20, 50), (x + 20, 114), (x, 114)), loose_ink=loose)
        for x in range(100, 100 + 20 * n, 20)
    )
    crops = np.full((n, 28, 28), 9, np.uint8)
    return FieldCrops(boxes, crops, np.full(n, blank), cell=CELL, strip=strip)


def cuts(text: str, probability: float = 0.99) -> Probabilities:
    rows = np.full((len(text), len(CLASSES)), (1 - probability) / 10, np.float32)
    for row, one in zip(rows, text, strict=True):
        row[NOT_A_DIGIT if one == "x" else int(one)] = probability
    return rows


def reading(settled: SettledNumber, review_below: float = 0.9) -> FieldReading:
    (one,) = decide(
        [ReadField(settled.field, settled.probabilities, settled.vote)],
        Thresholds.equal(review_below),
    )
    return one


def test_a_number_that_both_voices_say_is_accepted_as_a_whole() -> None:
    one = reading(settle(field(4), cuts("1250"), heard(spaced("1.250")), WEIGHTS))
    assert (one.value, one.cells, one.status) == ("1.250", "1250", Status.OK)
    assert {digit.status for digit in one.digits} == {Status.OK}
    assert math.prod(digit.confidence for digit in one.digits) == pytest.approx(one.confidence)


def test_a_number_that_both_voices_doubt_is_for_review() -> None:
    settled = settle(field(2), cuts("12", 0.5), heard(spaced("12"), 0.4), WEIGHTS)
    one = reading(settled)
    assert (one.value, one.status) == ("12", Status.REVIEW)
    assert Status.REVIEW in {digit.status for digit in one.digits}


def test_loose_ink_puts_an_agreed_number_up_for_review() -> None:
    one = reading(settle(field(2, loose=True), cuts("12"), heard(spaced("12")), WEIGHTS), 0.0)
    assert one.status is Status.REVIEW


def test_where_the_voices_differ_the_surer_one_is_given_for_review() -> None:
    by_strip = settle(field(2), cuts("96", 0.7), heard(spaced("919"), 0.99), WEIGHTS)
    one = reading(by_strip, 0.0)
    assert (one.value, one.cells, one.status) == ("919", "919", Status.REVIEW)
    assert by_strip.field.crops.shape == (3, 28, 28)
    lefts = [digit.box.left for digit in one.digits]
    assert lefts == sorted(lefts)
    assert all(CELL.box.holds(digit.box.centre) for digit in one.digits)
    by_cuts = settle(field(2), cuts("96"), heard(spaced("919"), 0.3), WEIGHTS)
    assert (reading(by_cuts, 0.0).value, by_cuts.field.crops[0, 0, 0]) == ("96", 9)


@pytest.mark.parametrize("said", ["?", "-", "1?", "?12", "-?", ""])
def test_what_is_no_number_never_gives_digits(said: str) -> None:
    one = reading(settle(field(2), cuts("12"), heard(spaced(said)), WEIGHTS), 0.0)
    assert one.status is Status.REVIEW
    assert (one.value, one.cells, one.confidence) == ("?", "?", 0.0)
    assert one.digits[0].box == CELL.box


def test_a_cell_without_ink_is_blank_with_the_readers_confidence() -> None:
    empty = field(1, blank=True)
    one = reading(settle(empty, cuts("x"), heard("  _  ", blank=0.98), WEIGHTS))
    assert (one.value, one.status, one.confidence) == (
        "",
        Status.BLANK,
        pytest.approx(0.98, abs=1e-3),
    )
    trace = settle(empty, cuts("x"), heard("  _  ", blank=0.6), WEIGHTS)
    assert (reading(trace).value, reading(trace).status) == ("?", Status.REVIEW)
    faint = settle(empty, cuts("x"), heard(spaced("00"), blank=0.01), WEIGHTS)
    assert (reading(faint).value, reading(faint).status) == ("00", Status.REVIEW)


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
    one = reading(settle(field(len(digits)), cuts(digits), of, WEIGHTS))
    assert one.value == digits
    assert one.remark == (Doubt.TWO_NUMBERS if torn else "")
    assert one.status is (Status.REVIEW if torn else Status.OK)


def test_a_blank_cell_that_may_lack_a_part_is_for_review() -> None:
    whole = field(1, blank=True)
    half = replace(whole, cell=replace(CELL, loose_ink=True))
    one = reading(settle(half, cuts("x"), heard("  _  ", blank=0.999), WEIGHTS))
    assert (one.value, one.status) == ("?", Status.REVIEW)


def test_specks_in_a_blank_cell_are_no_digits_but_digits_are_never_lost() -> None:
    nothing = heard("  _  ", blank=0.99)
    specks = reading(settle(field(2), cuts("1x", 0.4), nothing, WEIGHTS))
    assert (specks.value, specks.status) == ("", Status.BLANK)
    digits = reading(settle(field(2), cuts("12"), nothing, WEIGHTS), 0.0)
    assert (digits.value, digits.status) == ("12", Status.REVIEW)
    assert digits.confidence == pytest.approx(0.01, abs=1e-3)


def test_the_strips_reader_alone_is_sure_only_where_it_is_all_but_certain() -> None:
    sure = VoteWeights(WEIGHTS.agreed, (-1.0, 0.0, 0.0, 0.0, 0.0, 0.0), WEIGHTS.cuts)
    unclear = cuts("x1", 0.7)
    one = reading(settle(field(2), unclear, heard(spaced("407"), 0.9999), sure))
    assert (one.value, one.status) == ("407", Status.OK)
    loose = settle(field(2, loose=True), unclear, heard(spaced("407"), 0.9999), sure)
    assert reading(loose).status is Status.REVIEW
    doubtful = settle(field(2), unclear, heard(spaced("407"), 0.97), sure)
    assert reading(doubtful).status is Status.REVIEW


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
