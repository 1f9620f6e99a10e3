"""Snap rows to their printed lines, to a fraction of a pixel.

The network places boxes to within a pixel or two. Near each edge a line is searched for, by the
mean brightness along the edge. All edges of a row together decide how the row is moved and
stretched. So a stroke along one edge, or an edge that was not printed, does no harm. All rows of
a page are processed at once. There is no record of a measurement of the thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.rows import Row

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)
_START_CORNERS, _END_CORNERS = [0, 3, 0, 1], [1, 2, 3, 2]
_AXIS_ACROSS = np.array([1, 1, 0, 0])
_INWARDS = np.array([1, -1, 1, -1])
"""The four edges of a box: their numbers; the corners where they start and end; the axis across
each, 0 for x and 1 for y; and the direction along that axis that leads into the box."""

_SEARCH_REACH = 0.16
_MIN_SEARCH_REACH, _MAX_SEARCH_REACH = 2, 8
"""Distance from an edge within which its line is searched for: a share of the box's shorter side,
and the limits in pixels."""

_EDGE_SAMPLES = np.linspace(0.14, 0.86, 13)
"""Points along an edge, as shares of its length. They stay clear of the lines at the corners."""

_CONTRAST_DISTANCE = 2
"""Distance in pixels from a line to the paper inside of it that it is compared with."""

_MIN_COUNTED_BRIGHTNESS = 255 - 90
"""Darker pixels are raised to this brightness, so that strokes do not outweigh faint lines."""

_FULL_WEIGHT_CONTRAST = 30.0
"""Contrast with the paper, in grey levels, at which an edge has full weight."""

_DISTANCE_PENALTY = 12.0
"""Grey levels subtracted from the contrast of a line at the largest distance. Nearer lines lose
less, in proportion to their distance."""

_MIN_MEAN_EDGE_WEIGHT = 0.12
"""Least mean weight of a group of edges that is moved."""

_MAX_FIT_DISTANCE = 1.3
"""Largest distance of an edge's line from the fit, in pixels. Edges farther off are outliers."""

_FIT_ROUNDS = 2
"""Number of fits of each group of edges. The second leaves out the outliers of the first."""

_MAX_SHARED_EDGE_GAP = 0.01
"""Largest gap in pixels between boxes that share a separator. It allows for rounding errors."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The lines near the edges of n boxes, (4, n) each.

    `offset` is the distance from the edge to the line along x or y, in pixels. `weight` is the
    confidence in it, 0..1.
    """

    offset: _Floats
    weight: _Floats


def snap_rows_to_lines(even: GreyImage, rows: Sequence[Row]) -> list[Row]:
    """Move the edges of the rows onto the lines of an evenly lit page, (h, w) uint8."""
    if not rows:
        return []
    corners = np.concatenate([row.corners for row in rows])
    lengths = np.array([len(row) for row in rows])
    owner = np.repeat(np.arange(len(rows)), lengths)
    edges = find_edges(even, corners)
    moved = np.split(_snapped(corners, edges, owner), lengths.cumsum()[:-1])
    separations = _separations(edges.weight, owner).tolist()
    return [
        replace(row, corners=place, separation=separation)
        for place, row, separation in zip(moved, rows, separations, strict=True)
    ]


def find_edges(even: GreyImage, corners: _Floats) -> Edges:
    """Find the line near each edge of boxes, corners (n, 4, 2), on an evenly lit page, (h, w)."""
    side = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2).min(axis=1)
    reach = np.clip(_SEARCH_REACH * side, _MIN_SEARCH_REACH, _MAX_SEARCH_REACH)[:, None]
    furthest = int(reach.max())
    # Read farther than the reach: one pixel beside the line, and the paper inside of it.
    profile, rounding = _profiles(even, corners, -furthest - 1, furthest + 1 + _CONTRAST_DISTANCE)
    # (4, n, 2 * furthest + 3)
    contrast = profile[..., _CONTRAST_DISTANCE:] - profile[..., :-_CONTRAST_DISTANCE]
    offsets = np.arange(-furthest, furthest + 1)
    distance = np.abs(offsets)
    value = np.where(
        distance <= reach, contrast[..., 1:-1] - _DISTANCE_PENALTY * distance / reach, -np.inf
    )
    best = value.argmax(axis=2)
    around = best[..., None] + np.arange(3)
    below, here, above = np.moveaxis(np.take_along_axis(contrast, around, axis=2), 2, 0)
    # The vertex of the parabola through three neighbouring contrasts.
    curvature = np.minimum(below - 2 * here + above, -1e-6)
    fraction = np.clip((below - above) / (2 * curvature), -0.5, 0.5)
    offset = _INWARDS[:, None] * (offsets[best] + fraction) + rounding
    return Edges(offset, np.clip(here / _FULL_WEIGHT_CONTRAST, 0, 1) ** 2)


