"""Which rectangles are found as cells for whole numbers, and which are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import Box
from formreader.core.records import DigitBox, GreyImage
from formreader.detect.cell_finder import find_cells

WHITE = 255


def blank_page() -> GreyImage:
    """A4 at 100 dpi."""
    return np.full((1170, 827), WHITE, np.uint8)


def rule(page: GreyImage, box: Box, darkness: int = 200, thickness: int = 2) -> None:
    ends = (round(box.left), round(box.top)), (round(box.right), round(box.bottom))
    cv2.rectangle(page, *ends, (WHITE - darkness,), thickness)


def write(page: GreyImage, box: Box, marks: int, height: float = 0.6) -> None:
    """Zeros in a row, as high as a share of the box."""
    tall = round(height * box.height / 2)
    for i in range(marks):
        centre = round(box.left + (i + 1) * 1.3 * tall + 4), round(box.top + box.height / 2)
        cv2.ellipse(page, centre, (round(0.45 * tall), tall), 0, 0, 360, (20,), 2)


def page_with(box: Box, marks: int = 3) -> GreyImage:
    page = blank_page()
    rule(page, box)
    write(page, box, marks)
    return page


def frame_at(box: Box) -> DigitBox:
    left, top, right, bottom = box.left, box.top, box.right, box.bottom
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


@pytest.mark.parametrize(
    "box",
    [Box(100, 200, 120, 30), Box(300, 600, 400, 60), Box(90, 90, 40, 40), Box(50, 99, 90, 26)],
)
def test_a_filled_rectangle_is_found_where_it_is(box: Box) -> None:
    (found,) = find_cells(page_with(box, marks=1 if box.width < 50 else 2), [])
    for side in ("left", "top", "right", "bottom"):
        assert getattr(found.box, side) == pytest.approx(getattr(box, side), abs=3)
    assert found.score > 0.9


def test_a_hairline_in_grey_is_enough() -> None:
    page, box = blank_page(), Box(100, 200, 120, 36)
    rule(page, box, darkness=60, thickness=1)
    write(page, box, 3)
    assert len(find_cells(page, [])) == 1


def test_a_short_break_in_a_side_is_bridged() -> None:
    page = page_with(Box(100, 200, 160, 36))
    page[196:204, 200:208] = WHITE
    assert len(find_cells(page, [])) == 1


def test_a_rectangle_with_a_side_missing_is_no_cell() -> None:
    page = page_with(Box(100, 200, 160, 36))
    page[204:234, 255:265] = WHITE
    assert find_cells(page, []) == []


@pytest.mark.parametrize(
    "box", [Box(100, 200, 16, 16), Box(100, 200, 300, 240), Box(20, 200, 780, 40)]
)
def test_check_boxes_photos_and_frames_are_no_cells(box: Box) -> None:
    assert find_cells(page_with(box, marks=1), []) == []


def test_a_cell_in_a_frame_is_found() -> None:
    page = page_with(Box(100, 200, 160, 36))
    rule(page, Box(60, 120, 500, 300))
    assert len(find_cells(page, [])) == 1


def test_a_cell_that_runs_off_the_page_is_not_found() -> None:
    assert len(find_cells(page_with(Box(700, 200, 120, 36)), [])) == 1
    assert find_cells(page_with(Box(750, 200, 120, 36)), []) == []


def test_printed_text_is_no_number() -> None:
    page, box = blank_page(), Box(100, 200, 300, 36)
    rule(page, box)
    cv2.putText(page, "Surname and first name", (106, 222), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (0,), 1)
    assert find_cells(page, []) == []


def test_a_long_stroke_does_not_halve_a_cell() -> None:
    page, box = page_with(Box(100, 200, 160, 36)), Box(100, 200, 160, 36)
    cv2.line(page, (220, 206), (220, 232), (20,), 2)
    (found,) = find_cells(page, [])
    assert found.box.is_as_large_as(box)


def test_known_boxes_are_no_cells() -> None:
    box = Box(100, 200, 160, 36)
    known = np.array([[104, 204], [130, 204], [130, 234], [104, 234]], np.float64)
    assert find_cells(page_with(box), [known]) == []


def test_a_blank_rectangle_counts_only_beside_a_filled_one_of_its_size() -> None:
    blank, other = Box(100, 300, 160, 36), Box(100, 400, 300, 36)
    page = blank_page()
    rule(page, blank)
    rule(page, other)
    assert find_cells(page, []) == []
    filled = Box(100, 200, 160, 36)
    rule(page, filled)
    write(page, filled, 3)
    assert sorted(round(cell.box.top, -1) for cell in find_cells(page, [])) == [200, 300]
