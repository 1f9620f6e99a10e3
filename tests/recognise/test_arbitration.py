"""Words in what hardly looked like boxes go; many doubtful boxes are a reason to look."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.records import Box, DigitBox, Field, PageCrops, Surroundings
from formreader.recognise.arbitration import (
    NO_DIGITS,
    has_doubtful_boxes,
    without_contradictions,
    without_words,
)
from formreader.recognise.architectures import CLASSES
from formreader.recognise.decisions import NOT_A_DIGIT

PICTURE = Surroundings(b"", Box(0, 0, 9, 9), 1.0)


def boxes(n: int, score: float, top: int = 0) -> tuple[DigitBox, ...]:
    corners = [((x, top), (x + 9, top), (x + 9, top + 9), (x, top + 9)) for x in range(0, 9 * n, 9)]
    return tuple(DigitBox(quad, score) for quad in corners)


def page(*fields: Field, blank: frozenset[int] = frozenset()) -> PageCrops:
    n = sum(len(field.boxes) for field in fields)
    return PageCrops(
        "a.png",
        0,
        fields,
        np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8),
        np.array([i in blank for i in range(n)], np.bool_),
        (PICTURE,) * len(fields),
    )


def probabilities(*doubts: float) -> npt.NDArray[np.float32]:
    """What is no digit with these probabilities, and else a 7."""
    read = np.zeros((len(doubts), len(CLASSES)), np.float32)
    read[:, NOT_A_DIGIT] = doubts
    read[:, 7] = 1 - read[:, NOT_A_DIGIT]
    return read


def test_words_in_doubtful_boxes_go() -> None:
    digits, words = Field(boxes(2, 0.45)), Field(boxes(3, 0.45, top=50))
    left, read = without_words(page(words, digits), probabilities(0.9, 0.8, 0.7, 0.1, 0.2))
    assert left.fields == (digits,)
    assert left.crops[:, 0, 0].tolist() == [3, 4]
    assert len(left.surroundings) == len(left.blank) // 2 == 1
    assert read[:, NOT_A_DIGIT] == pytest.approx([0.1, 0.2])
    (dropped,) = left.discarded
    assert (dropped.boxes, dropped.reason) == (words.boxes, NO_DIGITS)


def test_letters_in_sure_boxes_stay_and_so_does_what_may_be_a_number() -> None:
    fields = (Field(boxes(2, 0.8)), Field(boxes(2, 0.4)), Field(boxes(1, 0.4)))
    given = page(*fields, blank=frozenset({4})), probabilities(0.9, 0.9, 0.6, 0.3, 0.0)
    assert without_words(*given)[0] is given[0]


def test_open_fields_are_judged_elsewhere() -> None:
    open_field = Field(boxes(2, 0.3), frame=DigitBox(((0, 0), (40, 0), (40, 20), (0, 20)), 0.3))
    given = page(open_field), probabilities(0.9, 0.9)
    assert without_words(*given)[0] is given[0]


def test_a_page_without_fields() -> None:
    assert without_words(page(), probabilities())[0].fields == ()
    assert not has_doubtful_boxes(page())


@pytest.mark.parametrize(("doubtful", "told"), [(0, False), (1, False), (4, True), (10, True)])
def test_many_doubtful_boxes_are_a_reason_to_look(doubtful: int, told: bool) -> None:
    fields = [Field(boxes(k, s)) for k, s in ((10 - doubtful, 0.8), (doubtful, 0.3)) if k]
    assert has_doubtful_boxes(page(*fields)) is told


def framed(n: int, left: int, right: int) -> Field:
    """An open field with `n` digits from `left` to `right`."""
    frame = DigitBox(((left, 0), (right, 0), (right, 9), (left, 9)), 1.0)
    step = (right - left) / n
    edges = [(left + i * step, left + (i + 1) * step) for i in range(n)]
    digits = tuple(DigitBox(((a, 1), (b, 1), (b, 8), (a, 8)), 1.0) for a, b in edges)
    return Field(digits, frame=frame)


ROW = Field(boxes(3, 0.6))  # from 0 to 27


@pytest.mark.parametrize(
    ("row", "rival", "doubts", "row_stays"),
    [
        (ROW, framed(3, 0, 27), (0.1, 0.1, 0.1, 0, 0, 0), True),
        (ROW, framed(4, 0, 27), (0.1, 0.1, 0.1, 0, 0, 0, 0), False),
        (ROW, framed(4, 0, 27), (0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9), True),
        (ROW, framed(4, 0, 12), (0.1, 0.1, 0.1, 0, 0, 0, 0), True),
        (Field(boxes(1, 0.6)), framed(4, 0, 60), (0.1, 0, 0, 0, 0), False),
        (Field(boxes(1, 0.6)), framed(2, 0, 10), (0.9, 0.1, 0.1), False),
        (Field(boxes(1, 0.6)), framed(1, 0, 10), (0.1, 0.0), True),
        (ROW, framed(2, 40, 60), (0.9, 0.9, 0.9, 0, 0), None),
    ],
    ids=[
        "as many digits", "a number cut wrongly", "a word", "one of its boxes", "a part",
        "two digits in one box", "a cell", "elsewhere",
    ],
)  # fmt: skip
def test_of_a_row_and_an_open_field_in_one_place_one_stays(
    row: Field, rival: Field, doubts: tuple[float, ...], row_stays: bool | None
) -> None:
    left, read = without_contradictions(page(row, rival), probabilities(*doubts))
    kept = {True: (row,), False: (rival,), None: (row, rival)}[row_stays]
    assert left.fields == kept
    assert len(read) == len(left.crops) == sum(len(field.boxes) for field in kept)
    assert len(left.discarded) == 2 - len(kept)


def test_a_row_whose_boxes_are_rectangles_each_stays_whole() -> None:
    cells = [framed(2, 0, 9), framed(1, 9, 18), framed(1, 18, 27)]
    left, _ = without_contradictions(page(ROW, *cells), probabilities(0.1, 0.1, 0.1, 0, 0, 0, 0))
    assert left.fields == (ROW,)
