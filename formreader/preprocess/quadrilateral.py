"""Four straight sides through the edge of a sheet, and whether they can be a sheet's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

LEAST_CONTRAST = 12.0
"""Grey levels by which paper is brighter than what it lies on."""

FILLED = 0.95
"""Least share of an outline that is sheet, and the other way round."""

_SUPPORT = 0.8
"""Least share of a side at which it really is darker outside."""

_BORDER = 0.012
"""How near to the picture's border, as a share of its longest side, no edge is seen any more."""

_UNLIKE = 0.25
"""Most that surroundings differ from side to side, in shares of the paper's level: the edge
of a shadow on the paper is no side."""

_BOW, _STRAIGHT = 2.5, 0.85
"""Pixels by which a sheet that curls leaves straight sides, and the share that does not."""

_LARGEST_COSINE = 0.5
"""Of the angle between two sides of a sheet in a picture: 60 to 120 degrees."""

_MOST_UNEQUAL = 1.6
"""Ratio of opposite sides."""

_FARTHEST_BEYOND = 0.25
"""Of a corner from the picture, as a share of its longest side."""

_STEP = 3
_SAMPLES = 48
_FITS = 3

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) x, y in pixels."""

_Levels: TypeAlias = npt.NDArray[np.float64]
"""(n,) grey levels."""

_Lines: TypeAlias = npt.NDArray[np.float64]
"""(n, 3) homogeneous lines: the unit normal, which points into the sheet, and the offset."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A sheet's (4, 2) corners, how many of its sides are in the picture, and its area there.

    `surroundings` is how bright they are beside these sides, as a share of the paper.
    """

    corners: Points
    sides_seen: int
    area: float
    surroundings: float


def fit_outline(edge: Points, smooth: GreyImage) -> Outline | None:
    """The outline of a convex sheet with this edge, if it has four straight sides in fact."""
    inside = _inside_picture(edge, smooth.shape)
    around = cv2.boxPoints(cv2.minAreaRect(edge.astype(np.float32)))
    corners = _clockwise_from_top_left(around)
    for _ in range(_FITS):
        sides = _fit_sides(corners, edge, inside)
        if sides is None:
            return None
        meeting = np.cross(np.roll(sides, 1, axis=0), sides)  # homogeneous points
        corners = meeting[:, :2] / meeting[:, 2:]
        if not _is_sheet_like(corners, smooth.shape):
            return None
    area = cv2.contourArea(edge.astype(np.float32))
    filled = area / max(_area_seen(corners, smooth.shape), 1.0)
    lines = _sides(corners)
    off_side = np.abs(edge[inside] @ lines[:, :2].T + lines[:, 2]).min(axis=1)
    if not FILLED < filled < 1 / FILLED or (off_side > _BOW).mean() > 1 - _STRAIGHT:
        return None
    beside = _surroundings(corners, smooth)
    if len(beside) < 3 or math.inf in beside or max(beside) - min(beside) > _UNLIKE:
        return None
    return Outline(corners, len(beside), area, max(beside))


def _surroundings(corners: Points, smooth: GreyImage) -> list[float]:
    """How bright it is beside each side that is in the picture."""
    points = _along(corners)
    visible = _inside_picture(points, smooth.shape)  # (4, n)
    inward = _STEP * _sides(corners)[:, None, :2]
    within, beyond = (_levels(smooth, points + step) for step in (inward, -inward))
    seen = np.flatnonzero(visible.mean(axis=1) > 0.5)
    return [_brightness(within[i, visible[i]], beyond[i, visible[i]]) for i in seen]


def _brightness(within: _Levels, beyond: _Levels) -> float:
    """How bright it is beyond a side, as a share of within, (n,) each; inf where not darker."""
    if np.quantile(within - beyond, 1 - _SUPPORT) < LEAST_CONTRAST:
        return math.inf
    return float(np.median(beyond) / np.median(within))


def _fit_sides(corners: Points, edge: Points, inside: npt.NDArray[np.bool_]) -> _Lines | None:
    """Lines, (4, 3), through the points of an edge that are nearest to each side.

    Rounded corners are left out. A side that is not in the picture is taken to be
    parallel to the opposite one; None where two sides are not.
    """
    ends = np.roll(corners, -1, axis=0)
    lines = _sides(corners)
    nearest = np.abs(edge @ lines[:, :2].T + lines[:, 2]).argmin(axis=1)
    fitted, missing = np.zeros((4, 3)), []
    for i, (start, end) in enumerate(zip(corners, ends, strict=True)):
        along = (edge - start) @ (end - start) / ((end - start) @ (end - start))
        of_side = (nearest == i) & (along > 0.1) & (along < 0.9)
        seen = edge[of_side & inside]
        if len(seen) < max(0.5 * np.count_nonzero(of_side), 8):
            missing.append(i)
            continue
        x, y, *point = cv2.fitLine(seen.astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01).ravel()
        forward = 1.0 if (x, y) @ (end - start) > 0 else -1.0
        fitted[i] = _line(np.array(point), np.array(point) + forward * np.array([x, y]))
    if len(missing) > 1:
        return None
    for i in missing:
        normal = fitted[(i + 2) % 4, :2]
        fitted[i] = *-normal, (edge @ normal).max()
    return fitted


def _sides(corners: Points) -> _Lines:
    ends = np.roll(corners, -1, axis=0)
    return np.array([_line(start, end) for start, end in zip(corners, ends, strict=True)])


def _line(start: Points, end: Points) -> npt.NDArray[np.float64]:
    """The (3,) line between two points, with the sheet at its right."""
    x, y = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    return np.array([-y, x, y * start[0] - x * start[1]])


def _inside_picture(points: Points, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which of the points (..., 2) are not at the picture's border or beyond it, (...)."""
    near = max(_BORDER * max(shape), 2.0)
    x, y = points[..., 0], points[..., 1]
    return (x >= near) & (y >= near) & (x < shape[1] - near) & (y < shape[0] - near)


