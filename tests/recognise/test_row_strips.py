"""Rows of boxes: what the digit network sees in each box, and the number network on their strip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formreader.core.classes import CLASSES, NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.recognise.ctc import CHARACTERS, CTC_CLASSES, NO_CHARACTER, best_alignments
from formreader.recognise.number_reader import NumberHypothesis
from formreader.recognise.row_strips import asks_strip, pooled

BOXES = 4
SIDE = 32
WEIGHTS = (0.7, 0.6)


def row(blank: str = "....") -> FieldCrops:
    """A row of boxes of 32 pixels at (100, 50), and its strip, a pixel of it one of the page."""
    boxes = tuple(
        DigitBox(((x, 50), (x + SIDE, 50), (x + SIDE, 50 + SIDE), (x, 50 + SIDE)))
        for x in range(100, 100 + BOXES * SIDE, SIDE)
    )
    darkness = np.zeros((32, BOXES * SIDE), np.uint8)
    strip = NumberStrip(darkness, darkness, np.array([[1.0, 0, 100], [0, 1, 50], [0, 0, 1]]))
    crops = np.zeros((BOXES, 28, 28), np.uint8)
    return FieldCrops(boxes, crops, np.array([one == "_" for one in blank]), strip=strip)


def said(boxes: str) -> NumberHypothesis:
    """A strip on which the number network is sure of a character in the middle of each box."""
    rows = np.full((BOXES * SIDE // 2, CTC_CLASSES), 1e-6, np.float32)
    rows[:, NO_CHARACTER] = 1.0
    for i, one in enumerate(boxes):
        if one != " ":
            rows[SIDE // 4 + i * SIDE // 2] = 1e-3
            rows[SIDE // 4 + i * SIDE // 2, CHARACTERS.index(one)] = 0.99
    (alignment,) = best_alignments(rows[None])
    return NumberHypothesis(rows, alignment, 0.99, 0.0)


def seen(digits: str, chance: float) -> np.ndarray:
    rows = np.full((BOXES, len(CLASSES)), (1 - chance) / 10, np.float32)
    for one, digit in zip(rows, digits, strict=True):
        one[NOT_A_DIGIT if digit == "_" else int(digit)] = chance
    return rows


def test_two_networks_that_agree_are_surer_than_the_one_that_is_in_doubt() -> None:
    both = pooled(row(), seen("1234", 0.8), said("1234"), WEIGHTS)
    assert both.argmax(axis=1).tolist() == [1, 2, 3, 4]
    assert (both.max(axis=1) > 0.95).all()
    assert both.sum(axis=1) == pytest.approx(np.ones(BOXES))


def test_a_doubtful_digit_is_what_the_strip_says_and_a_sure_one_stays_in_doubt() -> None:
    doubtful = pooled(row(), seen("1234", 0.4), said("1934"), WEIGHTS)
    assert doubtful.argmax(axis=1).tolist() == [1, 9, 3, 4]
    sure = pooled(row(), seen("1234", 0.99), said("1934"), WEIGHTS)
    assert sure[1].max() < 0.9


@pytest.mark.parametrize("of_strip", ["1 34", "1?34"])
def test_a_digit_that_the_strip_does_not_have_is_for_review(of_strip: str) -> None:
    both = pooled(row(), seen("1234", 0.97), said(of_strip), WEIGHTS)
    assert both[1, 2] < 0.9
    assert (both[[0, 2, 3], [1, 3, 4]] > 0.95).all()


def test_only_rows_with_a_strip_and_a_doubtful_digit_are_read_again() -> None:
    assert asks_strip(row(), seen("1234", 0.9))
    assert not asks_strip(row(), seen("1234", 0.9999))
    assert not asks_strip(row("____"), seen("1234", 0.9))
    assert not asks_strip(replace(row(), strip=None), seen("1234", 0.9))
    blank_in_doubt = seen("1234", 0.9999)
    blank_in_doubt[0] = 0
    assert not asks_strip(row("_..."), blank_in_doubt)
