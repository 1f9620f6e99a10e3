"""Where the digits stand in cells, and whether they are print or handwriting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from formreader.core.geometry import Box, Point
from formreader.core.records import DigitBox, FieldCrops
from formreader.segment.handwriting_filter import (
    digit_levels,
    is_handwritten_size,
    may_be_separators,
    printed_cells,
)


def turned(box: Box, degrees: float) -> DigitBox:
    """A rectangle turned around the origin."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    corners: list[Point] = [
        (float(x), float(y))
        for x, y in np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) @ turn.T
    ]
    return DigitBox((corners[0], corners[1], corners[2], corners[3]))


def field(*tops_and_bottoms: tuple[float, float], degrees: float = 0, top: float = 0) -> FieldCrops:
    """Digits 20 wide in a cell of 300 x 100 at (0, top)."""
    boxes = [
        turned(Box(10 + 30 * i, top + high, 20, low - high), degrees)
        for i, (high, low) in enumerate(tops_and_bottoms)
    ]
    return FieldCrops(
        tuple(boxes),
        np.zeros((len(boxes), 28, 28), np.uint8),
        np.zeros(len(boxes), np.bool_),
        cell=turned(Box(0, top, 300, 100), degrees),
    )


@pytest.mark.parametrize("degrees", [0, 2, 90, 180, 268])
def test_levels_are_shares_of_the_cells_height_however_the_page_lies(degrees: float) -> None:
    (levels,) = digit_levels([field((20, 80), (30, 90), degrees=degrees)])
    assert levels == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.9]]))


def test_boxes_have_no_levels() -> None:
    with pytest.raises(ValueError, match="cell"):
        digit_levels([replace(field((20, 80)), cell=None)])


def test_writing_is_large() -> None:
    large, small = digit_levels([field((20, 80), (30, 60)), field((40, 60), (20, 80), (40, 60))])
    assert is_handwritten_size(large)
    assert not is_handwritten_size(small)


def test_a_thin_stroke_from_top_to_bottom_may_be_a_separator() -> None:
    cell = field((2, 98), (20, 80), (40, 60))
    (levels,) = digit_levels([cell])
    assert may_be_separators(cell, levels).tolist() == [True, False, False]


def test_print_is_even_and_writing_is_not() -> None:
    hand = [field((20, 80), (28, 84), (18, 77), (25, 85))]
    print_ = [field((20, 80), (20, 81), (21, 80), (20, 80))]
    assert printed_cells(hand + print_) == [False, True]
    assert printed_cells([field((20, 80), (20, 80), (20, 80))]) == [False]


def test_cells_of_one_size_are_judged_together() -> None:
    cells = [field((20, 80), (40, 80), top=100 * i) for i in range(4)]
    other = field((30, 85), (35, 90), top=500)
    assert printed_cells(cells) == [True] * 4
    assert printed_cells(cells[:2]) == [False] * 2
    assert printed_cells([*cells, other]) == [False] * 5
