"""Edges of cells that stand out are moved into line; of cells that overlap the best one stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from formreader.detect.cell_alignment import (
    align_cells,
    best_of_overlapping,
    distinct,
    guessed_edges,
)
from formreader.detect.printed_lines import see_lines

Corners = npt.NDArray[np.float64]


def quad(x: float, y: float, width: float, height: float) -> Corners:
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return np.array(corners, np.float64)


def column(rows: int = 6) -> Corners:
    """Cells of 120 x 30 pixels below one another."""
    return np.stack([quad(100, 50 + 30 * r, 120, 30) for r in range(rows)])


def aligned(corners: Corners, lines_at: float | None = None) -> Corners:
    """The cells in line, on an empty page or one with a line down it."""
    page = np.full((300, 400), 255, np.uint8)
    if lines_at is not None:
        page[:, round(lines_at) : round(lines_at) + 2] = 90
    return align_cells(corners, see_lines(page))


def test_an_edge_beside_a_tall_stroke_is_moved_to_the_line() -> None:
    wrong = column()
    wrong[2, [0, 3], 0] += 7  # the 1 at the left was taken for the line
    np.testing.assert_array_equal(aligned(wrong), column())


@pytest.mark.parametrize(("line", "stays"), [(107, True), (100, False), (None, False)])
def test_an_edge_on_a_line_stays_where_the_others_have_none(
    line: float | None, stays: bool
) -> None:
    beside = column()
    beside[2, [0, 3], 0] += 7  # a frame below a table whose line is a little more to the left
    np.testing.assert_array_equal(aligned(beside, line), beside if stays else column())


def test_edges_are_left_where_the_others_do_not_agree_or_are_few() -> None:
    apart = column()
    apart[:, [1, 2], 0] += np.array([0, 9, 3, 6, 1.6, 8])[:, None]
    np.testing.assert_array_equal(aligned(apart), apart)
    few = column(3)
    few[0, [0, 3], 0] += 7
    np.testing.assert_array_equal(aligned(few), few)


def test_a_wider_cell_is_no_edge_that_stands_out() -> None:
    merged = column()
    merged[1, [1, 2], 0] += 120
    np.testing.assert_array_equal(aligned(merged), merged)


def test_of_two_cells_in_one_place_the_better_one_stays() -> None:
    cells = np.stack([quad(0, 0, 100, 30), quad(40, 0, 50, 30), quad(200, 0, 50, 30)])
    kept, overlaps = best_of_overlapping(cells, np.array([0.6, 0.9, 0.8]))
    assert kept.tolist() == [False, True, True]
    assert overlaps.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("other", "doubtful"),
    [((80, 0, 80, 30), True), ((97, 0, 80, 30), False), ((0, 24, 100, 30), False)],
    ids=["parts of one cell", "edges that are not exact", "rows that are tilted"],
)
def test_cells_that_overlap_in_a_row_may_lack_a_part(
    other: tuple[float, float, float, float], doubtful: bool
) -> None:
    cells = np.stack([quad(0, 0, 100, 30), quad(*other)])
    kept, overlaps = best_of_overlapping(cells, np.array([0.9, 0.8]))
    assert kept.all() and overlaps.tolist() == [doubtful] * 2


def test_parts_that_grew_to_the_same_cell_are_one() -> None:
    cells = np.stack([quad(0, 0, 100, 30), quad(1, 1, 100, 28), quad(100, 0, 100, 30)])
    assert distinct(cells, np.array([0.6, 0.8, 0.7])).tolist() == [False, True, True]


def test_a_page_without_cells() -> None:
    none = np.zeros((0, 4, 2))
    assert aligned(none).shape == (0, 4, 2)
    assert best_of_overlapping(none, np.zeros(0))[0].shape == (0,)


@pytest.mark.parametrize(
    ("left", "ruled", "guessed"),
    [(100.0, 0.0, False), (140.0, 0.0, True), (140.0, 0.9, False)],
    ids=["in line", "alone", "on a line"],
)
def test_an_edge_on_no_line_and_in_line_with_no_other_is_a_guess(
    left: float, ruled: float, guessed: bool
) -> None:
    cells = np.stack([quad(100, 100, 200, 40), quad(left, 160, 300 - left, 40)])
    lines = np.ones((2, 4))
    lines[1, 2] = ruled
    assert guessed_edges(cells, lines).any(axis=1).tolist() == [False, guessed]
