"""The strips of cells: what they show of the writing, and where that is on the page."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import map_points, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops, GreyImage, NumberStrip
from formreader.crop.number_strips import MAX_STRIP_WIDTH, STRIP_HEIGHT, cut_cells
from formreader.crop.writing_map import WritingMap

STEP = 4
"""Pixels of the pages below in a place of their maps."""


def cell_at(left: float, top: float, width: float, height: float) -> DigitBox:
    right, bottom = left + width, top + height
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


CELL = cell_at(48, 40, 400, 60)


def sheet(paper: int = 240, width: int = 600) -> GreyImage:
    return np.full((160, width), paper, np.uint8)


def write(
    page: GreyImage, text: str = "407", x: int = 200, y: int = 85, ink: int = 20
) -> GreyImage:
    """A page with a number 28 pixels high."""
    written = page.copy()
    cv2.putText(written, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (ink,), 3, cv2.LINE_AA)
    return written


def ruled(page: GreyImage) -> GreyImage:
    framed = page.copy()
    cv2.rectangle(framed, (48, 40), (448, 100), (20,), 1)
    return framed


def places(page: GreyImage, paper: int = 240) -> np.ndarray:
    """Where a page without lines has ink, on the grid of a map."""
    small = cv2.resize(page, None, fx=1 / STEP, fy=1 / STEP, interpolation=cv2.INTER_AREA)
    return np.asarray(small < paper - 15)


def cut(
    page: GreyImage, written: GreyImage, printed: GreyImage | None = None, cell: DigitBox = CELL
) -> FieldCrops:
    """A cell cut from `page`, on which these were written and printed."""
    to_page = scaling(STEP, STEP)
    pen = places(written)
    ink = pen if printed is None else pen | places(printed)
    (field,) = cut_cells(Pyramid(page), WritingMap(ink, pen, to_page), [cell])
    return field


def strip_of(field: FieldCrops) -> NumberStrip:
    assert field.strip is not None
    return field.strip


def inked(strip: NumberStrip) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(strip.darkness > 128)


def test_a_strip_shows_the_writing_as_large_as_it_can() -> None:
    strip = strip_of(cut(ruled(write(sheet())), write(sheet())))
    assert strip.has_ink
    assert strip.darkness.shape[0] == STRIP_HEIGHT
    assert strip.darkness.shape[1] < 120  # of the cell's 213
    rows, _ = inked(strip)
    assert 0.55 * STRIP_HEIGHT < np.ptp(rows) < STRIP_HEIGHT


def test_faint_writing_is_as_dark_as_other_writing() -> None:
    strong, faint = (
        strip_of(cut(write(sheet(), ink=ink), write(sheet()))).darkness for ink in (20, 190)
    )
    assert faint.shape == strong.shape
    assert np.abs(faint.astype(int) - strong).mean() < 12


def test_small_writing_in_a_high_cell_is_large_in_its_strip() -> None:
    high = cell_at(48, 8, 400, 150)
    field = cut(write(sheet()), write(sheet()), cell=high)
    rows, _ = inked(strip_of(field))
    assert np.ptp(rows) > 0.55 * STRIP_HEIGHT


def test_a_blank_cell_is_shown_whole_and_its_noise_stays_faint() -> None:
    rng = np.random.default_rng(1)
    noisy = np.clip(rng.normal(235, 3, (160, 600)), 0, 255).astype(np.uint8)
    field = cut(noisy, sheet())
    assert field.blank.tolist() == [True]
    assert field.boxes == (CELL,)
    strip = strip_of(field)
    assert not strip.has_ink
    assert strip.darkness.shape[1] == pytest.approx(STRIP_HEIGHT * 406 / 66, abs=3)
    assert strip.darkness.mean() < 60


def test_a_dash_stays_a_small_stroke() -> None:
    page = sheet()
    cv2.line(page, (200, 70), (240, 70), (20,), 4)
    rows, _ = inked(strip_of(cut(page, page)))
    assert np.ptp(rows) < STRIP_HEIGHT / 3


def test_print_beside_the_writing_is_shown_and_a_label_above_it_is_not() -> None:
    high = cell_at(48, 8, 400, 140)
    printed = write(sheet(), "kg", x=290)
    page = np.minimum(write(sheet()), printed)
    beside = strip_of(cut(page, write(sheet()), printed, high))
    assert (
        beside.darkness.shape[1]
        > 1.3 * strip_of(cut(page, write(sheet()), cell=high)).darkness.shape[1]
    )
    label = sheet()
    cv2.putText(label, "Total", (60, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20,), 2)
    low = write(sheet(), y=130)
    below = strip_of(cut(np.minimum(low, label), low, label, high))
    rows, _ = inked(below)
    assert np.ptp(rows) > 0.55 * STRIP_HEIGHT


def test_print_alone_is_shown_for_the_reader_to_tell() -> None:
    printed = write(sheet(), "00")
    field = cut(printed, sheet(), printed)
    assert strip_of(field).has_ink
    assert len(inked(strip_of(field))[0])


@pytest.mark.parametrize(
    ("x", "loose"), [(300, False), (428, False), (438, True), (440, True), (470, False)]
)
def test_a_digit_that_reaches_in_may_be_one_of_the_number(x: int, loose: bool) -> None:
    """The cell ends at 448; a digit that is mostly in it is its own."""
    page = write(write(sheet(), "40"), "8", x=x)
    assert cut(page, page).boxes[0].loose_ink is loose


def test_a_very_wide_cell_is_squeezed() -> None:
    wide = np.full((100, 4000), 240, np.uint8)
    field = cut(wide, wide, cell=cell_at(48, 28, 3900, 40))
    assert strip_of(field).darkness.shape == (STRIP_HEIGHT, MAX_STRIP_WIDTH)


@pytest.mark.parametrize("scale", [1, 3])
def test_a_strip_knows_its_place_on_the_page(scale: int) -> None:
    """On a page of three times as many pixels it is cut from a reduced copy."""
    page = write(sheet())
    large = np.asarray(cv2.resize(page, None, fx=scale, fy=scale), np.uint8)
    to_page = scaling(STEP * scale, STEP * scale)
    pen = places(page)
    cell = cell_at(*(scale * side for side in (48, 40, 400, 60)))
    (field,) = cut_cells(Pyramid(large), WritingMap(pen, pen, to_page), [cell])
    rows, columns = inked(strip_of(field))
    corners = [(columns.min(), rows.min()), (columns.max(), rows.max())]
    found = np.array(map_points(strip_of(field).to_page, corners)).ravel() / scale
    y, x = np.nonzero(page < 128)
    assert found == pytest.approx([x.min(), y.min(), x.max(), y.max()], abs=2.5)


def test_fields_have_their_names_and_no_cells_are_no_fault() -> None:
    page, pen = write(sheet()), places(write(sheet()))
    writing = WritingMap(pen, pen, scaling(STEP, STEP))
    (field,) = cut_cells(Pyramid(page), writing, [CELL], ["amount"])
    assert field.name == "amount"
    assert cut_cells(Pyramid(page), writing, []) == []


def test_a_cell_beyond_the_page_is_blank() -> None:
    field = cut(write(sheet()), write(sheet()), cell=cell_at(700, 300, 100, 40))
    assert field.blank.all()


@pytest.mark.parametrize("framed", [True, False])
def test_the_writing_on_an_image_of_one_number(framed: bool) -> None:
    image = np.full((80, 300), 240, np.uint8)
    if framed:
        cv2.rectangle(image, (2, 2), (297, 77), (40,), 2)
    cv2.putText(image, "59", (100, 58), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20,), 3, cv2.LINE_AA)
    writing = WritingMap.of_image(image)
    rows, columns = np.nonzero(writing.ink)
    ends = [(columns.min() - 0.5, rows.min() - 0.5), (columns.max() + 0.5, rows.max() + 0.5)]
    first, last = map_points(writing.to_page, ends)
    dark = np.nonzero(image[10:70, 10:290] < 130)
    (top, left), (bottom, right) = (10 + end(dark, axis=1) for end in (np.min, np.max))
    assert (*first, *last) == pytest.approx((left, top, right, bottom), abs=80 / 24)


def test_a_blank_image_has_no_writing() -> None:
    rng = np.random.default_rng(2)
    noisy = np.clip(rng.normal(235, 4, (80, 300)), 0, 255).astype(np.uint8)
    assert not WritingMap.of_image(noisy).ink.any()
