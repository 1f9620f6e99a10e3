"""Points, boxes, transforms in pixels: x right, y down; whole numbers are centres of pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

MM_PER_INCH = 25.4
"""Resolutions are in dots per inch, sheets in millimetres."""

Point: TypeAlias = tuple[float, float]
"""(x, y) in pixels."""

Quad: TypeAlias = tuple[Point, Point, Point, Point]
"""Four corners, clockwise from the top left of the upright form."""

Transform: TypeAlias = npt.NDArray[np.float64]
"""(3, 3) projective transform of homogeneous pixel coordinates."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels, origin top left.

    Raises:
        ValueError: a side is not positive, or a number is not finite.
    """

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (
            math.isfinite(self.left)
            and math.isfinite(self.top)
            and math.isfinite(self.width)
            and math.isfinite(self.height)
        ):
            raise ValueError(f"a box needs finite numbers. Received: {self}")
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"a box needs positive sides. Received: {self}")

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def centre(self) -> Point:
        return self.left + self.width / 2, self.top + self.height / 2

    def holds(self, point: Point) -> bool:
        """Whether a point is inside the box, not on its edge."""
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom

    def overlap(self, other: Box) -> float:
        """Intersection over union with another box: 0 where they are apart, 1 where equal."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)

    @classmethod
    def around(cls, boxes: Sequence[Box]) -> Box:
        """The bounding box of `boxes` (at least one)."""
        left, top = min(b.left for b in boxes), min(b.top for b in boxes)
        right, bottom = max(b.right for b in boxes), max(b.bottom for b in boxes)
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def around_points(cls, points: Sequence[Point]) -> Box:
        """The bounding box of `points`, which must not all share an x or a y."""
        xs, ys = zip(*points, strict=True)
        left, top = min(xs), min(ys)
        return cls(left, top, max(xs) - left, max(ys) - top)


def quads_of(corners: npt.NDArray[np.float64]) -> list[Quad]:
    """Corners (n, 4, 2) as tuples of Python floats, as records hold them."""
    points = ((x, y) for x, y in corners.reshape(-1, 2).tolist())
    # One iterator four times: each quadrilateral takes the next four points.
    return list(zip(points, points, points, points, strict=True))


def map_points(transform: Transform, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Map points (..., 2) by a projective transform; the result is (n, 2)."""
    xy = np.asarray(points, np.float64).reshape(-1, 2)
    mapped = np.column_stack([xy, np.ones(len(xy))]) @ transform.T
    return mapped[:, :2] / mapped[:, 2:]


def scaling(by_x: float, by_y: float) -> Transform:
    """The transform from an image to the same image larger by these factors.

    It aligns edges, not the centres of the first pixels: half a pixel matters for thin lines.
    """
    return np.array([[by_x, 0, (by_x - 1) / 2], [0, by_y, (by_y - 1) / 2], [0, 0, 1]], np.float64)


def quarters_to_upright(corners: npt.NDArray[np.float64]) -> int:
    """The clockwise quarter turns, 0 to 3, that make boxes (n, 4, 2) upright; 0 without boxes."""
    x, y = (corners[:, 1] - corners[:, 0]).sum(axis=0)
    return -round(math.atan2(y, x) / (math.pi / 2)) % 4


def reading_order(
    lefts: Sequence[float], middles: Sequence[float], level_ends: Sequence[float]
) -> list[int]:
    """Indices of items in reading order: level by level from the top, left to right in each.

    The topmost remaining item begins a level, of those with `middles` (y) above its `level_ends`.
    """
    waiting = sorted(range(len(middles)), key=lambda i: middles[i])
    order: list[int] = []
    while waiting:
        level = [i for i in waiting if middles[i] <= level_ends[waiting[0]]]
        order += sorted(level, key=lambda i: lefts[i])
        waiting = waiting[len(level) :]
    return order
