"""Detections are assembled into regular, complete rows, and into nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.detect.box_network import shipped_decisions
from formreader.detect.near_pairs import pairs_within
from formreader.detect.peaks import REFERENCE_SIDE, STRIDE, Maps, find_peaks
from formreader.detect.row_assembly import assemble_rows
from formreader.detect.rows import Row

Boxes = list[tuple[float, float, float, float, float]]
"""Centre x and y, width, height, and score of each."""


def maps_of(boxes: Boxes, shape: tuple[int, int] = (75, 200)) -> Maps:
    """Maps with a peak for each box, as the network makes them."""
    maps = np.zeros((5, *shape), np.float32)
    maps[0] = -9
    for x, y, width, height, score in boxes:
        at_x, at_y = ((v + 0.5) / STRIDE - 0.5 for v in (x, y))
        k, i = round(at_x), round(at_y)
        logit = np.log(score / (1 - score))
        around = maps[0, i - 1 : i + 2, k - 1 : k + 2]
        np.maximum(around, logit - 3, out=around)
        sides = np.log(np.array([width, height]) / REFERENCE_SIDE)
        maps[:, i, k] = (logit, at_x - k, at_y - i, *sides)
    return maps


def comb(
    n: int, step: float = 20, *, x: float = 40, y: float = 60, width: float = 20, score: float = 0.9
) -> Boxes:
    return [(x + i * step, y, width, 26, score) for i in range(n)]


def rows(boxes: Boxes) -> list[Row]:
    maps = maps_of(boxes)
    return assemble_rows(find_peaks(maps), maps, shipped_decisions().rows)


def middles(row: Row) -> npt.NDArray[np.float64]:
    return np.asarray(row.corners.mean(axis=1))


@pytest.mark.parametrize(("n", "step"), [(2, 20), (5, 20), (12, 20), (6, 27), (4, 31)])
def test_boxes_side_by_side_are_a_row(n: int, step: float) -> None:
    (row,) = rows(comb(n, step))
    assert len(row) == n
    assert middles(row) == pytest.approx(np.array([[40 + i * step, 60] for i in range(n)]), abs=0.1)
    assert row.size == pytest.approx((20, 26), abs=0.1)
    assert row.scores == pytest.approx(np.full(n, 0.9), abs=0.01)


def test_boxes_of_a_comb_share_their_separators() -> None:
    (row,) = rows(comb(6, 20, width=19))
    assert row.corners[1:, 0] == pytest.approx(row.corners[:-1, 1], abs=1e-6)


def test_boxes_that_stand_apart_keep_their_width() -> None:
    (row,) = rows(comb(5, 26))
    assert (row.corners[1:, 0, 0] - row.corners[:-1, 1, 0]) == pytest.approx(np.full(4, 6), abs=0.2)


def test_errors_of_a_pixel_are_smoothed_out() -> None:
    rng = np.random.default_rng(1)
    shifted = [
        (x + rng.normal(0, 0.6), y + rng.normal(0, 0.6), w, h, s) for x, y, w, h, s in comb(9)
    ]
    (row,) = rows(shifted)
    assert np.diff(middles(row)[:, 0]) == pytest.approx(np.full(8, 20), abs=0.5)
    assert np.abs(middles(row)[:, 1] - 60).max() < 1


def test_a_row_may_run_downhill() -> None:
    (row,) = rows([(x, y + 0.04 * x, w, h, s) for x, y, w, h, s in comb(8)])
    assert len(row) == 8
    edge = row.corners[:, 1] - row.corners[:, 0]
    assert edge[:, 1] / edge[:, 0] == pytest.approx(np.full(8, 0.04), abs=0.01)


@pytest.mark.parametrize("missing", [[3], [2, 3], [3, 4, 5], [2, 6]])
def test_boxes_missing_in_a_row_are_added(missing: list[int]) -> None:
    boxes = comb(9)
    for i in missing:
        boxes[i] = (*boxes[i][:4], 0.24)  # hardly seen
    (row,) = rows(boxes)
    assert middles(row)[:, 0] == pytest.approx(40 + 20 * np.arange(9), abs=0.3)
    assert set(np.flatnonzero(row.scores < 0.5)) == set(missing)


def test_nothing_is_added_where_nothing_is_seen() -> None:
    found = rows([box for i, box in enumerate(comb(9)) if i != 4])
    assert sorted(len(row) for row in found) == [4, 4]


def test_a_wider_step_separates_two_rows() -> None:
    found = rows(comb(3) + comb(4, x=40 + 3 * 20 + 9))
    assert sorted(len(row) for row in found) == [3, 4]


def test_boxes_of_other_sizes_are_other_rows() -> None:
    found = rows(comb(3) + [(40 + 3 * 20 + 12 + i * 40, 60, 40, 50, 0.9) for i in range(3)])
    assert sorted(row.size[1] for row in found) == pytest.approx([26, 50], abs=0.2)


def test_rows_below_one_another_stay_apart() -> None:
    found = rows(comb(5) + comb(5, y=86) + comb(5, y=112))
    assert sorted(float(middles(row)[0, 1]) for row in found) == pytest.approx([60, 86, 112])


@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        (comb(1, score=0.9), 1),
        (comb(1, score=0.4), 0),
        (comb(6, score=0.3), 0),
        ([*comb(1, score=0.4), *comb(3, x=60, score=0.12)], 0),
        ([], 0),
    ],
    ids=["one sure", "one doubtful", "all doubtful", "most doubtful", "none"],
)
def test_only_high_scores_count(boxes: Boxes, count: int) -> None:
    assert len(rows(boxes)) == count


def test_of_two_boxes_in_one_place_the_better_one_stays() -> None:
    found = find_peaks(maps_of([(40, 60, 20, 26, 0.9), (48.5, 60, 20, 26, 0.6)]))
    assert found.scores == pytest.approx([0.9], abs=0.01)


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(-10, 20), st.integers(0, 25))
def test_pairs_within_finds_what_a_double_loop_finds(
    values: list[int], nearest: int, span: int
) -> None:
    x = np.sort(np.array(values, float))
    first, second = pairs_within(x, nearest, nearest + span)
    found = list(zip(first.tolist(), second.tolist(), strict=True))
    places = range(len(x))
    wanted = [(i, k) for i in places for k in places if nearest <= x[k] - x[i] <= nearest + span]
    assert found == wanted
