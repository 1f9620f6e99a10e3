"""Cells for whole numbers, cut out of their page: their strips, and what is ink in them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.geometry import Box, map_points
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops, GreyImage
from formreader.segment.cell_ink import cell_ink, cut_cell_patch, cut_cell_patches, quantile
from formreader.segment.cut_cells import (
    cut_cell,
    cut_cells,
)

WHITE = 255
FRAME = Box(50, 40, 300, 60)
TALL = 36
"""Height in pixels of the zeros below."""


def cell_at(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def page_with(centres: list[float], line: int = 2, ink: int = 30) -> GreyImage:
    """A page with one ruled cell, and zeros of 20 x 36 pixels at these places in it."""
    page = np.full((140, 400), WHITE, np.uint8)
    if line:
        ends = (round(FRAME.left), round(FRAME.top)), (round(FRAME.right), round(FRAME.bottom))
        cv2.rectangle(page, *ends, (60,), line)
    for x in centres:
        cv2.ellipse(page, (round(x), 70), (10, TALL // 2), 0, 0, 360, (ink,), 3)
    return page


def cut(page: GreyImage) -> FieldCrops:
    return cut_cell(page, cell_at(FRAME))


def test_marks_that_are_all_over_the_page_are_no_number() -> None:
    page = np.vstack([page_with([100, 150]), page_with([300], ink=170), page_with([])])
    cells = [cell_at(Box(FRAME.left, FRAME.top + 140 * i, 300, 60)) for i in range(3)]
    names = ["a", "b", "c"]
    found = cut_cells(Pyramid(page), cells, names)
    assert [bool(one.blank.all()) for one in found] == [False, False, True]
    written, mark, blank = cut_cells(Pyramid(page), cells, names, faint=0.45)
    assert not written.blank.any()
    for one in (mark, blank):
        assert one.blank.all() and one.strip is not None and not one.strip.has_ink
        assert not one.strip.darkness.any()


def test_a_cell_without_ink_is_blank_and_is_its_own_box() -> None:
    result = cut_cell(page_with([]), cell_at(FRAME))
    assert (result.boxes, result.cell) == ((cell_at(FRAME),), cell_at(FRAME))
    assert result.blank.tolist() == [True]


@pytest.mark.parametrize("line", [1, 2, 4])
@pytest.mark.parametrize("tilt", [0.0, 1.5])
def test_the_lines_of_the_cell_are_no_ink(line: int, tilt: float) -> None:
    corners = np.array(cell_at(FRAME).corners) + [[0, 0], [0, tilt], [0, tilt], [0, 0]]
    assert not cut_cell_patch(page_with([], line), corners).ink.any()


@pytest.mark.parametrize("gap", [3, 1])
def test_digits_beside_a_thick_line_are_kept(gap: int) -> None:
    """The line goes on further out than lines are looked for, and the digits meet its rim."""
    page = page_with([100, 150, 200], line=0)
    frame = np.full_like(page, 20)
    frame[:20], frame[:, :30], frame[:, 370:] = WHITE, WHITE, WHITE
    frame[42 : 90 + gap, 52:348] = WHITE
    both = cv2.GaussianBlur(np.minimum(page, frame), (3, 3), 0)
    corners = np.array(cell_at(Box(50, 40, 300, 50)).corners)
    patch = cut_cell_patch(np.asarray(both, np.uint8), corners)
    assert not patch.loose_ink
    assert cv2.connectedComponents(patch.ink)[0] == 1 + 3


@pytest.mark.parametrize(("centre", "loose"), [(100, False), (320, False), (355, True), (45, True)])
def test_a_digit_at_the_edge_that_is_left_out_is_loose_ink(centre: float, loose: bool) -> None:
    field = cut(page_with([200, centre], line=0))
    assert all(box.loose_ink is loose for box in field.boxes)


@pytest.mark.parametrize("x", [336, 340, 342, 58])
def test_a_one_close_to_a_side_is_the_number_s(x: int) -> None:
    """As straight as a line, and as close."""
    page, tall = np.full((240, 400), WHITE, np.uint8), Box(50, 40, 300, 150)
    cv2.rectangle(page, (50, 40), (350, 190), (60,), 2)
    cv2.ellipse(page, (250 if x > 200 else 150, 115), (25, 45), 0, 0, 360, (30,), 4)
    cv2.line(page, (x, 70), (x, 160), (30,), 4)
    field = cut_cell(page, cell_at(tall))
    assert not any(box.loose_ink for box in field.boxes)
    corners = np.array([cell_at(tall).corners], np.float64)
    (patch,) = cut_cell_patches(Pyramid(page), corners, np.ones((1, 2), np.bool_))
    columns = np.flatnonzero(patch.ink.any(axis=0))
    at, _ = map_points(patch.to_page, [(columns[-1] if x > 200 else columns[0], 0)])[0]
    assert at == pytest.approx(x, abs=4)


def page_of_small_zeros(centres: list[float]) -> GreyImage:
    """The page with zeros of 10 x 15 pixels."""
    page = page_with([])
    for x in centres:
        cv2.ellipse(page, (round(x), 72), (4, 6), 0, 0, 360, (30,), 3)
    return page


@pytest.mark.parametrize(
    ("centres", "loose"),
    [
        ([322, 337, 352], True),  # the last one is across the line
        ([63, 78, 48], True),
        ([322, 337, 366], False),  # what stands beyond, as a unit may
        ([100, 115, 352], False),  # far from the number
        ([322, 337], False),
    ],
)
def test_a_small_digit_across_a_side_of_the_cell_is_loose_ink(
    centres: list[float], loose: bool
) -> None:
    page, cell = page_of_small_zeros(centres), cell_at(FRAME)
    field = cut_cell(page, cell)
    assert all(box.loose_ink is loose for box in field.boxes)
    beside = [cell_at(Box(x, FRAME.top, 90, FRAME.height)) for x in (-40, FRAME.right)]
    between = cut_cells(Pyramid(page), [cell, *beside])[0]  # it may be the neighbour's
    assert not any(box.loose_ink for box in between.boxes)


@pytest.mark.parametrize(
    ("x", "grey", "loose"),
    [(350, 170, True), (50, 170, True), (350, 40, False), (None, 170, False)],
    ids=["at the right", "at the left", "on a line as dark", "nothing"],
)
def test_a_digit_on_a_lighter_line_is_loose_ink(x: int | None, grey: int, loose: bool) -> None:
    page = np.full((140, 400), WHITE, np.uint8)
    cv2.rectangle(page, (50, 40), (350, 100), (grey,), 5)
    centres = (70, 86) if x == 50 else (314, 330)
    for centre in centres:
        cv2.ellipse(page, (centre, 72), (4, 6), 0, 0, 360, (30,), 3)
    if x is not None:
        cv2.line(page, (x, 66), (x, 79), (30,), 3)  # a 1 that lies on the line
    field = cut_cell(page, cell_at(FRAME))
    assert all(box.loose_ink is loose for box in field.boxes)


@pytest.mark.parametrize(("x", "loose"), [(53, True), (347, True), (None, False)])
def test_what_a_dark_line_leaves_of_a_small_digit_is_loose_ink(x: int | None, loose: bool) -> None:
    page = np.full((140, 400), WHITE, np.uint8)
    cv2.rectangle(page, (50, 40), (350, 100), (30,), 7)
    for centre in (70, 86) if x == 53 else (314, 330):
        cv2.ellipse(page, (centre, 72), (4, 6), 0, 0, 360, (30,), 3)
    if x is not None:
        cv2.ellipse(page, (x, 72), (3, 6), 0, 0, 360, (30,), 2)
    field = cut_cell(page, cell_at(FRAME))
    assert all(box.loose_ink is loose for box in field.boxes)


def test_a_stroke_across_a_line_is_kept_whole() -> None:
    page = page_with([])
    cv2.line(page, (150, 60), (150, 108), (30,), 4)
    patch = cut_cell_patch(page, np.array(cell_at(FRAME).corners))
    rows = np.flatnonzero(patch.ink.any(axis=1))
    assert np.ptp(rows) + 1 == len(rows) >= 45


def test_faint_ink_on_grey_paper_is_brightened() -> None:
    page = np.asarray(page_with([100], ink=120) * 0.8, np.uint8)
    ink = cut_cell_patch(page, np.array(cell_at(FRAME).corners)).ink
    assert ink.max() == 255
    assert 0.01 < (ink > 0).mean() < 0.05


def test_noise_and_specks_are_no_ink() -> None:
    rng = np.random.default_rng(5)
    patch = np.clip(rng.normal(235, 6, (80, 240)), 0, 255).astype(np.uint8)
    patch[30:32, 100:102] = 40
    found = cell_ink(patch, 12)
    assert not found.ink.any()
    assert not found.loose_ink


@given(values=st.lists(st.integers(0, 255), min_size=1, max_size=40), share=st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(values: list[int], share: float) -> None:
    grey = np.array([values], np.uint8)
    assert quantile(grey, share) == pytest.approx(float(np.quantile(grey, share)))
    chosen = grey >= np.median(grey)
    assert quantile(grey, share, chosen) == pytest.approx(float(np.quantile(grey[chosen], share)))
