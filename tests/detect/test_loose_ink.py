"""Writing beside a box counts only where no printed line and no other box explains it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.detect.loose_ink import loose_ink
from formreader.detect.rows import Row

LEFT, TOP, WIDTH, HEIGHT = 100, 60, 30, 40
LINE, PEN = 90, 40


def row(boxes: int, left: float = LEFT) -> Row:
    x = left + WIDTH * np.arange(boxes)[:, None]
    corners = np.stack(
        [np.hstack([x + dx, np.full_like(x, y)]) for dx, y in CORNERS], axis=1
    ).astype(float)
    return Row(corners, np.ones(boxes))


CORNERS = ((0, TOP), (WIDTH, TOP), (WIDTH, TOP + HEIGHT), (0, TOP + HEIGHT))


def page() -> GreyImage:
    return np.full((160, 320), 250, np.uint8)


def write(image: GreyImage, left: float, pen: int = PEN) -> None:
    """Write a 2 in the middle of the box that begins at `left`."""
    shape = np.array([[8, 12], [15, 8], [21, 14], [9, 31], [22, 31]]) + (round(left), TOP)
    cv2.polylines(image, [shape.astype(np.int32)], False, (pen,), 3, cv2.LINE_AA)


def rule(image: GreyImage, x: int, lean: int = 0, darkness: int = LINE) -> None:
    cv2.line(image, (x, TOP), (x + lean, TOP + HEIGHT), (darkness,), 1)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_digit_beside_a_row_is_loose(side: int) -> None:
    image = page()
    for box in range(2):
        write(image, LEFT + WIDTH * box)
    write(image, LEFT + WIDTH * (2 if side > 0 else -1))
    (loose,) = loose_ink(image, [row(2)])
    assert loose.tolist() == [side < 0, side > 0]


@pytest.mark.parametrize("lean", [-2, 0, 2])
def test_behind_a_printed_line_it_is_not(lean: int) -> None:
    image = page()
    write(image, LEFT)
    write(image, LEFT + WIDTH)
    rule(image, LEFT + WIDTH, lean)
    assert not loose_ink(image, [row(1)])[0].any()


def test_in_another_box_it_is_not() -> None:
    image = page()
    for box in range(3):
        write(image, LEFT + WIDTH * box)
    found = loose_ink(image, [row(1), row(2, LEFT + WIDTH)])
    assert [loose.tolist() for loose in found] == [[False], [False, False]]


def test_between_boxes_that_stand_apart_it_is_loose() -> None:
    image = page()
    for box in range(3):
        write(image, LEFT + WIDTH * box)
    found = loose_ink(image, [row(1), row(1, LEFT + 2 * WIDTH)])
    assert [loose.tolist() for loose in found] == [[True], [True]]


def test_a_one_is_no_printed_line() -> None:
    image = page()
    write(image, LEFT)
    x = LEFT + WIDTH + 10
    cv2.line(image, (x, TOP + 7), (x, TOP + 33), (PEN,), 3)
    assert loose_ink(image, [row(1)])[0].all()


@pytest.mark.parametrize("pen", [40, 110, 170])
def test_faint_pens_count_like_dark_ones(pen: int) -> None:
    image = page()
    write(image, LEFT, pen)
    write(image, LEFT + WIDTH, pen)
    assert loose_ink(image, [row(1)])[0].all()


def test_specks_and_traces_beside_a_box_are_not_loose() -> None:
    image = page()
    write(image, LEFT)
    cv2.circle(image, (LEFT + WIDTH + 12, TOP + 20), 1, (PEN,), -1)
    write(image, LEFT - WIDTH, pen=225)
    assert not loose_ink(image, [row(1)])[0].any()


def test_boxes_at_the_border_of_the_page() -> None:
    image = page()
    write(image, 0)
    at_border = row(1, 0)
    assert not loose_ink(image, [at_border])[0].any()


def test_a_page_without_boxes() -> None:
    assert loose_ink(page(), []) == []
