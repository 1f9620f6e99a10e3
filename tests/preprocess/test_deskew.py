"""The skew of a page, from lines alone, from text alone, and from nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.preprocess.deskew import estimate_skew

ANGLES = (-10.0, -4.3, -0.33, 0.0, 0.08, 1.9, 10.0)


def turned(image: GreyImage, angle: float) -> GreyImage:
    """The image turned clockwise by an angle in degrees, on white."""
    height, width = image.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderValue=(255,)), np.uint8)


def ruled(lines: int = 9) -> GreyImage:
    """A page (1000, 800) with a few thin grey lines across."""
    page = np.full((1000, 800), 255, np.uint8)
    page[np.linspace(250, 750, lines).astype(int), 110:690] = 120
    return page


def written() -> GreyImage:
    """A page (700, 500) with words of small blots in rows, and no line."""
    page, rng = np.full((700, 500), 255, np.uint8), np.random.default_rng(3)
    for top in range(120, 600, 16):
        for left in range(60, 430, 6):
            if rng.random() < 0.8:
                page[top : top + rng.integers(4, 8), left : left + 4] = rng.integers(0, 120)
    return page


@pytest.mark.parametrize("angle", ANGLES)
def test_skew_of_lines_is_found_to_a_twentieth_of_a_degree(angle: float) -> None:
    assert estimate_skew(turned(ruled(), angle)) == pytest.approx(angle, abs=0.05)
    upright = np.ascontiguousarray(ruled().T)  # lines that go down the page do as well
    assert estimate_skew(turned(upright, angle)) == pytest.approx(angle, abs=0.05)


@pytest.mark.parametrize("angle", ANGLES)
def test_skew_of_rows_of_text_is_found_to_a_tenth_of_a_degree(angle: float) -> None:
    assert estimate_skew(turned(written(), angle)) == pytest.approx(angle, abs=0.1)


def test_noise_does_not_hide_lines() -> None:
    noise = np.random.default_rng(1).normal(0, 12, (1000, 800))
    noisy = np.clip(turned(ruled(), 2.4) + noise, 0, 255).astype(np.uint8)
    assert estimate_skew(noisy) == pytest.approx(2.4, abs=0.1)


def test_a_dark_border_that_is_not_skewed_does_not_count() -> None:
    page = turned(ruled(), 3.0)
    page[:40] = page[:, :30] = 0
    assert estimate_skew(page) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "page",
    [
        np.full((700, 500), 255, np.uint8),
        np.random.default_rng(2).integers(0, 256, (700, 500)).astype(np.uint8),
        np.tile(np.linspace(60, 250, 500).astype(np.uint8), (700, 1)),
        np.zeros((9, 9), np.uint8),
    ],
    ids=["blank", "noise", "shade", "tiny"],
)
def test_without_lines_and_text_there_is_no_skew(page: GreyImage) -> None:
    assert estimate_skew(page) == 0.0
