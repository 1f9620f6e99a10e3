"""European ones and sevens made from American ones.

MNIST's writers are American: hardly one of their ones has a flag or a foot, hardly
one of their sevens a bar. Most of the world writes them so. Here the missing
strokes are drawn into MNIST's digits, following the stroke that is there, in its
own width.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.training.augment.augmentation import SCALE, Canvas
from formreader.training.augment.pen_strokes import Point, draw_curve

_SLENDER = 0.32
"""Ones whose spread across is at most this share of the spread along have no flag yet."""
_UPRIGHT = np.cos(np.radians(28))
"""Ones that lean more get no flag: it would be the bar of a seven."""
_STEEP = 52.0
"""Degrees off the vertical of the flattest flag."""
_NARROW = 40.0
"""Degrees between flag and stem up to which a flag may reach down to the foot: a wider one
that long would close to a four or open to a seven."""
_LONG = 0.3
"""Share of the flags that reach down to half of the stem and beyond."""
_BARE = 4.5 * SCALE
"""Ink of a seven's stem in one row, in canvas pixels; more is a bar already."""


def flag_one(one: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A one with a flag, often with a foot; None if it is no plain stroke."""
    y, x = np.nonzero(one > 96)
    points = np.stack([x, y], axis=1).astype(np.float64)  # (k, 2)
    if len(points) < 20:
        return None
    spread, axes = np.linalg.eigh(np.cov(points.T))
    if spread[0] > (_SLENDER * _SLENDER) * spread[1]:
        return None
    along = axes[:, 1] * np.sign(axes[1, 1] or 1.0)  # downwards
    if along[1] < _UPRIGHT:
        return None
    place = (points - points.mean(axis=0)) @ along
    top, foot = _end(points, place, 0.04), _end(points, place, 0.96)
    stem = float(np.linalg.norm(foot - top))
    width = len(points) / stem * rng.uniform(0.7, 1.0)
    drawn = one.copy()
    draw_curve(drawn, _flag(top, along, stem, width, rng), width)
    if rng.random() < 0.35:
        draw_curve(drawn, _foot(foot, stem, rng), width)
    return drawn


def cross_seven(seven: Canvas, rng: np.random.Generator) -> Canvas | None:
    """A seven with a bar through the stem; None if it seems to have one."""
    _, top, width, height = cv2.boundingRect((seven > 96).view(np.uint8))
    row = top + int(height * rng.uniform(0.38, 0.66))
    ink = np.flatnonzero(seven[row] > 96)
    if height == 0 or len(ink) == 0 or np.ptp(ink) > _BARE:
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
    """The middle of the ink around a quantile of the way along the stroke."""
    at = np.quantile(place, share)
    middle: Point = points[np.abs(place - at) < 1.5].mean(axis=0)
    return middle


def _flag(
    top: Point, along: Point, stem: float, width: float, rng: np.random.Generator
) -> list[Point]:
    """A stroke from the tip down to the left, (3, 2), never so flat that the one becomes a seven.

    It stays clear of the stem: flags narrower than two strokes at their end would blot.
    """
    lean = np.arctan2(-along[0], along[1])  # of the stem, to the left
    long = rng.random() < _LONG
    widest = np.radians(_NARROW if long else 55)
    off_vertical = min(lean + rng.uniform(np.radians(18), widest), np.radians(_STEEP))
    apart = max(off_vertical - lean, np.radians(18))
    clear = min(2.0 * width / np.sin(apart), 0.5 * stem)
    length = stem * rng.uniform(0.55, 0.95) if long else rng.uniform(clear, max(clear, 0.5 * stem))
    towards = np.array([-np.sin(off_vertical), np.cos(off_vertical)])
    tip = top + towards * length
    sag = np.array([-towards[1], towards[0]]) * length * rng.uniform(-0.12, 0.15)
    return [top, (top + tip) / 2 + sag, tip]


def _foot(foot: Point, stem: float, rng: np.random.Generator) -> list[Point]:
    """A stroke across the lower end, (2, 2), from short to as long as the stem is high."""
    half = stem * rng.uniform(0.12, 0.5)
    tilt = half * rng.uniform(-0.2, 0.2)
    shift = half * rng.uniform(-0.4, 0.4)
    return [foot + (shift - half, tilt), foot + (shift + half, -tilt)]
