"""Rows of boxes are joined into fields and sorted into reading order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.detect.field_grouping import group_rows
from formreader.detect.rows import Row


def row(
    x: float, y: float, n: int, size: tuple[float, float] = (40, 50), score: float = 1.0
) -> Row:
    """`n` cells side by side, the first one at (x, y)."""
    width, height = size
    lefts = x + width * np.arange(n)
    cells = [[(a, y), (a + width, y), (a + width, y + height), (a, y + height)] for a in lefts]
    return Row(np.array(cells, float), np.full(n, score))


def boxes(n: int, gap: float, x: float = 100, y: float = 100) -> list[Row]:
    """`n` separate boxes with a gap, as a share of their width."""
    return [row(x + i * 40 * (1 + gap), y, 1) for i in range(n)]


def shapes(fields: Sequence[Row]) -> list[tuple[float, float, int]]:
    """Where each field begins, and how many boxes it has."""
    return [(*field.corners[0, 0].tolist(), len(field)) for field in fields]


@pytest.mark.parametrize("gap", [0.1, 0.25, 0.5, 0.9])
def test_separate_boxes_are_one_field(gap: float) -> None:
    fields = group_rows(boxes(6, gap)[::-1])
    assert shapes(fields) == [(100, 100, 6)]
    lefts = fields[0].corners[:, 0, 0]
    assert (np.diff(lefts) > 0).all()


def test_boxes_far_apart_are_two_fields() -> None:
    fields = group_rows(boxes(3, 0.2) + boxes(4, 0.2, x=400))
    assert shapes(fields) == [(100, 100, 3), (400, 100, 4)]


def test_a_wider_gap_divides_fields() -> None:
    fields = group_rows(boxes(3, 0.2) + boxes(3, 0.2, x=100 + 3 * 48 + 20))
    assert [len(field) for field in fields] == [3, 3]


def test_the_parts_of_a_date_are_one_field() -> None:
    parts = [row(100, 100, 2), row(210, 100, 2), row(320, 100, 4)]
    assert shapes(group_rows(parts)) == [(100, 100, 8)]


def test_combs_farther_apart_than_a_box_are_two_fields() -> None:
    assert len(group_rows([row(100, 100, 4), row(305, 100, 4)])) == 2


@pytest.mark.parametrize("other", [(40, 70), (60, 50), (28, 35)])
def test_boxes_of_another_size_are_not_joined(other: tuple[float, float]) -> None:
    fields = group_rows([*boxes(3, 0.2), row(248, 100, 2, other)])
    assert [len(field) for field in fields] == [3, 2]


def test_boxes_on_another_level_are_not_joined() -> None:
    fields = group_rows(boxes(2, 0.2) + boxes(2, 0.2, x=196, y=120))
    assert [len(field) for field in fields] == [2, 2]


def test_joined_fields_have_the_score_of_their_boxes() -> None:
    fields = group_rows([row(100, 100, 1, score=1.0), row(148, 100, 1, score=0.8)])
    assert fields[0].score == pytest.approx(0.9)


def test_reading_order() -> None:
    places = [(500, 96), (100, 100), (100, 300), (300, 104), (600, 296), (100, 200)]
    fields = group_rows([row(x, y, 2) for x, y in places])
    assert [place[:2] for place in shapes(fields)] == [
        (100, 100), (300, 104), (500, 96), (100, 200), (100, 300), (600, 296)
    ]  # fmt: skip


def test_no_rows_are_no_fields() -> None:
    assert group_rows([]) == []


rows = st.builds(
    row,
    st.integers(0, 900),
    st.integers(0, 900),
    st.integers(1, 6),
    st.tuples(st.integers(20, 60), st.integers(20, 60)),
)


@settings(deadline=None)  # machines may be busy
@given(st.lists(rows, max_size=12))
def test_grouping_loses_nothing_and_invents_nothing(found: list[Row]) -> None:
    given_cells = Counter(cell.tobytes() for row_ in found for cell in row_.corners)
    fields = group_rows(found)
    assert Counter(cell.tobytes() for field in fields for cell in field.corners) == given_cells
