"""Of a row of boxes and the cells in its place one stays, as the weights of the card say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from box_network.decision_fit import KnownPage, fit_places, share_right
from formreader.detect.cell_maps import FoundCells
from formreader.detect.place_decision import PlaceDecision, Rivalry, in_one_place, pair_features
from formreader.detect.rows import Row

Corners = npt.NDArray[np.float64]

FEATURES = PlaceDecision.FEATURES


def quad(x: float, y: float, width: float, height: float) -> Corners:
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def row_at(x: float, n: int = 4, score: float = 0.8) -> Row:
    corners = np.stack([quad(x + 20 * i, 50, 20, 30) for i in range(n)])
    return Row(corners, np.full(n, score), separation=0.5)


def cells_at(*places: tuple[float, float, float, float], score: float = 0.9) -> FoundCells:
    corners = np.array([quad(*place) for place in places]).reshape(-1, 4, 2)
    n = len(corners)
    return FoundCells(corners, np.full(n, score), np.zeros(n, np.bool_))


def decision(**weights: float) -> PlaceDecision:
    bias = weights.pop("bias", 0.0)
    values = np.array([weights.get(name, 0.0) for name in FEATURES])
    return PlaceDecision(values, bias, (1.0, 0.0, 0.0))


AROUND = (95.0, 48.0, 90.0, 34.0)
ELSEWHERE = (400.0, 48.0, 90.0, 34.0)


@pytest.mark.parametrize(("bias", "row_stays"), [(3.0, True), (-3.0, False)])
def test_one_of_them_stays(bias: float, row_stays: bool) -> None:
    row, cells = row_at(100), cells_at(AROUND, ELSEWHERE)
    settled = decision(bias=bias).settle([row], cells)
    assert (settled.rows, settled.dropped) == (([row], []) if row_stays else ([], [row]))
    wanted = [ELSEWHERE] if row_stays else [AROUND, ELSEWHERE]
    np.testing.assert_array_equal(settled.cells.corners, cells_at(*wanted).corners)
    assert (settled.places(row) == 1).all()


@pytest.mark.parametrize("bias", [0.5, -1.0])
def test_where_neither_is_clearly_there_both_stay_to_be_read(bias: float) -> None:
    row = row_at(100)
    part = (118.0, 48.0, 44.0, 34.0)  # around the second and the third box
    settled = decision(bias=bias).settle([row], cells_at(part))
    assert settled.rows == [row] and len(settled.cells) == 1
    place = 1 / (1 + np.exp(-bias))
    assert settled.places(row).tolist() == pytest.approx([1, place, place, 1])


def test_rows_and_cells_that_stand_apart_stay_whatever_the_weights() -> None:
    row, cells = row_at(100), cells_at(ELSEWHERE)
    for bias in (-9.0, 9.0):
        settled = decision(bias=bias).settle([row], cells)
        assert settled.rows == [row] and not settled.dropped and len(settled.cells) == 1
    assert decision().settle([], cells_at()).cells.corners.shape == (0, 4, 2)


def test_a_small_cell_within_a_box_shares_its_place() -> None:
    rows = [row_at(100), row_at(1000)]
    shares = in_one_place(rows, cells_at((102, 55, 12, 20), ELSEWHERE))
    assert [one.tolist() for one in shares] == [[True, False], [False, False]]
    assert in_one_place([], cells_at(ELSEWHERE)) == []


def test_what_is_known_of_both() -> None:
    row, cells = row_at(100), cells_at(AROUND)
    known = dict(zip(FEATURES, pair_features(row, cells, np.array([True])), strict=True))
    assert known["length"] == pytest.approx(np.log(4)) and known["several"] == 1
    assert known["covered"] == 1 and known["coincide"] == 0 and known["cells each"] == 0.25
    assert known["cell score"] == pytest.approx(np.log(9))
    assert known["unlike"] == pytest.approx(np.log(90 * 34 / 600))


def known(features: Corners, true: npt.NDArray[np.bool_], unrivalled: int = 0) -> KnownPage:
    rivalry = Rivalry(features, np.ones(len(true)), unrivalled)
    return KnownPage(features, rivalry.others, true, np.ones_like(true))


def test_the_fit_finds_the_weight_that_decides() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(400, len(FEATURES)))
    pages = [known(one[None], one[None, 5] < 0.3) for one in features]
    fitted = fit_places(pages)
    assert share_right(fitted, pages) > 0.95
    assert fitted.weights[5] < 0 and np.abs(fitted.weights).argmax() == 5
    assert PlaceDecision.from_card(fitted.as_table()).context == fitted.context


def test_other_rows_of_the_page_weigh_where_a_row_itself_tells_nothing() -> None:
    nothing = np.zeros((1, len(FEATURES)))
    pages = [known(nothing, np.array([yes]), 50 * yes) for yes in (True, False)] * 20
    tables = [known(np.zeros((9, len(FEATURES))), np.zeros(9, np.bool_))] * 20
    fitted = fit_places(pages + tables)
    assert fitted.context[1] > 0
    assert fitted.probabilities(Rivalry(nothing, np.ones(1), 50))[0] > 0.5


def test_without_pages_the_fit_is_undecided() -> None:
    fitted = fit_places([])
    assert not fitted.weights.any() and fitted.bias == 0 and share_right(fitted, []) == 1


@pytest.mark.parametrize(
    "table", [{}, {"weights": {"score": 1.0}, "bias": 0.0, "context": [1.0, 0.0, 0.0]}]
)
def test_a_card_without_the_weights_is_refused(table: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        PlaceDecision.from_card(table)
