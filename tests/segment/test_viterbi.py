"""Which segments of open fields are their digits, and which fields hold a number at all."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.records import Box, DigitBox, Field, PageCrops, Segment, Status, Surroundings
from formreader.recognise.decisions import NOT_A_DIGIT, read_fields
from formreader.segment.viterbi import best_way, settle_fields, with_doubt

Probabilities = npt.NDArray[np.float32]
PICTURE = Surroundings(b"", Box(0, 0, 1, 1), 1.0)


def box_at(left: float, top: float, width: float, height: float) -> DigitBox:
    right, bottom = left + width, top + height
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def row(digit: int, chance: float) -> list[float]:
    """Probabilities of a crop that is this digit or no digit."""
    chances = [0.0] * (NOT_A_DIGIT + 1)
    chances[digit], chances[NOT_A_DIGIT] = chance, 1 - chance
    return chances


def open_field(
    spans: list[tuple[int, int]], top: float = 0, width: float = 200, uneven: float = 3
) -> Field:
    """A field 50 px high, each piece 20 px wide, with digits not all of one height."""
    boxes = tuple(
        box_at(10 + 22 * start, top + 10, 22 * (end - start) - 2, 30 + uneven * (start % 3))
        for start, end in spans
    )
    segments = tuple(Segment(start, end) for start, end in spans)
    return Field(boxes, box_at(0, top, width, 50), segments)


def blank_field(top: float, width: float = 200) -> Field:
    frame = box_at(0, top, width, 50)
    return Field((frame,), frame)


def page_of(fields: list[Field], blank: list[bool] | None = None) -> PageCrops:
    n = sum(len(field.boxes) for field in fields)
    crops = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    return PageCrops(
        "a.png", 0, tuple(fields), crops, np.array(blank or [False] * n), (PICTURE,) * len(fields)
    )


def settle(
    fields: list[Field], rows: list[list[float]], blank: list[bool] | None = None
) -> tuple[PageCrops, Probabilities]:
    """A page as it remains, and what is then known of its boxes; crop i was read as row i."""
    probabilities = np.array(rows, np.float32)
    page, shares = settle_fields(page_of(fields, blank), probabilities)
    return page, with_doubt(probabilities[page.crops[:, 0, 0]], shares)


TWO_OR_ONE = [(0, 1), (1, 2), (0, 2)]


def test_the_likelier_cut_is_taken() -> None:
    page, probabilities = settle([open_field(TWO_OR_ONE)], [row(4, 0.9), row(2, 0.9), row(8, 0.1)])
    (reading,) = read_fields(page.fields, probabilities, page.blank, 0.5)
    assert reading.value == "42"
    assert reading.box == Box(0, 0, 200, 50)
    assert [digit.box.left for digit in reading.digits] == [10, 32]
    assert page.crops[:, 0, 0].tolist() == [0, 1]


def test_one_digit_is_taken_where_it_is_likelier_than_its_halves() -> None:
    page, probabilities = settle([open_field(TWO_OR_ONE)], [row(1, 0.3), row(1, 0.3), row(0, 0.9)])
    assert probabilities.argmax(axis=1).tolist() == [0]
    assert [box.box.width for box in page.fields[0].boxes] == [42]


def test_two_likely_cuts_are_for_review() -> None:
    rows = [row(1, 0.99), row(1, 0.99), row(0, 0.97)]
    page, probabilities = settle([open_field(TWO_OR_ONE)], rows)
    (reading,) = read_fields(page.fields, probabilities, page.blank, 0.9)
    assert reading.status is Status.REVIEW
    assert reading.confidence < 0.6


def test_probabilities_still_sum_to_one() -> None:
    _, probabilities = settle([open_field(TWO_OR_ONE)], [row(1, 0.9), row(1, 0.9), row(0, 0.9)])
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_a_word_is_dropped() -> None:
    page, probabilities = settle(
        [open_field([(0, 1), (1, 2), (2, 3)])], [row(1, 0.2), row(0, 0.7), row(3, 0.1)]
    )
    assert page.fields == page.surroundings == ()
    assert len(page.crops) == len(page.blank) == len(probabilities) == 0


def test_a_field_that_is_hardly_read_stays_beside_a_number_of_its_size() -> None:
    fields = [open_field([(0, 1)]), open_field([(0, 1)], top=100)]
    page, probabilities = settle(fields, [row(7, 1.0), row(7, 0.2)])
    readings = read_fields(page.fields, probabilities, page.blank, 0.95)
    assert [reading.status for reading in readings] == [Status.OK, Status.REVIEW]


def test_small_print_is_dropped() -> None:
    frame = box_at(0, 0, 200, 50)
    small = Field((box_at(10, 20, 6, 10),), frame, (Segment(0, 1),))
    assert settle([small], [row(7, 1.0)])[0].fields == ()


def test_blank_fields_stay_beside_numbers_of_their_size() -> None:
    fields = [blank_field(0), open_field([(0, 1)], top=100), blank_field(200, width=500)]
    rows = [row(0, 0), row(7, 1.0), row(0, 0)]
    page, probabilities = settle(fields, rows, [True, False, True])
    assert [field.box.top for field in page.fields] == [0, 100]
    assert (page.blank.tolist(), len(probabilities)) == ([True, False], 2)


def test_fields_of_printed_boxes_stay_as_they_are() -> None:
    comb = Field((box_at(0, 300, 40, 50), box_at(40, 300, 40, 50)))
    page = page_of([comb])
    rows = np.array([row(1, 0.2), row(2, 0.2)], np.float32)
    assert settle_fields(page, rows)[0] is page
    assert settle_fields(page, rows)[1].tolist() == [1.0, 1.0]
    both, probabilities = settle(
        [comb, open_field([(0, 1)])], [row(1, 0.2), row(2, 0.2), row(3, 0.9)]
    )
    assert both.fields[0] == comb
    assert probabilities[:2] == pytest.approx(rows)


def test_a_lone_digit_has_its_cell_as_box() -> None:
    page, _ = settle([open_field([(0, 1)], width=60)], [row(7, 1.0)])
    assert page.fields[0].boxes == (page.fields[0].frame,)


def test_a_stroke_as_high_as_the_field_may_be_a_separator() -> None:
    frame = box_at(0, 0, 200, 50)
    boxes = (box_at(10, 12, 24, 30), box_at(40, 2, 4, 47))
    field = Field(boxes, frame, (Segment(0, 1), Segment(1, 2)))
    page, probabilities = settle([field], [row(2, 1.0), row(1, 1.0)])
    (reading,) = read_fields(page.fields, probabilities, page.blank, 0.95)
    assert [digit.status for digit in reading.digits] == [Status.OK, Status.REVIEW]


def test_even_digits_are_printed() -> None:
    spans = [(i, i + 1) for i in range(5)]
    rows = [row(3, 1.0)] * 5
    assert settle([open_field(spans, uneven=0)], rows)[0].fields == ()
    assert len(settle([open_field(spans, uneven=3)], rows)[0].fields) == 1


def test_a_column_of_even_digits_is_printed() -> None:
    fields = [open_field([(0, 1)], top=60 * i) for i in range(5)]
    rows = [row(i, 1.0) for i in range(5)]
    assert settle(fields, rows)[0].fields == ()
    assert len(settle(fields[:2], rows[:2])[0].fields) == 2


scores = st.floats(-8, 0)


@given(
    pieces=st.integers(1, 5), draw=st.lists(scores, min_size=15, max_size=15), seed=st.integers(0)
)
def test_the_best_way_is_the_best_of_all(pieces: int, draw: list[float], seed: int) -> None:
    spans = list(itertools.combinations(range(pieces + 1), 2))
    order = np.random.default_rng(seed).permutation(len(spans))
    segments = [Segment(*spans[i]) for i in order]
    values = np.array(draw[: len(spans)])
    way, shares = best_way(segments, values)

    all_ways = list(ways(segments, 0, pieces))
    totals = [sum(values[i] for i in one) for one in all_ways]
    assert sum(values[i] for i in way) == pytest.approx(max(totals))
    weight = sum(map(math.exp, totals))
    for i, share in zip(way, shares, strict=True):
        through = sum(math.exp(t) for t, one in zip(totals, all_ways, strict=True) if i in one)
        assert share == pytest.approx(through / weight)


def ways(segments: list[Segment], start: int, end: int) -> list[list[int]]:
    """All ways from one place to another."""
    if start == end:
        return [[]]
    return [
        [i, *rest]
        for i, segment in enumerate(segments)
        if segment.start == start
        for rest in ways(segments, segment.end, end)
    ]
