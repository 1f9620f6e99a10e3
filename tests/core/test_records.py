"""Overlap of boxes; what a page is called in a console."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, PageReading, Status

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


def test_a_page_is_one_line_in_a_console() -> None:
    digit = DigitReading(Box(0, 0, 9, 9), 7, 0.5, Status.REVIEW)
    field = FieldReading((digit,) * 3, "777", "777", 0.1, Status.REVIEW)
    page = PageReading("a.png", 1, (field,) * 40, notice="odd\nlines", form="tally")
    told = "'a.png', page 2, 40 fields, 40 for review, form 'tally', notice 'odd\\nlines'"
    assert repr(page) == f"<PageReading {told}>"
    assert repr(PageReading("b.png", 0, error="gone")) == (
        "<PageReading 'b.png', page 1, 0 fields, error 'gone'>"
    )
