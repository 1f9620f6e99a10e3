"""Words in boxes are dropped, rows are settled against cells, doubtful pages are flagged."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import CLASSES, NOT_A_DIGIT
from formreader.core.records import DigitBox, FieldCrops
from formreader.recognise.arbitration import (
    drop_contradictions,
    drop_words,
    dropped_boxes,
    has_doubtful_boxes,
)
from formreader.recognise.decisions import ReadField


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


def test_words_in_doubtful_boxes_are_dropped() -> None:
    words = read(field(boxes(3, 0.45, top=50)), 0.9, 0.8, 0.7)
    digits = read(field(boxes(2, 0.45)), 0.1, 0.2)
    assert drop_words([words, digits]) == [digits]
    assert dropped_boxes([words, digits], [digits]) == words.field.boxes


def test_letters_in_clear_boxes_and_possible_numbers_stay() -> None:
    given = [
        read(field(boxes(2, 0.8)), 0.9, 0.9),
        read(field(boxes(2, 0.4)), 0.6, 0.3),
        read(field(boxes(1, 0.4), blank=True), 0.0),
    ]
    assert drop_words(given) == given


def test_cells_with_words_are_not_dropped_here() -> None:
    cell = DigitBox(((0, 0), (40, 0), (40, 20), (0, 20)), 0.3)
    given = [read(field(boxes(2, 0.3), cell), 0.9, 0.9)]
    assert drop_words(given) == given


def test_a_page_without_fields() -> None:
    assert drop_words([]) == drop_contradictions([]) == []
    assert not has_doubtful_boxes([])


@pytest.mark.parametrize(("doubtful", "flagged"), [(0, False), (1, False), (4, True), (10, True)])
def test_many_doubtful_boxes_flag_a_page(doubtful: int, flagged: bool) -> None:
    fields = [field(boxes(k, s)) for k, s in ((10 - doubtful, 0.8), (doubtful, 0.3)) if k]
    assert has_doubtful_boxes(fields) is flagged


def framed(n: int, left: int, right: int) -> FieldCrops:
    """A cell with `n` digits from `left` to `right`."""
    cell = DigitBox(((left, 0), (right, 0), (right, 9), (left, 9)), 1.0)
    step = (right - left) / n
    edges = [(left + i * step, left + (i + 1) * step) for i in range(n)]
    digits = tuple(DigitBox(((a, 1), (b, 1), (b, 8), (a, 8)), 1.0) for a, b in edges)
    return field(digits, cell)


ROW = field(boxes(3, 0.6))  # from 0 to 27
LONE = field(boxes(1, 0.6))


@pytest.mark.parametrize(
    ("row", "rival", "row_stays"),
    [
        (read(ROW, 0.1, 0.1, 0.1), read(framed(3, 0, 27), 0, 0, 0), True),
        (read(ROW, 0.1, 0.1, 0.1), read(framed(4, 0, 27), 0, 0, 0, 0), False),
        (read(ROW, 0.1, 0.1, 0.1), read(framed(4, 0, 27), 0.9, 0.9, 0.9, 0.9), True),
        (read(ROW, 0.1, 0.1, 0.1), read(framed(4, 0, 12), 0, 0, 0, 0), True),
        (read(LONE, 0.1), read(framed(4, 0, 60), 0, 0, 0, 0), False),
        (read(LONE, 0.9), read(framed(2, 0, 10), 0.1, 0.1), False),
        (read(LONE, 0.1), read(framed(1, 0, 10), 0.0), True),
        (read(ROW, 0.9, 0.9, 0.9), read(framed(2, 40, 60), 0, 0), None),
    ],
    ids=[
        "as many digits", "a number cut wrongly", "a word", "one of its boxes", "a part",
        "two digits in one box", "a cell", "elsewhere",
    ],
)  # fmt: skip
def test_of_a_row_and_a_cell_in_one_place_one_stays(
    row: ReadField, rival: ReadField, row_stays: bool | None
) -> None:
    kept = {True: [row], False: [rival], None: [row, rival]}[row_stays]
    assert drop_contradictions([row, rival]) == kept


def test_the_dropped_box_of_a_cell_is_its_rectangle() -> None:
    cell = read(framed(3, 0, 27), 0, 0, 0)
    assert dropped_boxes([cell], []) == (cell.field.cell,)


def test_a_row_stays_whose_boxes_are_each_a_rectangle() -> None:
    cells = [read(framed(2, 0, 9), 0, 0), read(framed(1, 9, 18), 0), read(framed(1, 18, 27), 0)]
    row = read(ROW, 0.1, 0.1, 0.1)
    assert drop_contradictions([row, *cells]) == [row]
