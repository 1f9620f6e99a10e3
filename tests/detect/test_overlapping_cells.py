"""Of cells that overlap the best one stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from formreader.detect.cell_maps import FoundCells, without_overlaps

Corners = npt.NDArray[np.float64]


def quad(x: float, y: float, width: float, height: float) -> Corners:
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return np.array(corners, np.float64)


def cells_at(*quads: Corners, scores: tuple[float, ...]) -> FoundCells:
    corners = np.array(quads, np.float64).reshape(-1, 4, 2)
    return FoundCells(corners, np.array(scores), np.zeros(len(scores), np.bool_))


def test_of_two_cells_in_one_place_the_better_one_stays() -> None:
    found = without_overlaps(
        cells_at(
            quad(0, 0, 100, 30), quad(40, 0, 50, 30), quad(200, 0, 50, 30), scores=(0.6, 0.9, 0.8)
        )
    )
    assert found.scores.tolist() == [0.9, 0.8]
    assert found.doubtful.tolist() == [True, False]


@pytest.mark.parametrize(
    ("other", "doubtful"),
    [((80, 0, 80, 30), True), ((97, 0, 80, 30), False), ((0, 24, 100, 30), False)],
    ids=["parts of one cell", "edges that are not exact", "rows that are tilted"],
)
def test_cells_that_overlap_in_a_row_may_lack_a_part(
    other: tuple[float, float, float, float], doubtful: bool
) -> None:
    found = without_overlaps(cells_at(quad(0, 0, 100, 30), quad(*other), scores=(0.9, 0.8)))
    assert found.doubtful.tolist() == [doubtful] * 2


def test_a_page_without_cells() -> None:
    assert len(without_overlaps(cells_at(scores=()))) == 0
