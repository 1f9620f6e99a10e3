"""The part of a cell that is cut: as high as its writing asks for."""

from __future__ import annotations

import numpy as np
import pytest
from true_looks import look_of

from formreader.core.records import DigitBox
from formreader.look.writing_windows import windows

CELL = DigitBox(((20, 20), (180, 20), (180, 120), (20, 120)))


def window(*written: tuple[slice, slice]) -> tuple[float, float]:
    """Top and bottom of what is cut of the cell."""
    pen = np.zeros((160, 200), np.bool_)
    for part in written:
        pen[part] = True
    (corners,) = windows(look_of(pen, np.zeros_like(pen)), [CELL])
    assert corners[:, 0] == pytest.approx([20, 180, 180, 20])
    return float(corners[0, 1]), float(corners[2, 1])


@pytest.mark.parametrize("top", [30, 60, 90])
def test_small_writing_gets_a_window_twice_as_high(top: int) -> None:
    first, last = window(np.s_[top : top + 16, 40:80])
    assert last - first == pytest.approx(32, abs=5)
    assert first <= top
    assert last >= top + 16 or last == pytest.approx(120)


@pytest.mark.parametrize("written", [(), (np.s_[40:90, 40:80],)])
def test_a_blank_cell_and_large_writing_are_cut_as_a_whole(written: tuple) -> None:
    assert window(*written) == pytest.approx((20, 120))


def test_strokes_from_the_cell_above_do_not_count() -> None:
    first, last = window(np.s_[0:40, 150:160], np.s_[80:96, 40:80])
    assert first > 60
    assert last < 120


def test_a_cell_with_a_dash_is_cut_as_a_whole() -> None:
    assert window(np.s_[70:72, 40:60]) == pytest.approx((20, 120))


def test_no_cells_no_windows() -> None:
    look = look_of(np.zeros((64, 64), np.bool_), np.zeros((64, 64), np.bool_))
    assert windows(look, []).shape == (0, 4, 2)
