"""Rows are fitted to boxes side by side, many at once."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.detect.row_fitting import RowPart, fit_rows


def part(n: int, *, y: float, step: float = 30.0, bend: float = 0.0, noise: float = 0.0) -> RowPart:
    """n boxes of 20 by 26 pixels, on a curve that bends by `bend` pixels at its ends."""
    rng = np.random.default_rng(n)
    at = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
    centres = np.column_stack([50 + step * np.arange(n), y + bend * at**2])
    sizes = np.tile([20.0, 26.0], (n, 1))
    return RowPart(centres + noise * rng.normal(size=(n, 2)), sizes, np.full(n, 0.9))


def test_rows_do_not_affect_one_another() -> None:
    parts = [
        part(1, y=40),
        part(2, y=80, noise=1),
        part(5, y=120, step=20.5, noise=0.5),
        part(9, y=200, bend=6, noise=0.3),
        part(7, y=300, noise=4),
    ]
    alone = [row for one in parts for row in fit_rows([one])]
    for together, row in zip(fit_rows(parts), alone, strict=True):
        assert together.corners == pytest.approx(row.corners, abs=1e-9)
        np.testing.assert_array_equal(together.scores, row.scores)


def test_a_box_alone_stays_where_it_is() -> None:
    (row,) = fit_rows([part(1, y=40)])
    assert row.corners[0] == pytest.approx(np.array([[40, 27], [60, 27], [60, 53], [40, 53]]))


def test_small_errors_are_smoothed_out() -> None:
    (row,) = fit_rows([part(12, y=60, noise=0.4)])
    middles = row.corners.mean(axis=1)
    assert np.diff(middles[:, 0]) == pytest.approx(np.full(11, np.diff(middles[:, 0]).mean()))
    assert np.abs(middles - part(12, y=60).centres).max() < 0.6


def test_a_curved_row_stays_curved_where_it_has_many_boxes() -> None:
    few, many = fit_rows([part(5, y=60, bend=8), part(9, y=160, bend=8)])
    assert np.ptp(few.corners.mean(axis=1)[:, 1]) < 0.1
    assert np.ptp(many.corners.mean(axis=1)[:, 1]) == pytest.approx(8, abs=0.1)


def test_boxes_that_touch_share_their_separators() -> None:
    (row,) = fit_rows([part(4, y=60, step=20.6)])
    assert row.corners[1:, 0] == pytest.approx(row.corners[:-1, 1])


def test_no_parts_are_no_rows() -> None:
    assert fit_rows([]) == []
