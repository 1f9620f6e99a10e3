"""What counts as a ruled line: whatever it is printed with, but no handwriting or texture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.forms.lines import Mask, find_lines
from formreader.types import GreyImage

TOP, LEFT, LONG = 60, 40, 200


def paper() -> GreyImage:
    return np.full((160, 280), 255, np.uint8)


def share(mask: Mask, thickness: int = 1) -> float:
    """How much of the line at TOP, from LEFT on, is on the mask."""
    part = mask[TOP : TOP + thickness, LEFT : LEFT + LONG]
    return float((part > 0).any(axis=0).mean())


def ruled(shade: int = 0, thickness: int = 2) -> GreyImage:
    image = paper()
    image[TOP : TOP + thickness, LEFT : LEFT + LONG] = shade
    return image


@pytest.mark.parametrize("thickness", [1, 2, 4, 7])
def test_solid_lines(thickness: int) -> None:
    lines = find_lines(ruled(0, thickness))
    assert share(lines.horizontal, thickness) > 0.97
    assert not lines.vertical.any()


def test_lines_end_where_they_end() -> None:
    columns = np.flatnonzero(find_lines(ruled()).horizontal.any(axis=0))
    assert abs(columns[0] - LEFT) <= 4
    assert abs(columns[-1] - (LEFT + LONG - 1)) <= 4


def test_upright_lines_are_found_as_level_ones_are() -> None:
    lines = find_lines(np.ascontiguousarray(ruled().T))
    assert share(np.ascontiguousarray(lines.vertical.T), 2) > 0.97
    assert not lines.horizontal.any()


def test_grey_hairlines() -> None:
    assert share(find_lines(ruled(215, 1)).horizontal) > 0.97


def test_grey_hairlines_in_noise() -> None:
    noise = np.random.default_rng(2).normal(0, 8, paper().shape)
    image = np.clip(ruled(190, 1) + noise, 0, 255).astype(np.uint8)
    lines = find_lines(image)
    assert share(lines.horizontal) > 0.9
    assert (lines.horizontal > 0).sum() < 5 * LONG


@pytest.mark.parametrize(("on", "off"), [(2, 3), (3, 3), (8, 5)])
def test_dotted_and_dashed_lines(on: int, off: int) -> None:
    image = ruled()
    gaps = np.arange(LONG) % (on + off) >= on
    image[TOP : TOP + 2, LEFT : LEFT + LONG][:, gaps] = 255
    assert share(find_lines(image).horizontal, 2) > 0.95


def test_slightly_tilted_lines_hold_together() -> None:
    image = paper()
    cv2.line(image, (LEFT, TOP), (LEFT + LONG, TOP + 3), (0,), 2, cv2.LINE_AA)
    mask = find_lines(image).horizontal
    x = np.arange(LEFT, LEFT + LONG)
    y = np.rint(TOP + 3 * (x - LEFT) / LONG).astype(int)
    assert (mask[y, x] > 0).mean() > 0.95
    assert cv2.connectedComponents(mask)[0] == 2


def test_handwriting_is_no_level_line() -> None:
    image = paper()
    t = np.linspace(0, 1, 200)
    x, y = LEFT + LONG * t, TOP + 14 * np.sin(40 * t)
    curve = np.rint(np.column_stack([x, y])).astype(np.int32)
    cv2.polylines(image, [curve], False, (0,), 3, cv2.LINE_AA)
    assert share(find_lines(image).horizontal, 2) < 0.1


@pytest.mark.parametrize("end", [(150, 120), (80, 120)])
def test_slanted_strokes_are_no_level_lines(end: tuple[int, int]) -> None:
    image = paper()
    cv2.line(image, (60, 30), end, (0,), 3, cv2.LINE_AA)
    assert not find_lines(image).horizontal.any()


def test_halftone_is_no_line() -> None:
    ys, xs = np.mgrid[:160, :280]
    dots = np.sin((xs + ys) * 0.9) * np.sin((xs - ys) * 0.9) > 0.3
    image = np.where(dots, 120, 255).astype(np.uint8)
    lines = find_lines(image)
    assert (lines.horizontal > 0).mean() < 0.01
    assert (lines.vertical > 0).mean() < 0.01


def test_noise_is_no_line() -> None:
    image = np.random.default_rng(3).integers(0, 256, (300, 300)).astype(np.uint8)
    lines = find_lines(image)
    assert (lines.horizontal > 0).mean() < 0.01
    assert (lines.vertical > 0).mean() < 0.01


def test_borders_of_a_black_bar_are_lines() -> None:
    image = paper()
    image[40:90, 60:200] = 20
    lines = find_lines(image)
    for row in (40, 89):
        assert (lines.horizontal[row - 1 : row + 2, 65:195] > 0).any(axis=0).mean() > 0.95
    for column in (60, 199):
        assert (lines.vertical[45:85, column - 1 : column + 2] > 0).any(axis=1).mean() > 0.95
    assert not lines.horizontal[55:75, 70:190].any()


@pytest.mark.parametrize("shade", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (50, 60)])
def test_pages_without_anything_have_no_lines(shape: tuple[int, int], shade: int) -> None:
    lines = find_lines(np.full(shape, shade, np.uint8))
    assert lines.horizontal.shape == lines.vertical.shape == shape
    assert not lines.horizontal[1:-1, 1:-1].any()
