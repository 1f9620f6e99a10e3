"""Overlap of boxes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.geometry import Box

SIDES = st.floats(0.5, 100)
PLACES = st.floats(-100, 100)
BOXES = st.builds(Box, PLACES, PLACES, SIDES, SIDES)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 4, 2), 1.0),
        (Box(2, 0, 4, 2), 4 / 12),
        (Box(1, 0.5, 2, 1), 2 / 8),
        (Box(4, 0, 4, 2), 0.0),
        (Box(9, 9, 1, 1), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(other: Box, expected: float) -> None:
    assert Box(0, 0, 4, 2).overlap(other) == pytest.approx(expected)


@given(a=BOXES, b=BOXES)
def test_overlap_is_mutual_and_a_share(a: Box, b: Box) -> None:
    assert a.overlap(b) == b.overlap(a)
    assert 0 <= a.overlap(b) <= 1 + 1e-9
