"""Corners of photographed sheets: found where they are certain, and never within the sheet."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.records import GreyImage
from formreader.preprocess.sheet import sheet_corners

HEIGHT, WIDTH = 1100, 820
CORNERS = np.array([[90, 80], [720, 60], [760, 1010], [60, 1030]], float)


def photo(
    corners: npt.NDArray[np.float64] = CORNERS,
    desk: float | npt.NDArray[np.float64] = 70.0,
    rounding: int = 0,
) -> GreyImage:
    """A sheet with dark words on a desk: (h, w) uint8 with a little noise."""
    sheet = np.full((1000, 700), 215.0)
    for top in range(100, 900, 40):
        for left in range(80, 620, 60):
            sheet[top : top + 12, left : left + 12] = sheet[top + 6, left : left + 45] = 60
    mask = np.ones((1000, 700))
    if rounding:
        mask = cv2.copyMakeBorder(
            np.ones((1000 - 2 * rounding, 700 - 2 * rounding)), *[rounding] * 4, 0, value=0
        )
        mask = (cv2.GaussianBlur(mask, (0, 0), rounding) > 0.25).astype(float)
    source = np.array([[0, 0], [700, 0], [700, 1000], [0, 1000]], np.float32) - 0.5
    forward = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    seen = cv2.warpPerspective(mask, forward, (WIDTH, HEIGHT))
    page = cv2.warpPerspective(sheet, forward, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
    noise = np.random.default_rng(1).normal(0, 3, (HEIGHT, WIDTH))
    return np.clip(page * seen + desk * (1 - seen) + noise, 0, 255).astype(np.uint8)


def grain() -> npt.NDArray[np.float64]:
    """The grain of a wooden desk, (h, w) grey levels."""
    noise = np.random.default_rng(4).normal(0, 1, (HEIGHT, WIDTH))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigmaX=40, sigmaY=2)
    return np.asarray(100 + 15 * smooth / smooth.std(), float)


@pytest.mark.parametrize(
    ("image", "tolerance"),
    [
        (photo(), 5),
        (photo(desk=170), 8),
        (photo(desk=grain()), 8),
        (photo(rounding=30), 8),
    ],
    ids=["dark desk", "light desk", "wooden desk", "rounded corners"],
)
def test_a_sheet_is_found_on_its_desk(image: GreyImage, tolerance: float) -> None:
    found = sheet_corners(image)
    assert found is not None
    assert np.abs(found - CORNERS).max() < tolerance


def test_vignetting_does_not_move_the_corners() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = 1 - 0.4 * np.hypot(x / WIDTH - 0.6, y / HEIGHT - 0.4)
    found = sheet_corners((photo() * light).astype(np.uint8))
    assert found is not None
    assert np.abs(found - CORNERS).max() < 8


def test_of_a_sheet_partly_outside_of_the_picture_nothing_is_lost() -> None:
    down = CORNERS + [0, 130]
    found = sheet_corners(photo(down))
    assert found is not None
    assert np.abs(found[:2] - down[:2]).max() < 5
    assert found[2:, 1].min() > HEIGHT - 15  # as far as the picture goes


def test_the_edge_of_a_shadow_on_the_sheet_is_no_side() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = (photo(desk=120) * np.where(x + 0.1 * y > 500, 0.6, 1.0)).astype(np.uint8)
    found = sheet_corners(image)
    assert found is None or np.abs(found - CORNERS).max() < 15


def panel() -> GreyImage:
    """A tinted form with a white panel, and words beside it."""
    page = np.full((HEIGHT, WIDTH), 190, np.uint8)
    page[200:1000, 100:720] = 250
    page[60:150:20, 100:600:12] = page[70:160:20, 100:600:9] = 30
    return cv2.erode(page, np.ones((5, 5), np.uint8)).astype(np.uint8)


def scan(border: int) -> GreyImage:
    """A scanned page with a dark frame near its border, and dark bars along two sides."""
    page = np.full((HEIGHT, WIDTH), 250, np.uint8)
    cv2.rectangle(page, (60, 60), (760, 1040), (0,), 4)
    page[:border] = page[:, :border] = 15
    return page


@pytest.mark.parametrize(
    "image",
    [panel(), scan(0), scan(25), photo(desk=208), np.full((HEIGHT, WIDTH), 240, np.uint8)],
    ids=["a panel of a form", "a frame", "black borders", "desk as light as paper", "blank"],
)
def test_without_a_certain_sheet_there_are_no_corners(image: GreyImage) -> None:
    assert sheet_corners(image) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (30, 30)])
def test_tiny_images_have_no_sheet(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    assert sheet_corners(image) is None
