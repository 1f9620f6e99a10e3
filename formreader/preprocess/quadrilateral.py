"""Fit a quadrilateral to the edge of a bright region, and check whether it can be a sheet.

There is no record of how the limits below were chosen. The tests cover drawn sheets on dark,
light and grained desks, with rounded corners, shadows and vignetting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

MIN_SHEET_CONTRAST = 12.0
"""Least contrast of paper with its surroundings, in grey levels."""

MIN_SHEET_FILL = 0.95
"""Least share of bright pixels in a hull, and least ratio of the areas of hull and quadrilateral,
whichever is the smaller."""

_MIN_SIDE_SUPPORT = 0.8
"""Least share of a side with surroundings darker than the paper."""

_PICTURE_BORDER, _MIN_PICTURE_BORDER = 0.012, 2.0
"""Width of the border of the picture in which edges do not count: a share of the picture's longest
side, and the least width in pixels."""

_MAX_SURROUNDINGS_RANGE = 0.25
"""Largest difference between the surroundings of the sides, as a share of the paper's level. The
edge of a shadow on the paper is not a side."""

_MAX_SIDE_BOW, _MIN_STRAIGHT_SHARE = 2.5, 0.85
"""Largest deviation of a curled sheet from straight sides, in pixels, and the least share of the
edge within it."""

_MAX_CORNER_COSINE = 0.5
"""Largest cosine of the angle between two sides in the picture: 60 to 120 degrees."""

_MAX_OPPOSITE_SIDE_RATIO = 1.6
"""Largest ratio of the lengths of two opposite sides in the picture."""

_MIN_SHEET_SIDE, _MAX_CORNER_OVERHANG = 0.2, 0.25
"""Least length of a side, and largest distance of a corner outside of the picture, as shares of the
picture's longest side."""

_MIN_SIDES_SEEN, _MIN_SIDE_SEEN = 3, 0.5
"""Least number of sides in the picture, and least share of such a side that is in it."""

_SIDE_PROBE_DISTANCE = 3
_SIDE_PROBES = 48
_PROBED_PART = (0.06, 0.94)
"""How levels inside and outside of a side are compared: distance from the side in pixels, number of
points, and the part of the side with the points."""

