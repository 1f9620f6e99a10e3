"""Non-digits made of digits: struck out, two at once, encircled.

Each function picks one or two of the digits (k, 28, 28), k > 0, and draws one mark, (h, w)
uint8, bright ink.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.training.augment.augmentation import CANVAS_SIDE, Canvas, enlarge
from formreader.training.augment.pen_strokes import draw_curve
from formreader.training.augment.stroke_damage import ink_bounds

_MAX_ONE_WIDTH = 9
"""Width in pixels below which a digit is most likely a one. No record of a measurement."""
_BIG_CROSS_SHARE = 0.3
"""Share of the struck-out digits that are under a big cross."""


def strike_out(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Strike out a digit by two to five strokes or a big cross; one stroke makes a slashed zero."""
    canvas = enlarge(digits[rng.integers(len(digits))])
    pen = int(rng.integers(2, 7))
    if rng.random() < _BIG_CROSS_SHARE:
        shake = rng.normal(0, 3, (2, 2, 2))
        draw_curve(canvas, shake[0] + [(8, 8), (56, 56)], pen)
        draw_curve(canvas, shake[1] + [(56, 8), (8, 56)], pen)
        return canvas
    angle = np.radians(rng.uniform(-40, 40))
    step = np.array([np.cos(angle), np.sin(angle)]) * 26
    strokes = int(rng.integers(2, 6))
    for y in np.linspace(20, 44, strokes) + rng.normal(0, 2, strokes):
        middle = np.array([32, y])
        draw_curve(canvas, [middle - step + rng.normal(0, 2, 2), middle + step], pen)
    return canvas


def set_side_by_side(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Squeeze two digits into one box; some touch."""
    first, second = (_tight(digits[i]) for i in rng.integers(len(digits), size=2))
    height = max(len(first), len(second))
    narrow = (
        min(first.shape[1], second.shape[1]) < _MAX_ONE_WIDTH
    )  # ones that touch are a thick one
    gap = int(rng.integers(2 if narrow else -2, 5))
    width = first.shape[1] + gap + second.shape[1]
    both = np.zeros((height, width), np.uint8)
    both[: len(first), : first.shape[1]] = first
    there = both[height - len(second) :, -second.shape[1] :]
    np.maximum(there, second, out=there)
    return cv2.resize(both, (round(width * 2 * rng.uniform(0.6, 1.0)), height * 2))  # type: ignore[return-value]


def cut_between_rows(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw the lower part of one digit above the upper part of another: a box between two rows."""
    above, below = (_tight(digits[i]) for i in rng.integers(len(digits), size=2))
    if max(above.shape[1], below.shape[1]) < _MAX_ONE_WIDTH:  # one above the other: a broken one
        return set_side_by_side(digits, rng)
    foot = above[round(len(above) * rng.uniform(0.45, 0.65)) :]
    head = below[: round(len(below) * rng.uniform(0.35, 0.55))]
    gap = int(rng.integers(4, 9))
    both = np.zeros((len(foot) + gap + len(head), max(foot.shape[1], head.shape[1])), np.uint8)
    both[: len(foot), : foot.shape[1]] = foot
    both[len(both) - len(head) :, both.shape[1] - head.shape[1] :] = head
    return both


def encircle(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Draw a ring around a digit, as one marks an answer."""
    canvas = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    small = _tight(digits[rng.integers(len(digits))])
    half = CANVAS_SIDE // 2
    y, x = half - len(small) // 2, half - small.shape[1] // 2
    canvas[y : y + len(small), x : x + small.shape[1]] = small
    axes = rng.uniform(19, 29, 2)
    angle = np.linspace(0, 2 * np.pi + rng.uniform(-0.6, 0.4), 24) - rng.uniform(0, np.pi)
    wobble = 1 + 0.06 * rng.standard_normal() * np.sin(2 * angle + rng.uniform(0, 6))
    ring = half + axes * wobble[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    draw_curve(canvas, ring, rng.uniform(1.5, 4.5))
    return canvas


def _tight(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The part of a crop that holds its ink."""
    x, y, width, height = ink_bounds(crop)
    return crop[y : y + max(height, 1), x : x + max(width, 1)]
