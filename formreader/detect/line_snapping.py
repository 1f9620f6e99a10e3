"""Rows moved onto their printed lines, to a fraction of a pixel.

The network's boxes are right to a pixel or two. Across each edge the lines are looked
for in the darkness along it; all edges of a row together tell how the row has to be
moved and stretched, so that a stroke that runs along one edge, or an edge that was not
printed, does no harm. All rows of a page are worked on at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.rows import Row

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

# The sides top, bottom, left, right: the corners at which they start and end, the axis
# across them, and which way along it is into the box.
_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)
_STARTS, _ENDS = [0, 3, 0, 1], [1, 2, 3, 2]
_ACROSS = np.array([1, 1, 0, 0])
_INWARDS = np.array([1, -1, 1, -1])

# How far from an edge its line is looked for, as a share of the box's shorter side, and in pixels.
_REACH = 0.16
_LEAST, _MOST = 2, 8

# Points along an edge, without the corners, where other lines meet it.
_ALONG = np.linspace(0.14, 0.86, 13)

# A line is darker than what is this many pixels inside of it.
_INSIDE = 2

# Strokes are darker than faint lines, but count no more: nothing counts as darker than this.
_DARK_ENOUGH = 255 - 90

# Darkness that makes an edge count fully; what an edge far off its place has to be darker;
# the least mean weight of a row's edges; how far an edge may be off the others, in pixels.
_CERTAIN = 30.0
_DISTANCE_COST = 12.0
_LEAST_WEIGHT = 0.12
_OUTLIER = 1.3

# What the right side of a box and the left side of the next may be apart to be one, in pixels.
_SAME_LINE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """What lies near the edges of n boxes, (4, n) each.

    `offset`: how far along x or y from the edge its line is, in pixels; `weight`: how
    sure that is, 0..1.
    """

    offset: _Floats
    weight: _Floats


def refine_rows(even: GreyImage, rows: Sequence[Row]) -> list[Row]:
    """The rows with their edges on the lines of an evenly lit page, (h, w) uint8."""
    if not rows:
        return []
    corners = np.concatenate([row.corners for row in rows])
    lengths = np.array([len(row) for row in rows])
    owner = np.repeat(np.arange(len(rows)), lengths)
    edges = _find_lines(even, corners)
    moved = np.split(_moved(corners, edges, owner), lengths.cumsum()[:-1])
    separations = _separations(edges.weight, owner).tolist()
    return [
        Row(place, row.scores, separation)
        for place, row, separation in zip(moved, rows, separations, strict=True)
    ]


def _find_lines(even: GreyImage, corners: _Floats) -> _Edges:
    """Where the lines of boxes (n, 4, 2) are."""
    side = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2).min(axis=1)
    reach = np.clip(_REACH * side, _LEAST, _MOST)[:, None]
    furthest = int(reach.max())
    # Beyond the reach: a pixel beside the line, and what lies inside of that.
    profile, rounding = _profiles(even, corners, -furthest - 1, furthest + 1 + _INSIDE)
    line = profile[..., _INSIDE:] - profile[..., :-_INSIDE]  # (4, n, 2 * furthest + 3)
    offsets = np.arange(-furthest, furthest + 1)
    distance = np.abs(offsets)
    value = np.where(
        distance <= reach, line[..., 1:-1] - _DISTANCE_COST * distance / reach, -np.inf
    )
    best = value.argmax(axis=2)
    around = best[..., None] + np.arange(3)
    below, here, above = np.moveaxis(np.take_along_axis(line, around, axis=2), 2, 0)
    bend = np.minimum(below - 2 * here + above, -1e-6)
    fraction = np.clip((below - above) / (2 * bend), -0.5, 0.5)
    offset = _INWARDS[:, None] * (offsets[best] + fraction) + rounding
    return _Edges(offset, np.clip(here / _CERTAIN, 0, 1) ** 2)


def _profiles(even: GreyImage, corners: _Floats, first: int, last: int) -> tuple[_Floats, _Floats]:
    """How bright it is at each distance from the edges of boxes (n, 4, 2).

    Returns:
        (4, n, offsets) the mean along each edge, `first` to `last` pixels inwards from it;
        and (4, n) how far along x or y from the edge the pixels lie that were looked at.
    """
    border = max(-first, last)
    start, end = corners.T[:, _STARTS], corners.T[:, _ENDS]  # (2, 4, n)
    way = start + _ALONG[:, None, None, None] * (end - start)
    pixels = np.rint(way)
    rounding = (pixels - way).mean(axis=0)[_ACROSS, range(4)]
    # Beyond the page its border goes on, for edges there and as far as is looked from them.
    padded = cv2.copyMakeBorder(even, *(2 * border,) * 4, cv2.BORDER_REPLICATE)
    height, width = even.shape
    x = np.clip(pixels[:, 0], -border, width - 1 + border) + 2 * border  # (points, 4, n)
    y = np.clip(pixels[:, 1], -border, height - 1 + border) + 2 * border
    strides = np.array([1, padded.shape[1]])
    place = (y * strides[1] + x).astype(np.int64)
    inwards = (_INWARDS * strides[_ACROSS])[:, None, None] * np.arange(first, last + 1)
    seen = np.take(padded, place[..., None] + inwards)
    profile = np.maximum(seen, _DARK_ENOUGH).sum(axis=0, dtype=np.uint16) / len(_ALONG)
    return profile, rounding


def _moved(corners: _Floats, edges: _Edges, owner: _Ints) -> _Floats:
    """The corners (n, 4, 2) of boxes of the rows `owner` (n,), on the lines."""
    x = corners[..., 0]
    middle = x.mean(axis=1)
    group = 4 * owner + np.arange(4)[:, None]  # (4, n): the edges that are moved alike
    # The separators of a comb are each an edge of two boxes.
    group[_RIGHT] = np.where(_is_comb(x, owner), group[_LEFT], group[_RIGHT])
    slope, shift = _fits(np.stack([middle, middle, x[:, 0], x[:, 1]]), edges, group)
    moved = corners.copy()
    for side, ends in enumerate(zip(_STARTS, _ENDS, strict=True)):
        for k in ends:
            at = x[:, k] if _ACROSS[side] else x[:, _STARTS[side]]
            moved[:, k, _ACROSS[side]] += slope[side] * at + shift[side]
    return moved


def _is_comb(x: _Floats, owner: _Ints) -> npt.NDArray[np.bool_]:
    """(n,) whether a box is of a row of boxes that all share their separators."""
    within = owner[1:] == owner[:-1]
    apart = np.abs(x[1:, 0] - x[:-1, 1]) > _SAME_LINE
    rows = owner[-1] + 1
    separators = np.bincount(owner[1:][within], minlength=rows)
    gaps = np.bincount(owner[1:][within & apart], minlength=rows)
    return np.asarray(((separators > 0) & (gaps == 0))[owner])


def _separations(weight: _Floats, owner: _Ints) -> _Floats:
    """(rows,) how much of the edges between boxes is ruled; of a box alone, of its worse side."""
    within = owner[1:] == owner[:-1]
    both = (weight[_LEFT, 1:] + weight[_RIGHT, :-1])[within] / 2
    separators = np.bincount(owner[1:][within], minlength=owner[-1] + 1)
    ruled = np.bincount(owner[1:][within], both, minlength=owner[-1] + 1)
    worse = np.minimum(weight[_LEFT], weight[_RIGHT])
    first = np.flatnonzero(np.concatenate([[True], ~within]))
    return np.where(separators > 0, ruled / np.maximum(separators, 1), worse[first])


def _fits(x: _Floats, edges: _Edges, group: _Ints) -> tuple[_Floats, _Floats]:
    """Straight lines through most of the offsets of each group of edges.

    Args:
        x: (4, n) where along its row each edge is.
        edges: what lies near them.
        group: (4, n) number of the group of each.

    Returns:
        Slope of the line of each edge's group, and its offset at x = 0, (4, n); 0 where
        hardly any of the group is ruled.
    """
    groups, at = group.ravel(), x.ravel()
    offset, weight = edges.offset.ravel(), edges.weight.ravel()
    count = np.bincount(groups)

    def total(values: _Floats) -> _Floats:
        return np.asarray(np.bincount(groups, values), np.float64)

    for _ in range(2):
        sums = total(weight)
        enough = sums > _LEAST_WEIGHT * count
        sums = np.where(enough, sums, 1)
        centre, usual = total(weight * at) / sums, total(weight * offset) / sums
        aside = at - centre[groups]
        spread = total(weight * aside**2) / sums
        tilt = total(weight * aside * (offset - usual[groups])) / sums
        slope = np.where(enough & (count > 2) & (spread > 1), tilt / np.maximum(spread, 1), 0)
        shift = np.where(enough, usual - slope * centre, 0)
        fitted = slope[groups] * at + shift[groups]
        weight = np.where(np.abs(fitted - offset) <= _OUTLIER, weight, 0.0)
    return slope[group], shift[group]
