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

from formreader.training.augment import SCALE, Canvas, enlarge, framed
from formreader.types import Crops

Point = npt.NDArray[np.float64]
"""(2,) float64, x and y in canvas pixels."""

_SLENDER = 0.32
"""Ones whose spread across is at most this share of the spread along have no flag yet."""
_UPRIGHT = np.cos(np.radians(28))
"""Ones that lean more get no flag: it would be the bar of a seven."""
_STEEP = 52.0
"""Degrees off the vertical of the flattest flag."""
_BARE = 4.5 * SCALE
"""Ink of a seven's stem in one row, in canvas pixels; more is a bar already."""


def flag_ones(ones: Crops, rng: np.random.Generator) -> Crops:
    """Ones with a flag, most without and some with a foot; (n, 28, 28) to (m, 28, 28).

    Ones that are no plain stroke are left out, so m <= n.
    """
    drawn = [_flagged(enlarge(one), rng) for one in ones]
    return _stacked([framed(one) for one in drawn if one is not None])


def cross_sevens(sevens: Crops, rng: np.random.Generator) -> Crops:
    """Sevens with a bar through the stem; (n, 28, 28) to (m, 28, 28).

    Sevens that seem to have a bar are left out, so m <= n.
    """
    drawn = [_crossed(enlarge(seven), rng) for seven in sevens]
    return _stacked([framed(seven) for seven in drawn if seven is not None])


def _flagged(one: Canvas, rng: np.random.Generator) -> Canvas | None:
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
    width = max(1, round(len(points) / stem * rng.uniform(0.7, 1.0)))
    drawn = one.copy()
    _draw_flag(drawn, top, along, stem, width, rng)
    if rng.random() < 0.35:
        _draw_foot(drawn, foot, stem, width, rng)
    return drawn


def _end(points: npt.NDArray[np.float64], place: npt.NDArray[np.float64], share: float) -> Point:
    """The middle of the ink around a quantile of the way along the stroke."""
    at = np.quantile(place, share)
    middle: Point = points[np.abs(place - at) < 1.5].mean(axis=0)
    return middle


def _draw_flag(
    canvas: Canvas, top: Point, along: Point, stem: float, width: int, rng: np.random.Generator
) -> None:
    """A stroke from the tip down to the left, never so flat that the one becomes a seven."""
    lean = float(np.degrees(np.arctan2(-along[0], along[1])))  # of the stem, to the left
    off_vertical = np.radians(rng.uniform(lean + 18, max(lean + 25, _STEEP)))
    towards = np.array([-np.sin(off_vertical), np.cos(off_vertical)])
    length = stem * rng.uniform(0.2, 0.9 - 0.45 * off_vertical)
    tip = top + towards * length
    sag = np.array([-towards[1], towards[0]]) * length * rng.uniform(-0.15, 0.15)
    _draw(canvas, [top, (top + tip) / 2 + sag, tip], width)


def _draw_foot(
    canvas: Canvas, foot: Point, stem: float, width: int, rng: np.random.Generator
) -> None:
    half = stem * rng.uniform(0.15, 0.4)
    tilt = half * rng.uniform(-0.2, 0.2)
    shift = half * rng.uniform(-0.4, 0.4)
    left, right = foot + (shift - half, tilt), foot + (shift + half, -tilt)
    _draw(canvas, [left, right], width)


def _crossed(seven: Canvas, rng: np.random.Generator) -> Canvas | None:
    _, top, width, height = cv2.boundingRect((seven > 96).view(np.uint8))
    row = top + int(height * rng.uniform(0.42, 0.62))
    ink = np.flatnonzero(seven[row] > 96)
    if height == 0 or len(ink) == 0 or np.ptp(ink) > _BARE:
        return None
    middle = np.array([ink.mean(), row])
    half = width * rng.uniform(0.25, 0.5)
    rise = half * rng.uniform(-0.15, 0.4)
    shift = half * rng.uniform(-0.3, 0.3)
    pen = max(1, round(0.8 * (len(ink)) * rng.uniform(0.7, 1.0)))
    drawn = seven.copy()
    _draw(drawn, [middle + (shift - half, rise), middle + (shift + half, -rise)], pen)
    return drawn


def _draw(canvas: Canvas, points: list[Point], width: int) -> None:
    dots = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.polylines(canvas, [dots], False, 255, width, cv2.LINE_AA, shift=4)


def _stacked(crops: list[npt.NDArray[np.uint8]]) -> Crops:
    return np.stack(crops) if crops else np.zeros((0, 28, 28), np.uint8)
