"""Edges of cells go to lines that are too faint to be seen in single pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.detect.cell_edges import on_faint_lines
from formreader.detect.printed_lines import see_lines

Corners = npt.NDArray[np.float64]
Page = npt.NDArray[np.uint8]

LEFT, TOP, RIGHT, BOTTOM = 100, 80, 300, 130


def quad(left: float, top: float, right: float, bottom: float) -> Corners:
    return np.array([[(left, top), (right, top), (right, bottom), (left, bottom)]], np.float64)


def page(contrast: int = 7, noise: float = 2.0) -> Page:
    """A frame of faint lines on noisy paper."""
    paper = np.full((300, 400), 240, np.float64)
    cv2.rectangle(paper, (LEFT, TOP), (RIGHT, BOTTOM), (240 - contrast,), 1)
    paper += np.random.default_rng(1).normal(0, noise, paper.shape)
    return np.clip(paper, 0, 255).astype(np.uint8)


def sides(corners: Corners) -> list[float]:
    (top_left, _, bottom_right, _) = corners[0].tolist()
    return [*top_left, *bottom_right]


@pytest.mark.parametrize(
    "found",
    [(106, 88, 292, 124), (94, 74, 310, 138), (180, 82, 300, 130), (100, 84, 170, 130)],
    ids=["inside", "outside", "its right part", "its left part"],
)
def test_a_cell_goes_to_its_frame(found: tuple[float, float, float, float]) -> None:
    moved, ruled = on_faint_lines(see_lines(page()), quad(*found), np.zeros((1, 4)))
    assert sides(moved) == pytest.approx([LEFT, TOP, RIGHT, BOTTOM], abs=2)
    assert (ruled == 1).all()


def test_noise_alone_is_no_line() -> None:
    found = quad(106, 88, 292, 124)
    moved, ruled = on_faint_lines(see_lines(page(contrast=0)), found, np.zeros((1, 4)))
    assert np.array_equal(moved, found) and not ruled.any()


def test_an_edge_on_a_line_stays() -> None:
    found = quad(106, 88, 292, 124)
    moved, _ = on_faint_lines(see_lines(page()), found, np.ones((1, 4)))
    assert np.array_equal(moved, found)


def test_the_beginning_of_a_pattern_is_no_line() -> None:
    image = page()
    rows = np.arange(TOP + 4, BOTTOM - 3)
    for column in range(200, 280, 3):
        image[rows, column] = 120
    moved, ruled = on_faint_lines(see_lines(image), quad(100, 80, 201, 130), np.zeros((1, 4)))
    assert sides(moved) == pytest.approx([LEFT, TOP, RIGHT, BOTTOM], abs=2)
    assert (ruled == 1).all()
