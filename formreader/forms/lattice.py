"""From ruled lines to cells: junctions, posts between them, and cells between posts.

All in working pixels of the upright page. A *post* is a piece of vertical line from
one horizontal line to another; a *cell* is what lies between two posts of the same
horizontals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.forms.lines import LineMasks, Mask

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) x, y."""

MIN_HEIGHT, MAX_HEIGHT = 13.0, 260.0
MIN_ASPECT, MAX_ASPECT = 0.3, 2.2
"""Limits of a cell in working pixels, and of its width over its height."""

MAX_COUNT = 4
"""Most cells between two posts that are found."""

_MIN_COVERAGE = 0.75
_MIN_INNER = 0.35
_MAX_GAP = 0.13
_MAX_POSTS = 8000
CHANCE = 0.55
_SUPPLIED_CHANCE = 0.85
_MIN_WORTH = -1.0
_UNEXPLAINED_COST = 0.5
_MOST_UNEXPLAINED = 1.2
_TOLERANCE = 5.0
_TILT = 0.03
_REACH = 9
_CORNER = 19
_MOST_BELOW = 4
_SAMPLES = 24
_ROW_SAMPLES = 64


@dataclass(frozen=True, slots=True, eq=False)
class Posts:
    """Upright edges, sorted by x. `top` and `bottom` are (n, 2) points, `coverage` (n,) in 0..1."""

    top: Points
    bottom: Points
    coverage: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.top)

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.bottom[:, 1] - self.top[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Spans of `count` equal cells between posts: `left` and `right` index the posts.

    All (n,). `coverage` is the share of the cells' edges that is ruled. `worth` is how
    well the span explains the posts in it: what is seen of its separators above what
    chance would show, less the posts in it that it leaves unexplained.
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    coverage: npt.NDArray[np.float64]
    worth: npt.NDArray[np.float64]


def line_coverage(mask: Mask, start: Points, end: Points) -> npt.NDArray[np.float64]:
    """Share of each straight way from `start` to `end`, (n, 2) each, that lies on the mask."""
    return np.asarray(_on_mask(mask, start, end, _SAMPLES).mean(axis=1))


def _on_mask(mask: Mask, start: Points, end: Points, samples: int) -> npt.NDArray[np.bool_]:
    """(n, samples): whether each of the points on the straight ways lies on the mask."""
    share = np.linspace(0.04, 0.96, samples)
    way = start[:, None, :] + (end - start)[:, None, :] * share[:, None]  # (n, samples, 2)
    x = np.clip(np.rint(way[..., 0]).astype(np.int64), 0, mask.shape[1] - 1)
    y = np.clip(np.rint(way[..., 1]).astype(np.int64), 0, mask.shape[0] - 1)
    return np.asarray(mask[y, x] > 0)


def _ruling(
    mask: Mask, start: Points, end: Points
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Share of each way that is ruled, and its longest gap as a share of the way."""
    on = _on_mask(mask, start, end, _ROW_SAMPLES)
    gap = np.zeros(len(on), np.int64)
    longest = np.zeros(len(on), np.int64)
    for column in on.T:
        gap = np.where(column, 0, gap + 1)
        longest = np.maximum(longest, gap)
    return on.mean(axis=1), longest / _ROW_SAMPLES


def find_junctions(lines: LineMasks) -> Points:
    """Where horizontal and vertical lines meet, nearly meet, or both end (n, 2).

    Where both end near one another they are a rounded corner and may be farther
    apart than a stroke that ends near a line that goes on.
    """
    horizontal, vertical = lines.horizontal, lines.vertical
    meeting = cv2.bitwise_and(
        cv2.dilate(horizontal, np.ones((3, _REACH), np.uint8)),
        cv2.dilate(vertical, np.ones((_REACH, 3), np.uint8)),
    )
    corners = cv2.bitwise_and(
        cv2.subtract(cv2.dilate(horizontal, np.ones((1, _CORNER), np.uint8)), horizontal),
        cv2.subtract(cv2.dilate(vertical, np.ones((_CORNER, 1), np.uint8)), vertical),
    )
    both = cv2.bitwise_or(meeting, corners)
    centres = cv2.connectedComponentsWithStats(both, connectivity=8)[3]
    return np.asarray(centres[1:], np.float64)


def find_posts(lines: LineMasks, junctions: Points) -> Posts:
    """All pairs of junctions one above the other with a vertical line between them."""
    points = junctions[np.argsort(junctions[:, 0], kind="stable")]
    reach = _TOLERANCE + _TILT * MAX_HEIGHT
    upper, lower = _pairs_within(points[:, 0], -reach, reach)
    drop = points[lower] - points[upper]
    fits = (drop[:, 1] >= MIN_HEIGHT) & (drop[:, 1] <= MAX_HEIGHT)
    fits &= np.abs(drop[:, 0]) <= _TOLERANCE + _TILT * drop[:, 1]
    upper, lower, drop = upper[fits], lower[fits], drop[fits]
    mask = np.asarray(cv2.dilate(lines.vertical, np.ones((1, 3), np.uint8)))
    coverage = line_coverage(mask, points[upper], points[lower])
    good = coverage >= _MIN_COVERAGE
    good[good] = _is_among_nearest(upper[good], drop[good, 1])
    return _merge_posts(Posts(points[upper[good]], points[lower[good]], coverage[good]))


def _is_among_nearest(
    upper: npt.NDArray[np.int64], drop: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Whether a pair is one of the shortest from its upper junction."""
    order = np.lexsort((drop, upper))
    first = np.searchsorted(upper[order], upper[order], "left")
    rank = np.empty(len(upper), np.int64)
    rank[order] = np.arange(len(upper)) - first
    return np.asarray(rank < _MOST_BELOW)


def _merge_posts(posts: Posts) -> Posts:
    """Keep one of posts whose ends are nearly the same, the best ruled; sort by x."""
    order = np.argsort(-posts.coverage, kind="stable")
    ends = np.hstack([posts.top, posts.bottom])[order]  # (n, 4)
    seen: dict[tuple[int, int], list[int]] = {}
    kept: list[int] = []
    for i, end in enumerate(ends):
        cell = int(end[0] // _TOLERANCE), int(end[1] // _TOLERANCE)
        near = (
            k
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for k in seen.get((cell[0] + dx, cell[1] + dy), ())
        )
        if not any(np.abs(ends[k] - end).max() <= _TOLERANCE for k in near):
            seen.setdefault(cell, []).append(i)
            kept.append(i)
    chosen = order[kept[:_MAX_POSTS]]
    chosen = chosen[np.argsort(posts.top[chosen, 0], kind="stable")]
    return Posts(posts.top[chosen], posts.bottom[chosen], posts.coverage[chosen])


def find_cells(lines: LineMasks, posts: Posts) -> Cells:
    """Pairs of posts side by side, ruled above and below and not ruled across.

    Posts up to `MAX_COUNT` cells apart are paired, so that the lattice can supply
    separators of which only a part is found.
    """
    horizontal = np.asarray(cv2.dilate(lines.horizontal, np.ones((3, 1), np.uint8)))
    vertical = np.asarray(cv2.dilate(lines.vertical, np.ones((1, 5), np.uint8)))
    left, right = _side_by_side(posts)
    above, gap_above = _ruling(horizontal, posts.top[left], posts.top[right])
    below, gap_below = _ruling(horizontal, posts.bottom[left], posts.bottom[right])
    gap, ruling = np.maximum(gap_above, gap_below), np.minimum(above, below)
    ruled = (ruling >= _MIN_COVERAGE) & (gap <= _MAX_GAP)
    left, right, gap, ruling = left[ruled], right[ruled], gap[ruled], ruling[ruled]
    between = _coverage_between(posts, left, right)
    whole = ~_is_divided(horizontal, posts, left, right)
    aspect = (posts.top[right, 0] - posts.top[left, 0]) / posts.heights[left]
    parts = []
    for count in range(1, MAX_COUNT + 1):
        fits = whole & (aspect / count >= MIN_ASPECT) & (aspect / count <= MAX_ASPECT)
        # A gap in the lines above and below tells boxes apart from cells of one comb.
        chosen = np.nonzero(fits & (gap * count <= _MAX_GAP))[0]
        lowest, inner = _inner_coverage(vertical, posts, left[chosen], right[chosen], count)
        chosen, inner = chosen[lowest >= _MIN_INNER], inner[lowest >= _MIN_INNER]
        last = posts.coverage[right[chosen]]
        unexplained = np.clip(between[chosen] - inner, 0, _MOST_UNEXPLAINED * count)
        supplied = inner - _SUPPLIED_CHANCE * (count - 1)
        worth = last - CHANCE + supplied - _UNEXPLAINED_COST * unexplained
        coverage = (ruling[chosen] + (last + inner) / count) / 2
        parts.append((left[chosen], right[chosen], np.full(len(chosen), count), coverage, worth))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    good = columns[-1] > _MIN_WORTH
    return Cells(*(column[good] for column in columns))


def _coverage_between(
    posts: Posts, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Summed coverage of the posts between two, of those that share their lines."""
    band = np.arange(len(posts))

    def root(post: int) -> int:
        while band[post] != post:
            band[post] = band[band[post]]
            post = int(band[post])
        return post

    for i, k in zip(left.tolist(), right.tolist(), strict=True):
        band[root(k)] = root(i)
    bands = np.array([root(i) for i in range(len(posts))], np.int64)
    order = np.lexsort((np.arange(len(posts)), bands))
    before = np.empty(len(posts))
    before[order] = np.cumsum(posts.coverage[order]) - posts.coverage[order]
    return np.asarray(before[right] - before[left] - posts.coverage[left])


def _side_by_side(posts: Posts) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of posts between the same levels, sorted by the left one."""
    order = np.argsort(posts.top[:, 1], kind="stable")
    y = posts.top[order, 1]
    reach = _TOLERANCE + _TILT * MAX_COUNT * posts.heights[order]
    first, second = _pairs_within(y, -reach, reach)
    left, right = order[first], order[second]
    heights = posts.heights[left]
    along = posts.top[right, 0] - posts.top[left, 0]
    near = (along >= MIN_ASPECT * heights) & (along <= MAX_COUNT * heights)
    left, right, along = left[near], right[near], along[near]
    slack = _TOLERANCE + _TILT * along
    level = np.abs(posts.top[right, 1] - posts.top[left, 1]) <= slack
    level &= np.abs(posts.bottom[right, 1] - posts.bottom[left, 1]) <= slack
    left, right = left[level], right[level]
    by_left = np.lexsort((right, left))
    return left[by_left], right[by_left]


def _inner_coverage(
    vertical: Mask,
    posts: Posts,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    count: int,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lowest coverage of the count - 1 separators of equal cells, and their sum."""
    lowest, total = np.ones(len(left)), np.zeros(len(left))
    for k in range(1, count):
        share = k / count
        start = posts.top[left] + share * (posts.top[right] - posts.top[left])
        end = posts.bottom[left] + share * (posts.bottom[right] - posts.bottom[left])
        coverage = line_coverage(vertical, start, end)
        lowest, total = np.minimum(lowest, coverage), total + coverage
    return lowest, total


def _pairs_within(
    x: npt.NDArray[np.float64],
    nearest: float | npt.NDArray[np.float64],
    farthest: float | npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs (i, k) of the sorted x with nearest <= x[k] - x[i] <= farthest."""
    first = np.searchsorted(x, x + nearest, "left")
    last = np.maximum(np.searchsorted(x, x + farthest, "right"), first)
    counts = last - first
    i = np.repeat(np.arange(len(x)), counts)
    offset = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, np.repeat(first, counts) + offset


def _is_divided(
    horizontal: Mask,
    posts: Posts,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Whether a horizontal line runs through a cell from side to side."""
    divided = np.zeros(len(left), np.bool_)
    for share in np.linspace(0.14, 0.86, 37):
        start = posts.top[left] + share * (posts.bottom[left] - posts.top[left])
        end = posts.top[right] + share * (posts.bottom[right] - posts.top[right])
        divided |= _on_mask(horizontal, start, end, 12).mean(axis=1) >= 0.9
    return divided
