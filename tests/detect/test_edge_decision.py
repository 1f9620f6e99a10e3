"""What is seen of the edges of cells, and the decision on which of them cut what is written."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from box_network.decision_fit import KnownPage, fit_edges
from box_network.edge_truth import whole_edges
from box_network.page_pieces import TrainingPage
from formreader.detect.cell_maps import FoundCells
from formreader.detect.edge_decision import CellEdges, EdgeDecision, see_edges, surroundings
from formreader.detect.printed_lines import see_lines

Floats = npt.NDArray[np.float64]
Page = npt.NDArray[np.uint8]

TOP, BOTTOM, LEFT, RIGHT = range(4)
NO_BOXES = np.zeros((0, 4, 2))
FEATURES = EdgeDecision.FEATURES


def quad(left: float, top: float, right: float, bottom: float) -> Floats:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def table(columns: tuple[int, ...] = (50, 200, 350), rows: int = 4) -> Page:
    """A table with lines, 40 pixels a row from y = 60 on."""
    page = np.full((340, 420), 245, np.uint8)
    for x in columns:
        cv2.line(page, (x, 60), (x, 60 + 40 * rows), (90,), 1)
    for row in range(rows + 1):
        cv2.line(page, (columns[0], 60 + 40 * row), (columns[-1], 60 + 40 * row), (90,), 1)
    return page


def row_of(row: int, *edges: float) -> list[Floats]:
    top = 60 + 40 * row
    return [quad(a, top, b, top + 40) for a, b in pairwise(edges)]


def found(*cells: Floats, guessed: tuple[tuple[int, int], ...] = ()) -> FoundCells:
    ruled = np.ones((len(cells), 4))
    for cell, edge in guessed:
        ruled[cell, edge] = 0.0
    n = len(cells)
    return FoundCells(np.stack(cells), np.full(n, 0.9), ruled, np.zeros(n, np.bool_))


def seen(page: Page, cells: FoundCells, name: str) -> Floats:
    """(n, 4) one of the features of the edges."""
    edges = see_edges(page, see_lines(page), cells, NO_BOXES)
    return np.asarray(edges.features[:, :, FEATURES.index(name)])


def test_a_fold_runs_on_beyond_the_table() -> None:
    page = table()
    page[:, 120] = 150
    cells = found(*row_of(0, 50, 120, 200), *row_of(1, 50, 120, 200, 350))
    runs_on = seen(page, cells, "runs on")
    assert runs_on[0, RIGHT] > 0.9 and runs_on[3, LEFT] > 0.9
    assert runs_on[3, RIGHT] < 0.2 and runs_on[0, LEFT] < 0.2


def test_a_stroke_does_not_reach_the_lines_at_its_ends() -> None:
    page = table()
    cv2.line(page, (120, 68), (120, 92), (40,), 2)
    cells = found(*row_of(0, 50, 120, 200))
    assert seen(page, cells, "dark end")[0, RIGHT] < 0.5
    assert seen(page, cells, "dark end")[1, RIGHT] > 0.9
    assert seen(page, cells, "dark")[0, RIGHT] > 0.5


def test_cells_above_and_below_tell_whether_an_edge_is_a_column() -> None:
    cells = found(*row_of(0, 50, 200, 350), *row_of(1, 50, 120, 200), *row_of(2, 50, 200, 350))
    crossed, shared = (seen(table(), cells, name) for name in ("crossed", "shared"))
    assert crossed[2, RIGHT] and crossed[3, LEFT] and not crossed[0, RIGHT]
    assert shared[2, RIGHT] and not shared[2, LEFT]
    in_line = seen(table(), cells, "lines in line")
    assert in_line[0, LEFT] == pytest.approx(np.log(3)) and in_line[2, RIGHT] == 0


def test_a_guess_in_line_is_no_line() -> None:
    cells = found(*row_of(0, 50, 200), *row_of(1, 50, 200), guessed=((0, LEFT),))
    assert seen(table(), cells, "lines in line")[1, LEFT] == 0
    assert seen(table(), cells, "edges in line")[1, LEFT] == pytest.approx(np.log(2))


def test_lines_of_other_cells_go_on_within_a_joined_one() -> None:
    joined = quad(50, 140, 350, 180), quad(50, 180, 200, 220)
    cells = found(*row_of(0, 50, 200, 350), *row_of(1, 50, 200, 350), *joined)
    columns, rows = (seen(table(), cells, f"{lines} within") for lines in ("columns", "rows"))
    # The column at 200 is the edge of two cells in either row above, and of one below.
    assert columns[4, [LEFT, RIGHT]] == pytest.approx(np.log(6), abs=0.05)
    assert not columns[:4].any() and not columns[4, [TOP, BOTTOM]].any() and not rows.any()
    two_rows = found(*row_of(0, 50, 200), *row_of(1, 50, 200), quad(200, 60, 350, 140))
    assert seen(table(), two_rows, "rows within")[2, [TOP, BOTTOM]].min() > 1
    # Without a line there, other cells may end where they like.
    without = table(columns=(50, 350))
    assert not seen(without, cells, "columns within").any()


def test_ink_beside_an_edge_is_seen_and_its_line_is_not() -> None:
    page = table()
    cv2.line(page, (187, 70), (187, 90), (30,), 3)
    cells = found(*row_of(0, 50, 200, 350), *row_of(1, 50, 200, 350))
    inside, outside = (seen(page, cells, f"ink {side}") for side in ("inside", "outside"))
    assert inside[0, RIGHT] < 0.4 and outside[1, LEFT] < 0.4
    assert inside[2, RIGHT] == 1 and outside[0, RIGHT] == 1


def test_edges_in_line_weigh() -> None:
    edges = CellEdges(np.zeros((2, 4, len(FEATURES))), np.zeros((2, 4, 2), np.bool_))
    edges.in_line[0, LEFT, 1] = True
    around = surroundings(edges, np.arange(8.0))
    assert around[LEFT].tolist() == [4.0 + LEFT, 0.0]
    assert around[RIGHT].tolist() == [0.0, 1.0]


def test_an_edge_through_a_number_cuts_it() -> None:
    page = table()
    for x in (70, 90, 110, 130):
        cv2.ellipse(page, (x, 80), (7, 12), 0, 0, 360, (30,), 2)
    true = TrainingPage(page, np.zeros((0, 4, 2), np.float32), np.stack([
        *row_of(0, 50, 200, 350), *row_of(1, 50, 200, 350)
    ]).astype(np.float32))  # fmt: skip
    cells = np.stack([
        *row_of(0, 50, 100, 200), *row_of(0, 50, 170), *row_of(1, 50, 100), *row_of(3, 50, 200)
    ])  # fmt: skip
    whole, numbers = whole_edges(true, cells)
    assert numbers.tolist() == [True, True, True, True, False]
    assert np.argwhere(~whole).tolist() == [[0, RIGHT], [1, LEFT]]


def test_a_cell_over_two_numbers_joins_them() -> None:
    page = table()
    cv2.ellipse(page, (230, 80), (7, 12), 0, 0, 360, (30,), 2)
    true = TrainingPage(
        page, np.zeros((0, 4, 2), np.float32), np.stack(row_of(0, 50, 200, 350)).astype(np.float32)
    )
    whole, _ = whole_edges(true, np.stack([quad(50, 60, 260, 100)]))
    assert whole[0].tolist() == [True, True, True, False]


def test_the_decision_is_fitted_to_what_is_known() -> None:
    rng = np.random.default_rng(3)
    pages = []
    for _ in range(30):
        features = rng.random((20, len(FEATURES)))
        none = CellEdges(features.reshape(5, 4, -1), np.zeros((5, 4, 5), np.bool_))
        true = features[:, FEATURES.index("line")] > 0.4
        around = np.column_stack([np.zeros(20), np.ones(20)])
        pages.append(KnownPage(none.flat, lambda _, of=around: of, true, np.ones(20, np.bool_)))
    fitted = fit_edges(pages)
    edges = CellEdges(np.full((1, 4, len(FEATURES)), 0.5), np.zeros((1, 4, 1), np.bool_))
    edges.features[0, LEFT, FEATURES.index("line")] = 0.0
    edges.features[0, RIGHT, FEATURES.index("line")] = 1.0
    probabilities = fitted.probabilities(edges)[0]
    assert probabilities[LEFT] < 0.1 and probabilities[RIGHT] > 0.9
    assert EdgeDecision.from_card(fitted.as_table()).as_table() == fitted.as_table()
