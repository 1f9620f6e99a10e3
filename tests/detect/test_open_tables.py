"""Lines of a table without lines between its columns are divided where nothing is written."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.detect.cell_maps import FoundCells
from formreader.detect.open_tables import divide_open_tables

LEFT, TOP, PITCH, WIDTH = 60, 50, 30, 480
COLUMNS = 4


def written_page(lines: int, columns: int, share: float = 0.7) -> npt.NDArray[np.uint8]:
    """A page with numbers that stand left, right or in the middle of their columns."""
    rng = np.random.default_rng(7)
    page = np.full((TOP + lines * PITCH + 50, WIDTH + 120), 245, np.uint8)
    wide = WIDTH / columns
    for line in range(lines):
        for column in range(columns):
            digits = min(int(rng.integers(1, 6)), int(wide / 17) - 1)
            if rng.random() > share:
                continue
            room = wide - 17 * digits - 8
            left = LEFT + column * wide + 4 + room * float(rng.choice([0, 0.5, 1]))
            for i in range(digits):
                middle = round(left + 17 * i + 7), TOP + line * PITCH + PITCH // 2
                cv2.ellipse(page, middle, (5, 9), 0, 0, 360, (40,), 2)
    return page


def found(lines: list[tuple[int, int]]) -> FoundCells:
    """Cells over the whole width, of the lines from the first to before the second of each pair."""
    quads = []
    for first, after in lines:
        top, bottom = TOP + first * PITCH, TOP + after * PITCH
        right = LEFT + WIDTH
        quads.append([(LEFT, top), (right, top), (right, bottom), (LEFT, bottom)])
    n = len(quads)
    corners = np.array(quads, np.float64)
    return FoundCells(corners, np.full(n, 0.9), np.zeros(n, np.bool_))


def test_columns_without_lines_are_divided() -> None:
    # Two lines were found as one cell, and one was not found.
    cells = found([(0, 1), (1, 2), (2, 4), (4, 5), *((k, k + 1) for k in range(6, 26))])
    divided = divide_open_tables(written_page(26, COLUMNS, 0.9), cells)
    assert len(divided) == 26 * COLUMNS
    assert not divided.doubtful.any()
    lefts = np.unique(np.round(divided.corners[:, 0, 0]))
    assert lefts == pytest.approx([LEFT + WIDTH / COLUMNS * k for k in range(COLUMNS)], abs=12)
    tops = np.unique(np.round(divided.corners[:, 0, 1]))
    assert tops == pytest.approx([TOP + PITCH * k for k in range(26)], abs=1)


def test_writing_near_where_columns_meet_is_for_review() -> None:
    page = written_page(26, COLUMNS, 0.9)
    middle, last = LEFT + WIDTH // COLUMNS, TOP + 25 * PITCH + PITCH // 2
    page[last - 1 : last + 1, middle - 8 : middle + 8] = 40
    divided = divide_open_tables(page, found([(k, k + 1) for k in range(26)]))
    doubtful = divided.doubtful.reshape(26, COLUMNS)
    assert doubtful[-1, :2].any() and not doubtful[:, 2:].any()


def test_parts_of_its_lines_go() -> None:
    cells = found([(k, k + 1) for k in range(26)])
    cells.corners[10:25, 1:3, 0] -= 0.4 * WIDTH  # by themselves a narrower table
    divided = divide_open_tables(written_page(26, COLUMNS, 0.9), cells)
    assert len(divided) == 26 * COLUMNS


@pytest.mark.parametrize(
    ("lines", "columns", "share"),
    [(18, 1, 0.9), (18, COLUMNS, 0.05), (5, COLUMNS, 0.7)],
    ids=["one column", "hardly written", "few lines"],
)
def test_a_table_that_shows_no_columns_stays(lines: int, columns: int, share: float) -> None:
    cells = found([(k, k + 1) for k in range(lines)])
    assert divide_open_tables(written_page(lines, columns, share), cells) is cells


def test_cells_that_are_no_lines_stay() -> None:
    cells = found([(0, 3), (3, 6), (6, 9)])
    assert divide_open_tables(written_page(9, COLUMNS), cells) is cells