def _profiles(even: GreyImage, corners: _Floats, first: int, last: int) -> tuple[_Floats, _Floats]:
    """Brightness profiles across the edges of boxes with corners (n, 4, 2).

    Returns:
        (4, n, offsets) the mean brightness along each edge, `first` to `last` pixels inwards from
        it; and (4, n) the mean shift along x or y from the edge to the pixels that were sampled.
    """
    border = max(-first, last)
    start, end = corners.T[:, _START_CORNERS], corners.T[:, _END_CORNERS]  # (2, 4, n)
    points = start + _EDGE_SAMPLES[:, None, None, None] * (end - start)
    pixels = np.rint(points)
    rounding = (pixels - points).mean(axis=0)[_AXIS_ACROSS, range(4)]
    # Border pixels are repeated, for edges outside of the page and the search around them.
    padded = cv2.copyMakeBorder(even, *(2 * border,) * 4, cv2.BORDER_REPLICATE)
    height, width = even.shape
    x = np.clip(pixels[:, 0], -border, width - 1 + border) + 2 * border  # (points, 4, n)
    y = np.clip(pixels[:, 1], -border, height - 1 + border) + 2 * border
    strides = np.array([1, padded.shape[1]])
    index = (y * strides[1] + x).astype(np.int64)
    inwards = (_INWARDS * strides[_AXIS_ACROSS])[:, None, None] * np.arange(first, last + 1)
    brightness = np.take(padded, index[..., None] + inwards)
    counted = np.maximum(brightness, _MIN_COUNTED_BRIGHTNESS)
    profile = counted.sum(axis=0, dtype=np.uint16) / len(_EDGE_SAMPLES)
    return profile, rounding


def _snapped(corners: _Floats, edges: Edges, owner: _Ints) -> _Floats:
    """The corners (n, 4, 2) moved onto the lines; `owner`, (n,), is the row of each box."""
    x = corners[..., 0]
    middle = x.mean(axis=1)
    group = 4 * owner + np.arange(4)[:, None]  # (4, n); the edges of a group move together
    # A separator of a comb is an edge of two boxes.
    group[_RIGHT] = np.where(_is_comb(x, owner), group[_LEFT], group[_RIGHT])
    slope, shift = _fit_lines(np.stack([middle, middle, x[:, 0], x[:, 1]]), edges, group)
    moved = corners.copy()
    for side, ends in enumerate(zip(_START_CORNERS, _END_CORNERS, strict=True)):
        for k in ends:
            at = x[:, k] if _AXIS_ACROSS[side] else x[:, _START_CORNERS[side]]
            moved[:, k, _AXIS_ACROSS[side]] += slope[side] * at + shift[side]
    return moved


def _is_comb(x: _Floats, owner: _Ints) -> npt.NDArray[np.bool_]:
    """(n,) whether a box is part of a comb: all boxes of its row share their separators."""
    within = owner[1:] == owner[:-1]
    is_gap = np.abs(x[1:, 0] - x[:-1, 1]) > _MAX_SHARED_EDGE_GAP
    rows = owner[-1] + 1
    separators = np.bincount(owner[1:][within], minlength=rows)
    gaps = np.bincount(owner[1:][within & is_gap], minlength=rows)
    return np.asarray(((separators > 0) & (gaps == 0))[owner])


def _separations(weight: _Floats, owner: _Ints) -> _Floats:
    """(rows,) mean weight of the edges between boxes; that of its weaker side for a single box."""
    within = owner[1:] == owner[:-1]
    both = (weight[_LEFT, 1:] + weight[_RIGHT, :-1])[within] / 2
    separators = np.bincount(owner[1:][within], minlength=owner[-1] + 1)
    ruled = np.bincount(owner[1:][within], both, minlength=owner[-1] + 1)
    worse = np.minimum(weight[_LEFT], weight[_RIGHT])
    first = np.flatnonzero(np.concatenate([[True], ~within]))
    return np.where(separators > 0, ruled / np.maximum(separators, 1), worse[first])


def _fit_lines(x: _Floats, edges: Edges, group: _Ints) -> tuple[_Floats, _Floats]:
    """Fit a straight line to the offsets of each group of edges, without the outliers.

    Args:
        x: (4, n) the position of each edge along its row.
        edges: the lines near them.
        group: (4, n) the number of each edge's group.

    Returns:
        (4, n) slopes of the lines fitted to each edge's group, and (4, n) their offsets at x = 0;
        both are 0 if hardly any edge of the group is ruled.
    """
    groups, at = group.ravel(), x.ravel()
    offset, weight = edges.offset.ravel(), edges.weight.ravel()
    count = np.bincount(groups)

    def total(values: _Floats) -> _Floats:
        return np.asarray(np.bincount(groups, values), np.float64)

    for _ in range(_FIT_ROUNDS):
        sums = total(weight)
        enough = sums > _MIN_MEAN_EDGE_WEIGHT * count
        sums = np.where(enough, sums, 1)
        centre, mean = total(weight * at) / sums, total(weight * offset) / sums
        deviation = at - centre[groups]
        spread = total(weight * deviation**2) / sums
        tilt = total(weight * deviation * (offset - mean[groups])) / sums
        slope = np.where(enough & (count > 2) & (spread > 1), tilt / np.maximum(spread, 1), 0)
        shift = np.where(enough, mean - slope * centre, 0)
        fitted = slope[groups] * at + shift[groups]
        weight = np.where(np.abs(fitted - offset) <= _MAX_FIT_DISTANCE, weight, 0.0)
    return slope[group], shift[group]
