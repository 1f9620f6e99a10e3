"""Words in what hardly looked like boxes go; many doubtful boxes are a reason to look."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.digits.network import CLASSES
from formreader.results.doubt import NO_DIGITS, has_doubtful_boxes, without_words
from formreader.results.readings import NOT_A_DIGIT
from formreader.types import Box, DigitBox, Field, PageCrops, Surroundings

PICTURE = Surroundings(b"", Box(0, 0, 9, 9), 1.0)


def boxes(n: int, score: float, top: int = 0) -> tuple[DigitBox, ...]:
    corners = [((x, top), (x + 9, top), (x + 9, top + 9), (x, top + 9)) for x in range(0, 9 * n, 9)]
    return tuple(DigitBox(quad, score) for quad in corners)


def page(*fields: Field, blank: set[int] = frozenset()) -> PageCrops:  # type: ignore[assignment]
    n = sum(len(field.boxes) for field in fields)
    return PageCrops(
        "a.png",
        0,
        fields,
        np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8),
        np.array([i in blank for i in range(n)], np.bool_),
        (PICTURE,) * len(fields),
    )


def probabilities(*doubts: float) -> np.ndarray:  # type: ignore[type-arg]
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
    given = page(*fields, blank={4}), probabilities(0.9, 0.9, 0.6, 0.3, 0.0)
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
