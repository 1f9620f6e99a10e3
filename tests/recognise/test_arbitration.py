"""Words in boxes are dropped, rows are settled against cells, doubtful pages are flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formreader.core.classes import CLASSES, NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops
from formreader.detect.box_network import shipped_decisions
from formreader.recognise.arbitration import (
    drop_words,
    dropped_boxes,
    has_doubtful_boxes,
    settle_places,
)
from formreader.recognise.ctc import CTC_CLASSES, Alignment
from formreader.recognise.decisions import ReadField
from formreader.recognise.number_reader import NumberHypothesis


def boxes(n: int, score: float, top: int = 0) -> tuple[DigitBox, ...]:
    corners = [((x, top), (x + 9, top), (x + 9, top + 9), (x, top + 9)) for x in range(0, 9 * n, 9)]
    return tuple(DigitBox(quad, score) for quad in corners)


def field(
    boxes: tuple[DigitBox, ...], cell: DigitBox | None = None, blank: bool = False
) -> FieldCrops:
    crops = np.zeros((len(boxes), 28, 28), np.uint8)
    return FieldCrops(boxes, crops, np.full(len(boxes), blank), cell=cell)


def read(one: FieldCrops, *doubts: float) -> ReadField:
    """A field whose boxes hold a non-digit with probability `doubts`, and a 7 otherwise."""
    probabilities = np.zeros((len(doubts), len(CLASSES)), np.float32)
    probabilities[:, NOT_A_DIGIT] = doubts
    probabilities[:, 7] = 1 - probabilities[:, NOT_A_DIGIT]
    return ReadField(one, probabilities)


DECISION = shipped_decisions().fields


def test_words_in_doubtful_boxes_are_dropped() -> None:
    words = read(field(boxes(3, 0.45, top=50)), 0.9, 0.8, 0.7)
    digits = read(field(boxes(2, 0.45)), 0.1, 0.2)
    assert drop_words([words, digits], DECISION) == [digits]
    assert dropped_boxes([words, digits], [digits]) == words.field.boxes


def test_letters_in_clear_boxes_and_possible_numbers_stay() -> None:
    given = [
        read(field(boxes(2, 0.9)), 0.9, 0.9),
        read(field(boxes(2, 0.4)), 0.6, 0.3),
        read(field(boxes(1, 0.6), blank=True), 0.0),
    ]
    assert drop_words(given, DECISION) == given


def test_blank_boxes_that_hardly_look_like_boxes_are_dropped() -> None:
    assert drop_words([read(field(boxes(4, 0.15), blank=True), *[0.0] * 4)], DECISION) == []


def test_cells_with_words_are_not_dropped_here() -> None:
    cell = DigitBox(((0, 0), (40, 0), (40, 20), (0, 20)), 0.3)
    given = [read(field(boxes(2, 0.3), cell), 0.9, 0.9)]
    assert drop_words(given, DECISION) == given


def test_a_page_without_fields() -> None:
    assert drop_words([], DECISION) == settle_places([], {}) == []
    assert not has_doubtful_boxes([])


@pytest.mark.parametrize(("doubtful", "flagged"), [(0, False), (1, False), (4, True), (10, True)])
def test_many_doubtful_boxes_flag_a_page(doubtful: int, flagged: bool) -> None:
    fields = [field(boxes(k, s)) for k, s in ((10 - doubtful, 0.97), (doubtful, 0.3)) if k]
    assert has_doubtful_boxes(fields) is flagged


def framed(n: int, left: int, right: int) -> FieldCrops:
    """A cell with `n` digits from `left` to `right`."""
    cell = DigitBox(((left, 0), (right, 0), (right, 9), (left, 9)), 1.0)
    step = (right - left) / n
    edges = [(left + i * step, left + (i + 1) * step) for i in range(n)]
    digits = tuple(DigitBox(((a, 1), (b, 1), (b, 8), (a, 8)), 1.0) for a, b in edges)
    return field(digits, cell)


def placed(place: float, n: int = 3) -> ReadField:
    """A row of boxes from 0 on, each read as a 7, that is there with a probability."""
    made = tuple(replace(box, place=place) for box in boxes(n, 0.6))
    return read(field(made), *[0.1] * n)


def said(cell: ReadField, text: str) -> dict[DigitBox, NumberHypothesis]:
    """What the strip of a cell says."""
    assert cell.field.cell is not None
    at = np.arange(len(text))
    alignment = Alignment(text, at, at + 1, np.full(len(text), 0.9))
    return {
        cell.field.cell: NumberHypothesis(np.zeros((1, CTC_CLASSES), np.float32), alignment, 0.9, 0)
    }


def test_of_a_row_and_the_cells_in_its_place_the_likelier_stays() -> None:
    cells = [read(framed(2, 0, 9), 0, 0), read(framed(1, 9, 27), 0)]
    elsewhere = read(framed(2, 40, 60), 0, 0)
    row, unlikely = placed(0.6), placed(0.4)
    assert settle_places([unlikely, *cells, elsewhere], {}) == [*cells, elsewhere]
    kept = settle_places([row, *cells, elsewhere], {})
    assert [one.field.outer_boxes[0].corners for one in kept] == [
        row.field.boxes[0].corners, elsewhere.field.outer_boxes[0].corners,
    ]  # fmt: skip
    assert settle_places([row, elsewhere], {}) == [row, elsewhere]
    assert settle_places([placed(1.0), *cells], {})[0].field.cell is None


@pytest.mark.parametrize(
    ("left", "right", "text", "doubtful"),
    [
        (0, 27, "777", [False] * 3),
        (0, 27, "7737", [True] * 3),
        (0, 27, "77", [True] * 3),
        (9, 27, "7", [False, True, True]),
        (9, 27, "77", [False] * 3),
        (9, 18, "17", [False] * 3),
    ],
    ids=["the same", "one more", "one less", "a part of the row", "its part", "no larger"],
)
def test_digits_in_boxes_are_for_review_where_a_larger_cell_says_otherwise(
    left: int, right: int, text: str, doubtful: list[bool]
) -> None:
    cell = read(framed(2, left, right), 0, 0)
    (row,) = settle_places([placed(0.6), cell], said(cell, text))
    assert row.field.cell is None
    assert [box.loose_ink for box in row.field.boxes] == doubtful


def test_the_dropped_box_of_a_cell_is_its_rectangle() -> None:
    cell = read(framed(3, 0, 27), 0, 0, 0)
    assert dropped_boxes([cell], []) == (cell.field.cell,)
