"""Effects of poor lenses, few pixels and hard thresholds on an image. No pixel changes its place.

Every function takes and returns a grey (h, w) or RGB (h, w, 3) uint8 image.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.synth.paper_sheet import Picture
from formreader.synth.strokes import SUBPIXEL_BITS, SUBPIXELS, Points

Layer: TypeAlias = npt.NDArray[np.float32]
"""(h, w) float32."""

_POINTS_PER_SIDE = 16
"""Points along each side of a box at which the brightness of its line is sampled."""

_MAX_THRESHOLD_OF_PAPER = 0.86
"""Highest threshold as a share of the paper's brightness: a higher one would blacken the paper.
Chosen by eye."""

_BOXES_KEPT = 0.95
"""Share of the boxes that keep at least as much of their lines as was asked for."""


def motion_blur(image: Picture, length: float, rng: np.random.Generator) -> Picture:
    """Blur of a camera that moved by `length` px during the exposure, in a straight line."""
    side = 2 * int(np.ceil(length / 2)) + 1
    angle, middle = rng.uniform(0, np.pi), side // 2
    half = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    kernel = np.zeros((side, side), np.float32)
    start, end = (middle - half).tolist(), (middle + half).tolist()
    fixed = [(round(x * SUBPIXELS), round(y * SUBPIXELS)) for x, y in (start, end)]
    cv2.line(kernel, fixed[0], fixed[1], 1.0, 1, cv2.LINE_8, SUBPIXEL_BITS)
    return cv2.filter2D(image, -1, kernel / kernel.sum()).astype(np.uint8)


def low_resolution(image: Picture, share: float) -> Picture:
    """Lose detail: scale the image down to `share` of its width and height and up again."""
    h, w = image.shape[:2]
    small_size = (max(1, round(w * share)), max(1, round(h * share)))
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def dither(image: Picture, cell: int) -> Picture:
    """Grey levels as patterns of black dots: Bayer's ordered dithering, grey 0/255.

    `cell` is the pattern's side, a power of two (B. E. Bayer, ICC 1973).
    """
    pattern = np.zeros((1, 1))
    while len(pattern) < cell:
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    levels = (pattern + 0.5) / pattern.size * 255
    grey = to_grey(image)
    h, w = grey.shape
    tiled = np.tile(levels, (h // cell + 1, w // cell + 1))[:h, :w]
    return np.where(grey > tiled, 255, 0).astype(np.uint8)


def broken(image: Picture, quads: Points, kept: float, rng: np.random.Generator) -> Picture:
    """Binarise with a hard threshold that breaks or thickens lines; returns grey 0/255.

    `quads` are the corners of boxes, (n, 2), four to a box. About the share `kept` of their
    lines stays black, in pieces; 1 keeps all of them, thick and ragged.
    """
    grey = to_grey(image)
    paper = float(np.median(grey[::5, ::5]))
    h, w = grey.shape
    ragged = cv2.GaussianBlur(rng.standard_normal((h, w), dtype=np.float32), (0, 0), 1.2)
    patches = cv2.resize(rng.standard_normal((h // 25 + 2, w // 25 + 2), dtype=np.float32), (w, h))
    rough = grey + ragged * np.float32(0.16 * paper) + patches * np.float32(0.04 * paper)
    level = _MAX_THRESHOLD_OF_PAPER * paper
    if len(quads) and kept < 1:
        level = min(level, _line_level(rough, quads, kept))
    return np.where(rough > level, 255, 0).astype(np.uint8)


def _line_level(grey: Layer, quads: Points, kept: float) -> float:
    """The grey level that the share `kept` of the lines of nearly every box does not exceed."""
    corners = quads.reshape(-1, 4, 2)
    along = np.linspace(0, 1, _POINTS_PER_SIDE)[:, None]
    sides = [
        corners[:, None, i] * (1 - along) + corners[:, None, (i + 1) % 4] * along for i in range(4)
    ]
    places = np.concatenate(sides, axis=1)  # (boxes, 4 * _POINTS_PER_SIDE, 2)
    darkest = cv2.erode(grey, np.ones((3, 3), np.uint8))
    xs = places[..., 0].round().astype(int).clip(0, grey.shape[1] - 1)
    ys = places[..., 1].round().astype(int).clip(0, grey.shape[0] - 1)
    return float(np.quantile(np.quantile(darkest[ys, xs], kept, axis=1), _BOXES_KEPT))


def to_grey(image: Picture) -> Picture:
    """A grey image of a grey or an RGB one."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