def _is_sheet_like(corners: Points, shape: tuple[int, ...]) -> bool:
    """Whether corners are near to right angles, and opposite sides near to equal."""
    if not np.isfinite(corners).all():
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    slants = np.abs((sides * np.roll(sides, 1, axis=0)).sum(axis=1))
    beyond = max(-corners.min(), (corners.max(axis=0) - shape[::-1]).max()) / max(shape)
    return bool(
        lengths.min() > 0.2 * max(shape)
        and (slants < _LARGEST_COSINE * lengths * np.roll(lengths, 1)).all()
        and (lengths < _MOST_UNEQUAL * np.roll(lengths, 2)).all()
        and beyond < _FARTHEST_BEYOND
    )


def _along(corners: Points) -> npt.NDArray[np.float64]:
    """(4, n, 2) points along the sides, without their ends."""
    share = np.linspace(0.06, 0.94, _SAMPLES)[:, None]
    return corners[:, None] * (1 - share) + np.roll(corners, -1, axis=0)[:, None] * share


def _area_seen(corners: Points, shape: tuple[int, ...]) -> float:
    """The area of that part of a convex quadrilateral that is in the picture."""
    height, width = shape
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    return float(cv2.intersectConvexConvex(corners.astype(np.float32), picture)[0])


def _levels(image: GreyImage, points: Points) -> _Levels:
    """The grey levels (...) at points (..., 2), the border's for what lies beyond."""
    x, y = np.moveaxis(np.rint(points).astype(int), -1, 0)
    height, width = image.shape
    levels = image[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(levels, np.float64)


def _clockwise_from_top_left(corners: npt.ArrayLike) -> Points:
    points = np.asarray(corners, np.float64)
    x, y = (points - points.mean(axis=0)).T
    ring = points[np.argsort(np.arctan2(y, x))]
    return np.roll(ring, -int(np.argmin(ring.sum(axis=1))), axis=0)
