"""Printed words are told from handwritten numbers by how their letters stand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import Point
from formreader.core.records import DigitBox, GreyImage
from formreader.segment.print_filter import Marks, are_print, find_marks, holds_print

LEFT, TOP, WIDTH, HEIGHT = 60, 50, 500, 76


def page_with(text: str, scale: float, uneven: tuple[int, ...] = (0,)) -> GreyImage:
    """A page with one ruled cell, and letters in it that stand by turns `uneven` px lower."""
    page = np.full((200, 640), 240, np.uint8)
    cv2.rectangle(page, (LEFT, TOP), (LEFT + WIDTH, TOP + HEIGHT), (60,), 2)
    for i, letter in enumerate(text):
        at = (LEFT + 30 + round(34 * scale * i), TOP + 58 + uneven[i % len(uneven)])
        cv2.putText(page, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 1.2 * scale, (30,), 3, cv2.LINE_AA)
    return page


def cell_at(turn: int = 0, shape: tuple[int, int] = (200, 640)) -> DigitBox:
    """The cell on a page that was turned by quarters clockwise."""
    right, bottom = LEFT + WIDTH, TOP + HEIGHT
    corners: list[Point] = [(LEFT, TOP), (right, TOP), (right, bottom), (LEFT, bottom)]
    height = shape[0]
    for _ in range(turn):
        corners = [(height - 1 - y, x) for x, y in corners]
        height = shape[1] if height == shape[0] else shape[0]
    a, b, c, d = corners
    return DigitBox((a, b, c, d))


def turned(page: GreyImage, turn: int) -> GreyImage:
    return np.ascontiguousarray(np.rot90(page, -turn))


@pytest.mark.parametrize("turn", range(4))
def test_a_printed_label_is_print_whichever_way_the_page_lies(turn: int) -> None:
    page = turned(page_with("Meter reading", 0.9), turn)
    assert holds_print(page, cell_at(turn))


def test_large_capitals_of_one_height_are_print() -> None:
    assert holds_print(page_with("NUMEROS", 1.0), cell_at())


@pytest.mark.parametrize("scale", [0.7, 1.0])
def test_digits_on_no_one_line_are_no_print(scale: float) -> None:
    assert not holds_print(page_with("4071358", scale, (0, 5, -4, 8, 2, -7, 3)), cell_at())


def test_few_large_digits_may_be_even_by_chance() -> None:
    assert not holds_print(page_with("40713", 1.0), cell_at())


def test_what_reaches_the_lines_is_no_print() -> None:
    page = page_with("Meter reading", 0.9)
    cv2.line(page, (500, TOP - 10), (510, TOP + 60), (30,), 3)
    assert find_marks(page, cell_at()) is None


def test_empty_and_noisy_cells_hold_no_print() -> None:
    assert find_marks(page_with("", 1.0), cell_at()) is None
    noise = np.random.default_rng(1).normal(200, 20, (200, 640))
    assert not holds_print(np.clip(noise, 0, 255).astype(np.uint8), cell_at())


def test_a_cell_full_of_dots_holds_no_print() -> None:
    """More than 65,535 marks, as a fine screen has, are counted as well as few."""
    page = np.full((900, 900), 240, np.uint8)
    page[150:750:2, 150:750:2] = 30
    low, high = 99.5, 799.5
    frame = DigitBox(((low, low), (high, low), (high, high), (low, high)))
    marks = find_marks(page, frame)
    assert marks is not None
    assert len(marks.height) == 0


def test_print_that_leaves_a_cell_blank_is_left_to_who_finds_it_blank() -> None:
    assert not holds_print(page_with("Euro and cents", 0.45), cell_at())


def test_marks_are_measured_along_the_cell() -> None:
    page = page_with("HHHHHHH", 0.7)
    turn = cv2.getRotationMatrix2D((320, 100), -1.5, 1.0)
    skewed = cv2.warpAffine(page, turn, (640, 200), borderMode=cv2.BORDER_REPLICATE)
    corners = cv2.transform(np.array([cell_at().corners]), turn)[0].tolist()
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    marks = find_marks(np.asarray(skewed, np.uint8), DigitBox((a, b, c, d)))
    assert marks is not None
    assert len(marks.bottom) == 7
    assert np.ptp(marks.bottom) <= 0.04
    assert marks.height == pytest.approx(18 / HEIGHT, abs=0.05)


@pytest.mark.parametrize(
    ("height", "bottom", "verdict"),
    [
        ([0.2, 0.2, 0.3], [0.7, 0.7, 0.7], True),
        ([0.2, 0.2, 0.3], [0.7, 0.7, 0.8], False),
        ([0.2, 0.2, 0.2], [0.7, 0.7, 0.7], False),
        ([0.2, 0.3], [0.7, 0.7], False),
        ([0.4] * 7, [0.7] * 7, True),
        ([0.4] * 7, [0.7, 0.73, 0.66, 0.7, 0.7, 0.75, 0.7], False),
        ([0.4] * 6, [0.7] * 6, False),
        ([0.4, 0.45, 0.5, 0.36, 0.4, 0.42, 0.4], [0.7] * 7, False),
        ([], [], False),
    ],
)
def test_the_verdict(height: list[float], bottom: list[float], verdict: bool) -> None:
    assert are_print(Marks(np.array(height), np.array(bottom), 0.01)) is verdict


def test_words_are_print_by_their_line_alone_where_they_are_long() -> None:
    height = np.array([0.42, 0.42, 0.38, 0.35, 0.33, 0.47, 0.42, 0.35, 0.31, 0.38, 0.45])
    bottom = np.full(11, 0.7)
    assert are_print(Marks(height, bottom, 0.01))
    assert not are_print(Marks(height[:10], bottom[:10], 0.01))
    bottom[:3] += 0.05
    assert not are_print(Marks(height, bottom, 0.01))


@pytest.mark.parametrize(("pixel", "verdict"), [(0.01, False), (0.018, True), (0.03, False)])
def test_a_pixel_off_the_line_is_on_it_unless_pixels_are_large(pixel: float, verdict: bool) -> None:
    off = max(pixel, 0.018)
    bottom = np.array([0.7, 0.7 + off, 0.7 - off, 0.7, 0.7 + off, 0.7 - off])
    assert are_print(Marks(np.full(6, 0.27), bottom, pixel)) is verdict


def test_letters_that_stand_low_are_seen_whole() -> None:
    assert holds_print(page_with("Datadinascita", 0.8, (9,)), cell_at())
