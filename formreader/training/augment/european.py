"""European ones and sevens made from American ones.

MNIST's writers are American: hardly any of their ones has a flag or a foot, and hardly any of
their sevens a bar, as most of the world writes them. This module draws the missing strokes into
MNIST's digits, along the given stroke and in its width. There is no record of a
measurement for the limits.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.training.augment.augmentation import CANVAS_SCALE, Canvas
from formreader.training.augment.pen_strokes import MIN_STROKE_GREY, Point, draw_curve

_MIN_ONE_PIXELS = 20
"""Canvas pixels of ink below which a one is too small for a flag."""
_MAX_PLAIN_SPREAD = 0.32
"""Standard deviation of a plain one's ink across the stem, as a share of that along it; with more
it has a flag already."""
_MIN_STEM_COSINE = np.cos(np.radians(28))
"""Cosine of the largest slant of a one that gets a flag: with more slant it would be a seven."""
_MAX_FLAG_ANGLE = 52.0
"""Degrees between the flag and the vertical: with more it is the bar of a seven."""
_MIN_ANGLE_TO_STEM = 18
"""Degrees between flag and stem: with fewer they blot."""
_MAX_SHORT_FLAG_ANGLE, _MAX_LONG_FLAG_ANGLE = 55, 40
"""Degrees between flag and stem: a long flag at a wider angle would make a four or a seven."""
_LONG_FLAG_SHARE = 0.3
"""Share of the flags that reach down to half of the stem and beyond."""
_FOOT_SHARE = 0.35
"""Share of the ones that also get a foot."""
_MAX_STEM_INK = 4.5 * CANVAS_SCALE
"""Width of the ink of a seven's stem in one row, in canvas pixels; with more it has a bar."""


def flag_one(one: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Add a flag to a one, and often a foot; None where it is not a plain stroke."""
    y, x = np.nonzero(one > MIN_STROKE_GREY)
    points = np.stack([x, y], axis=1).astype(np.float64)  # (k, 2)
    if len(points) < _MIN_ONE_PIXELS:
        return None
    spread, axes = np.linalg.eigh(np.cov(points.T))
    if spread[0] > (_MAX_PLAIN_SPREAD * _MAX_PLAIN_SPREAD) * spread[1]:
        return None
    along = axes[:, 1] * np.sign(axes[1, 1] or 1.0)  # downwards
    if along[1] < _MIN_STEM_COSINE:
        return None
    place = (points - points.mean(axis=0)) @ along
    top, foot = _end(points, place, 0.04), _end(points, place, 0.96)
    stem = float(np.linalg.norm(foot - top))
    width = len(points) / stem * rng.uniform(0.7, 1.0)
    drawn = one.copy()
    draw_curve(drawn, _flag(top, along, stem, width, rng), width)
    if rng.random() < _FOOT_SHARE:
        draw_curve(drawn, _foot(foot, stem, rng), width)
    return drawn


def cross_seven(seven: Canvas, rng: np.random.Generator) -> Canvas | None:
    """Add a bar through the stem of a seven; None where it seems to have one."""
    _, top, width, height = cv2.boundingRect((seven > MIN_STROKE_GREY).view(np.uint8))
    row = top + int(height * rng.uniform(0.38, 0.66))
    ink = np.flatnonzero(seven[row] > MIN_STROKE_GREY)
    if height == 0 or len(ink) == 0 or np.ptp(ink) > _MAX_STEM_INK:
        return None
    middle = np.array([ink.mean(), row])
    half = width * rng.uniform(0.22, 0.6)
    rise = half * rng.uniform(-0.2, 0.55)
    shift = half * rng.uniform(-0.3, 0.3)
    drawn = seven.copy()
    ends = [middle + (shift - half, rise), middle + (shift + half, -rise)]
    draw_curve(drawn, ends, 0.8 * len(ink) * rng.uniform(0.7, 1.0))
    return drawn


def _end(points: npt.NDArray[np.float64], place: npt.NDArray[np.float64], share: float) -> Point:
    """Middle of the ink at the quantile `share` of its places along the stroke."""
    at = np.quantile(place, share)
    middle: Point = points[np.abs(place - at) < 1.5].mean(axis=0)
    return middle


def _flag(
    top: Point, along: Point, stem: float, width: float, rng: np.random.Generator
) -> list[Point]:
    """A stroke from the tip down to the left, (3, 2), steep enough for the one not to be a seven.

    It ends at least two widths of the pen away from the stem, as closer strokes would blot.
    """
    slant = np.arctan2(-along[0], along[1])  # of the stem, to the left
    long = rng.random() < _LONG_FLAG_SHARE
    least = np.radians(_MIN_ANGLE_TO_STEM)
    widest = np.radians(_MAX_LONG_FLAG_ANGLE if long else _MAX_SHORT_FLAG_ANGLE)
    off_vertical = min(slant + rng.uniform(least, widest), np.radians(_MAX_FLAG_ANGLE))
    apart = max(off_vertical - slant, least)
    clear = min(2.0 * width / np.sin(apart), 0.5 * stem)
    length = stem * rng.uniform(0.55, 0.95) if long else rng.uniform(clear, max(clear, 0.5 * stem))
    towards = np.array([-np.sin(off_vertical), np.cos(off_vertical)])
    tip = top + towards * length
    sag = np.array([-towards[1], towards[0]]) * length * rng.uniform(-0.12, 0.15)
    return [top, (top + tip) / 2 + sag, tip]


def _foot(foot: Point, stem: float, rng: np.random.Generator) -> list[Point]:
    """A stroke across the lower end, (2, 2), a quarter of the stem to all of it long."""
    half = stem * rng.uniform(0.12, 0.5)
    tilt = half * rng.uniform(-0.2, 0.2)
    shift = half * rng.uniform(-0.4, 0.4)
    return [foot + (shift - half, tilt), foot + (shift + half, -tilt)]