_SIDE_FITS = 3
_FITTED_PART = (0.1, 0.9)
_MIN_FITTED_POINTS = 8
_FIT_ACCURACY = 0.01
"""How lines are fitted to sides: number of rounds, part of a side whose edge points are used, least
number of these points, accuracy of offset (pixels) and angle (radians)."""

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) x, y in pixels."""

_Levels: TypeAlias = npt.NDArray[np.float64]
"""(n,) grey levels."""

_Lines: TypeAlias = npt.NDArray[np.float64]
"""(n, 3) homogeneous lines: the unit normal, which points into the sheet, then the offset."""


@dataclass(frozen=True, slots=True)
class Quadrilateral:
    """The four corners of a sheet, (4, 2), clockwise from its top left.

    `sides_seen` is the number of sides in the picture, `area` the area of the sheet in it in
    pixels, `surroundings` the brightness beside its sides as a share of the paper's.
    """

    corners: Points
    sides_seen: int
    area: float
    surroundings: float


def fit_quadrilateral(edge: Points, smooth: GreyImage) -> Quadrilateral | None:
    """Fit a quadrilateral to the convex edge of a bright region; None if it is not a sheet.

    `smooth` is the picture, (h, w) uint8, without ink and noise.
    """
    inside = _inside_picture(edge, smooth.shape)
    rectangle = cv2.boxPoints(cv2.minAreaRect(edge.astype(np.float32)))
    corners = _clockwise_from_top_left(rectangle)
    for _ in range(_SIDE_FITS):
        sides = _fit_sides(corners, edge, inside)
        if sides is None:
            return None
        crossings = np.cross(np.roll(sides, 1, axis=0), sides)  # homogeneous points
        corners = crossings[:, :2] / crossings[:, 2:]
        if not _is_sheet_like(corners, smooth.shape):
            return None
    area = cv2.contourArea(edge.astype(np.float32))
    filled = area / max(_area_seen(corners, smooth.shape), 1.0)
    lines = _sides(corners)
    off_side = np.abs(edge[inside] @ lines[:, :2].T + lines[:, 2]).min(axis=1)
    if not MIN_SHEET_FILL < filled < 1 / MIN_SHEET_FILL:
        return None
    if (off_side > _MAX_SIDE_BOW).mean() > 1 - _MIN_STRAIGHT_SHARE:
        return None
    beside = _surroundings(corners, smooth)
    if len(beside) < _MIN_SIDES_SEEN or math.inf in beside:
        return None
    if max(beside) - min(beside) > _MAX_SURROUNDINGS_RANGE:
        return None
    return Quadrilateral(corners, len(beside), area, max(beside))


def _surroundings(corners: Points, smooth: GreyImage) -> list[float]:
    """The `_relative_brightness` outside of each side that is in the picture."""
    points = _along(corners)
    visible = _inside_picture(points, smooth.shape)  # (4, n)
    inward = _SIDE_PROBE_DISTANCE * _sides(corners)[:, None, :2]
    inner, outer = (_levels(smooth, points + step) for step in (inward, -inward))
    seen = np.flatnonzero(visible.mean(axis=1) > _MIN_SIDE_SEEN)
    return [_relative_brightness(inner[i, visible[i]], outer[i, visible[i]]) for i in seen]


def _relative_brightness(inner: _Levels, outer: _Levels) -> float:
    """The ratio of the levels outside and inside of a side, (n,) each; inf if not darker."""
    if np.quantile(inner - outer, 1 - _MIN_SIDE_SUPPORT) < MIN_SHEET_CONTRAST:
        return math.inf
    return float(np.median(outer) / np.median(inner))


def _fit_sides(corners: Points, edge: Points, inside: npt.NDArray[np.bool_]) -> _Lines | None:
    """Fit a line, (4, 3), to the points of an edge that are nearest to each side.

    Points near the corners, which may be rounded, are left out. A side outside of the picture is
    assumed to be parallel to the opposite one. None if two sides are outside.
    """
    ends = np.roll(corners, -1, axis=0)
    lines = _sides(corners)
    nearest = np.abs(edge @ lines[:, :2].T + lines[:, 2]).argmin(axis=1)
    fitted, missing = np.zeros((4, 3)), []
    for i, (start, end) in enumerate(zip(corners, ends, strict=True)):
        along = (edge - start) @ (end - start) / ((end - start) @ (end - start))
        of_side = (nearest == i) & (along > _FITTED_PART[0]) & (along < _FITTED_PART[1])
        seen = edge[of_side & inside]
        if len(seen) < max(_MIN_SIDE_SEEN * np.count_nonzero(of_side), _MIN_FITTED_POINTS):
            missing.append(i)
            continue
        x, y, *point = cv2.fitLine(
            seen.astype(np.float32), cv2.DIST_L2, 0, _FIT_ACCURACY, _FIT_ACCURACY
        ).ravel()
        forward = 1.0 if (x, y) @ (end - start) > 0 else -1.0
        fitted[i] = _line(np.array(point), np.array(point) + forward * np.array([x, y]))
    if len(missing) > 1:
        return None
    for i in missing:
        normal = fitted[(i + 2) % 4, :2]
        fitted[i] = *-normal, (edge @ normal).max()
    return fitted


def _sides(corners: Points) -> _Lines:
    """The lines, (4, 3), through neighbouring corners."""
    ends = np.roll(corners, -1, axis=0)
    return np.array([_line(start, end) for start, end in zip(corners, ends, strict=True)])


def _line(start: Points, end: Points) -> npt.NDArray[np.float64]:
    """The line, (3,), through two points, with the sheet on its right."""
    x, y = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    return np.array([-y, x, y * start[0] - x * start[1]])


def _inside_picture(points: Points, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """(...) whether the points (..., 2) are in the picture and not in its border."""
    near = max(_PICTURE_BORDER * max(shape), _MIN_PICTURE_BORDER)
    x, y = points[..., 0], points[..., 1]
    return (x >= near) & (y >= near) & (x < shape[1] - near) & (y < shape[0] - near)


def _is_sheet_like(corners: Points, shape: tuple[int, ...]) -> bool:
    """Whether angles are nearly right, and opposite sides nearly equal in length."""
    if not np.isfinite(corners).all():
        return False
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(*sides.T)
    slants = np.abs((sides * np.roll(sides, 1, axis=0)).sum(axis=1))
    beyond = max(-corners.min(), (corners.max(axis=0) - shape[::-1]).max()) / max(shape)
    return bool(
        lengths.min() > _MIN_SHEET_SIDE * max(shape)
        and (slants < _MAX_CORNER_COSINE * lengths * np.roll(lengths, 1)).all()
        and (lengths < _MAX_OPPOSITE_SIDE_RATIO * np.roll(lengths, 2)).all()
        and beyond < _MAX_CORNER_OVERHANG
    )


def _along(corners: Points) -> npt.NDArray[np.float64]:
    """Points, (4, n, 2), along the sides, without their ends."""
    share = np.linspace(*_PROBED_PART, _SIDE_PROBES)[:, None]
    return corners[:, None] * (1 - share) + np.roll(corners, -1, axis=0)[:, None] * share


def _area_seen(corners: Points, shape: tuple[int, ...]) -> float:
    """The area of the part of a convex quadrilateral that is in the picture."""
    height, width = shape
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    return float(cv2.intersectConvexConvex(corners.astype(np.float32), picture)[0])


def _levels(image: GreyImage, points: Points) -> _Levels:
    """The grey levels (...) at points (..., 2); beyond the picture, those of its border."""
    x, y = np.moveaxis(np.rint(points).astype(int), -1, 0)
    height, width = image.shape
    levels = image[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return np.asarray(levels, np.float64)


def _clockwise_from_top_left(corners: npt.ArrayLike) -> Points:
    points = np.asarray(corners, np.float64)
    x, y = (points - points.mean(axis=0)).T
    ring = points[np.argsort(np.arctan2(y, x))]
    return np.roll(ring, -int(np.argmin(ring.sum(axis=1))), axis=0)
