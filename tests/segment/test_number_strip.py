"""The strip of a cell: what it shows of the writing, and where that is on the page."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import map_points
from formreader.core.records import DigitBox, GreyImage
from formreader.segment.cell_ink import cut_cell_patch
from formreader.segment.number_strip import MAX_STRIP_WIDTH, STRIP_HEIGHT, cut_strip, strip_of


def cell_at(left: float, top: float, width: float, height: float) -> DigitBox:
    right, bottom = left + width, top + height
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def page(width: int = 600, paper: int = 240, ink: int = 20) -> GreyImage:
    """A cell of 400 x 60 pixels at (50, 40) with a number 30 pixels high."""
    sheet = np.full((160, width), paper, np.uint8)
    cv2.rectangle(sheet, (50, 40), (450, 100), (ink,), 1)
    cv2.putText(sheet, "407", (200, 85), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (ink,), 3, cv2.LINE_AA)
    return sheet


CELL = cell_at(50, 40, 400, 60)


def test_a_strip_shows_the_writing_as_large_as_it_can() -> None:
    strip = cut_strip(page(), CELL)
    assert strip.shape[0] == STRIP_HEIGHT
    assert strip.shape[1] < 120  # of the cell's 213
    inked = np.flatnonzero((strip > 128).any(axis=1))
    assert 0.6 * STRIP_HEIGHT < np.ptp(inked) < 0.95 * STRIP_HEIGHT


def test_faint_writing_is_as_dark_as_other_writing() -> None:
    strong, faint = (cut_strip(page(ink=ink), CELL) for ink in (20, 190))
    assert faint.shape == strong.shape
    assert np.abs(faint.astype(int) - strong).mean() < 12


def test_a_blank_cell_is_shown_whole_and_its_noise_stays_faint() -> None:
    rng = np.random.default_rng(1)
    sheet = np.clip(rng.normal(235, 3, (160, 600)), 0, 255).astype(np.uint8)
    strip = cut_strip(sheet, CELL)
    assert strip.shape[1] == pytest.approx(STRIP_HEIGHT * 406 / 66, abs=3)
    assert strip.mean() < 60


def test_a_dash_stays_a_small_stroke() -> None:
    sheet = np.full((160, 600), 240, np.uint8)
    cv2.line(sheet, (200, 70), (240, 70), (20,), 4)
    strip = cut_strip(sheet, CELL)
    assert np.ptp(np.flatnonzero((strip > 128).any(axis=1))) < STRIP_HEIGHT / 3


def test_a_very_wide_cell_is_squeezed() -> None:
    wide = np.full((100, 4000), 240, np.uint8)
    assert cut_strip(wide, cell_at(50, 30, 3900, 40)).shape == (STRIP_HEIGHT, MAX_STRIP_WIDTH)


def test_a_strip_knows_its_place_on_the_page() -> None:
    strip = strip_of(cut_cell_patch(page(), np.array(CELL.corners, np.float64)))
    rows, columns = np.nonzero(strip.darkness > 128)
    corners = [(columns.min(), rows.min()), (columns.max(), rows.max())]
    (left, top), (right, bottom) = map_points(strip.to_page, corners)
    y, x = np.nonzero(page()[45:96, 60:440] < 128)
    assert (left, right) == pytest.approx((60 + x.min(), 60 + x.max()), abs=2.5)
    assert (top, bottom) == pytest.approx((45 + y.min(), 45 + y.max()), abs=2.5)
