"""Rows of equal boxes are found on drawn pages, and nothing else is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.detect.box_network import shipped_network
from formreader.detect.row_finder import find_rows
from formreader.detect.rows import Row

LEFT, TOP, WIDTH, HEIGHT = 40, 50, 44, 60


def paper() -> GreyImage:
    return np.full((300, 420), 255, np.uint8)


def draw_comb(
    image: GreyImage, n: int, x: int = LEFT, y: int = TOP, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> None:
    width, height = size
    cv2.rectangle(image, (x, y), (x + n * width, y + height), (0,), 2)
    for i in range(1, n):
        cv2.line(image, (x + i * width, y), (x + i * width, y + height), (0,), 2)


def shapes(rows: list[Row]) -> list[tuple[int, int, int]]:
    """Where each row begins, to ten pixels, and how many boxes it has."""
    starts = ((*np.rint(row.corners[0, 0] / 10).astype(int).tolist(), len(row)) for row in rows)
    return sorted((x * 10, y * 10, n) for x, y, n in starts)


def tall_one(image: GreyImage, cell: int, lean: int = 3) -> None:
    """A 1 that touches the lines above and below."""
    x = LEFT + cell * WIDTH + WIDTH // 2
    stroke = [[x - 8, TOP + 12], [x + lean, TOP], [x, TOP + HEIGHT]]
    cv2.polylines(image, [np.array(stroke, np.int32)], False, (30,), 3, cv2.LINE_AA)


def test_a_comb_is_a_row() -> None:
    image = paper()
    draw_comb(image, 5)
    rows = find_rows(image, shipped_network()).rows
    assert shapes(rows) == [(LEFT, TOP, 5)]
    assert rows[0].size == pytest.approx((WIDTH, HEIGHT), abs=1.5)
    assert rows[0].score > 0.7
    wanted = [(LEFT, TOP), (LEFT + WIDTH, TOP), (LEFT + WIDTH, TOP + HEIGHT), (LEFT, TOP + HEIGHT)]
    assert np.abs(rows[0].corners[0] - wanted).max() < 2


@pytest.mark.parametrize("cell", range(5))
@pytest.mark.parametrize("lean", [-4, 2, 5])
def test_a_tall_stroke_does_not_split_a_box(cell: int, lean: int) -> None:
    image = paper()
    draw_comb(image, 5)
    tall_one(image, cell, lean)
    assert shapes(find_rows(image, shipped_network()).rows) == [(LEFT, TOP, 5)]


def test_two_tall_strokes_do_not_make_a_row_of_their_own() -> None:
    image = paper()
    draw_comb(image, 5)
    tall_one(image, 1)
    tall_one(image, 3, lean=2)
    cells = np.concatenate([row.corners for row in find_rows(image, shipped_network()).rows])
    lefts = np.sort(cells[:, 0, 0])
    assert lefts == pytest.approx(LEFT + WIDTH * np.arange(5), abs=0.15 * WIDTH)


def test_a_separator_that_was_half_printed_is_restored() -> None:
    image = paper()
    draw_comb(image, 5)
    x = LEFT + 2 * WIDTH
    image[TOP + 3 : TOP + 32, x - 3 : x + 4] = 255
    rows = find_rows(image, shipped_network()).rows
    assert shapes(rows) == [(LEFT, TOP, 5)]
    assert np.ptp(rows[0].corners[:, 1, 0] - rows[0].corners[:, 0, 0]) < 3


def test_a_grid_is_a_row_for_each_line_of_it() -> None:
    image = paper()
    for i in range(3):
        draw_comb(image, 6, y=TOP + i * HEIGHT)
    assert [n for _, _, n in shapes(find_rows(image, shipped_network()).rows)] == [6, 6, 6]


@pytest.mark.parametrize(("gap", "slack"), [(6, 7), (10, 4), (20, 4)])
def test_separate_boxes_are_not_merged(gap: int, slack: int) -> None:
    image = paper()
    for i in range(5):
        draw_comb(image, 1, x=LEFT + i * (WIDTH + gap))
    rows = find_rows(image, shipped_network()).rows
    cells = np.concatenate([row.corners for row in rows])
    lefts = np.sort(cells[:, 0, 0])
    assert len(lefts) == 5
    assert np.abs(lefts - (LEFT + (WIDTH + gap) * np.arange(5))).max() < 0.15 * WIDTH
    assert (cells[:, 1, 0] - cells[:, 0, 0]).max() < WIDTH + slack


def test_a_frame_around_combs_does_not_hide_them() -> None:
    image = paper()
    cv2.rectangle(image, (10, 10), (410, 290), (0,), 3)
    draw_comb(image, 5)
    draw_comb(image, 5, y=180)
    assert [row for row in shapes(find_rows(image, shipped_network()).rows) if row[2] > 1] == [
        (LEFT, TOP, 5),
        (LEFT, 180, 5),
    ]


def test_a_wide_frame_is_no_box() -> None:
    image = paper()
    cv2.rectangle(image, (LEFT, TOP), (LEFT + 200, TOP + HEIGHT), (0,), 2)
    assert find_rows(image, shipped_network()).rows == []


def test_a_table_with_words_is_no_row() -> None:
    image = paper()
    for i in range(3):
        draw_comb(image, 4, y=TOP + 40 * i, size=(78, 40))
        for k in range(4):
            place = (LEFT + 78 * k + 6, TOP + 40 * i + 26)
            cv2.putText(image, "Amount", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0,), 1)
    assert find_rows(image, shipped_network()).rows == []


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (40, 40)])
def test_blank_pages_have_no_rows(shape: tuple[int, int]) -> None:
    assert find_rows(np.full(shape, 255, np.uint8), shipped_network()).rows == []
