"""Points, boxes and projective transforms in pixels: origin top left, x right, y down.

Whole numbers are the centres of pixels, unless a name says edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

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
        if not all(map(math.isfinite, (self.left, self.top, self.width, self.height))):
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
        """Whether a point lies inside, not on an edge."""
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom

    def overlap(self, other: Box) -> float:
        """The area shared with another box as a share of that of both: intersection over union."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.width * self.height + other.width * other.height - shared)

    def is_as_large_as(self, other: Box, tolerance: float = 0.1) -> bool:
        """Whether width and height are those of another box, but for a share of them."""
        sides = ((self.width, other.width), (self.height, other.height))
        return all(max(a, b) <= (1 + tolerance) * min(a, b) for a, b in sides)

    @classmethod
    def around(cls, boxes: Sequence[Box]) -> Box:
        """The smallest box that holds all of `boxes` (at least one)."""
        left, top = min(b.left for b in boxes), min(b.top for b in boxes)
        right, bottom = max(b.right for b in boxes), max(b.bottom for b in boxes)
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def around_points(cls, points: Sequence[Point]) -> Box:
        """The smallest box that holds all of `points`, which are not on one upright line."""
        xs, ys = zip(*points, strict=True)
        left, top = min(xs), min(ys)
        return cls(left, top, max(xs) - left, max(ys) - top)


def quads_of(corners: npt.NDArray[np.float64]) -> list[Quad]:
    """Corners (n, 4, 2) as plain numbers, which records hold."""
    points = ((x, y) for x, y in corners.reshape(-1, 2).tolist())
    # Four of the points at a time are those of one quadrilateral.
    return list(zip(points, points, points, points, strict=True))


def map_points(transform: Transform, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Send points (..., 2) through a projective transform, (n, 2)."""
    xy = np.asarray(points, np.float64).reshape(-1, 2)
    mapped = np.column_stack([xy, np.ones(len(xy))]) @ transform.T
    return mapped[:, :2] / mapped[:, 2:]


def scaling(by_x: float, by_y: float) -> Transform:
    """The way to an image that is larger by these factors, from pixel centre to pixel centre."""
    # Half a pixel matters for thin lines.
    return np.array([[by_x, 0, (by_x - 1) / 2], [0, by_y, (by_y - 1) / 2], [0, 0, 1]], np.float64)


def quarters_to_upright(corners: npt.NDArray[np.float64]) -> int:
    """By how many quarter turns clockwise a page comes upright, from its boxes; 0 without any.

    `corners`, (n, 4, 2), go clockwise from the top left of the upright form.
    """
    x, y = (corners[:, 1] - corners[:, 0]).sum(axis=0)
    return -round(math.atan2(y, x) / (math.pi / 2)) % 4


def reading_order(
    lefts: Sequence[float], middles: Sequence[float], reaches: Sequence[float]
) -> list[int]:
    """Indices from top to bottom, and from left to right of what is on one level.

    On the level of the topmost is what has its middle above the `reaches` of that one.
    """
    waiting = sorted(range(len(middles)), key=lambda i: middles[i])
    order: list[int] = []
    while waiting:
        level = [i for i in waiting if middles[i] <= reaches[waiting[0]]]
        order += sorted(level, key=lambda i: lefts[i])
        waiting = waiting[len(level) :]
    return order
