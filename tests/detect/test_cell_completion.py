"""Holes between the cells of a table are cells, too, where lines are all around."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.records import GreyImage
from formreader.detect.cell_completion import with_holes_filled
from formreader.detect.cell_maps import FoundCells

LEFT, TOP, WIDE, TALL = 40, 30, 60, 50
ROWS, COLUMNS = 4, 3
NO_BOXES = np.zeros((0, 4, 2))


def table() -> GreyImage:
    page = np.full((300, 300), 250, np.uint8)
    for k in range(ROWS + 1):
        y = TOP + k * TALL
        cv2.line(page, (LEFT, y), (LEFT + COLUMNS * WIDE, y), (30,), 2)
    for k in range(COLUMNS + 1):
        x = LEFT + k * WIDE
        cv2.line(page, (x, TOP), (x, TOP + ROWS * TALL), (30,), 2)
    return page


def corners_of(row: int, column: int) -> npt.NDArray[np.float64]:
    x, y = LEFT + column * WIDE, TOP + row * TALL
    return np.array([[x, y], [x + WIDE, y], [x + WIDE, y + TALL], [x, y + TALL]], np.float64)


def cells_without(*holes: tuple[int, int]) -> FoundCells:
    places = [(r, c) for r in range(ROWS) for c in range(COLUMNS) if (r, c) not in holes]
    corners = np.stack([corners_of(*place) for place in places])
    rng = np.random.default_rng(1)
    corners += rng.uniform(-1.5, 1.5, (len(places), 1, 2))  # as the network finds them
    n = len(places)
    scores = np.linspace(0.6, 0.9, n)
    return FoundCells(corners, scores, np.ones((n, 4)), np.zeros(n, np.bool_))


def added(page: GreyImage, cells: FoundCells, boxes: npt.NDArray[np.float64]) -> FoundCells:
    filled = with_holes_filled(page, cells, boxes)
    assert (filled.corners[: len(cells)] == cells.corners).all()
    return filled.select(np.arange(len(filled)) >= len(cells))


@pytest.mark.parametrize(
    "holes",
    [
        [(1, 1)],
        [(0, 0)],
        [(3, 2)],
        [(1, 1), (1, 2)],
        [(0, 1), (1, 1), (2, 1)],
        [(1, 0), (2, 1), (3, 2)],
        [],
    ],
)
def test_each_hole_becomes_one_cell(holes: list[tuple[int, int]]) -> None:
    new = added(table(), cells_without(*holes), NO_BOXES)
    assert len(new) == len(holes)
    for hole in holes:
        distance = np.abs(new.corners - corners_of(*hole)).max(axis=(1, 2))
        assert distance.min() < 2
    assert (new.ruled >= 0.5).all()
    assert ((new.scores >= 0.6) & (new.scores <= 0.9)).all()
    assert not new.doubtful.any()


def test_a_place_without_lines_all_around_is_no_cell() -> None:
    page = table()
    x, y = LEFT + WIDE, TOP + TALL
    page[y + 4 : y + TALL - 3, x - 3 : x + 4] = 250  # its left side
    assert not len(added(page, cells_without((1, 1)), NO_BOXES))


def test_beyond_the_cells_of_a_table_there_are_none() -> None:
    """A row and a column that hold no cell, such as headings, stay out."""
    heads = [(0, column) for column in range(COLUMNS)] + [(row, 0) for row in range(1, ROWS)]
    assert not len(added(table(), cells_without(*heads), NO_BOXES))


def test_where_boxes_are_there_is_no_hole() -> None:
    box = corners_of(1, 1)
    box = box.mean(axis=0) + (box - box.mean(axis=0)) / 2
    assert not len(added(table(), cells_without((1, 1)), box[None]))


@pytest.mark.parametrize("n", [0, 1])
def test_single_cells_show_no_holes(n: int) -> None:
    cells = cells_without().select(np.arange(ROWS * COLUMNS) < n)
    assert len(with_holes_filled(table(), cells, NO_BOXES)) == n
