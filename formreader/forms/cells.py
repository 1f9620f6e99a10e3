"""Cells: what lies between two posts, ruled above and below."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.forms.lines import LineMasks, Mask
from formreader.forms.posts import MIN_COVERAGE, Posts, coverage_evidence
from formreader.forms.ways import (
    TILT,
    TOLERANCE,
    Indices,
    Points,
    line_coverage,
    on_mask,
    pairs_within,
)

MIN_ASPECT, MAX_ASPECT = 0.36, 2.0
"""Limits of a cell's width over its height."""

MAX_COUNT = 4
"""Most cells between two posts: up to three separators in a row may be supplied."""

_ROW_SAMPLES = 64
_MIN_INNER = 0.35

# The longest gap in the lines above and below, as a share of a cell's width.
_MAX_GAP = 0.13

# What a cell loses for each separator that is not nearly whole, for posts in it that it does
# not explain, and for a gap beside them.
_SUPPLIED_COST = 0.25
_NEARLY_WHOLE = 0.85
_UNEXPLAINED_COST = 1.2
_MOST_UNEXPLAINED = 1.2
_GAP_COST = 1.0
_GAP_BETWEEN_BOXES = 4.0
_MIN_WORTH = -1.5


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Spans of `count` equal cells between posts: `left` and `right` index the posts.

    All (n,). `coverage` is the share of the cells' edges that is ruled. `worth` is how
    well the span explains the posts in it: what is seen of its separators above what
    chance would show, less the posts in it that it leaves unexplained.
    """

    left: Indices
    right: Indices
    count: Indices
    coverage: npt.NDArray[np.float64]
    worth: npt.NDArray[np.float64]


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
    ruled = (ruling >= MIN_COVERAGE) & (gap <= _MAX_GAP)
    left, right, gap, ruling = left[ruled], right[ruled], gap[ruled], ruling[ruled]
    between = _evidence_between(posts, left, right)
    whole = ~_is_divided(horizontal, posts, left, right)
    width = posts.top[right, 0] - posts.top[left, 0]
    aspect = width / posts.heights[left]
    parts = []
    for count in range(1, MAX_COUNT + 1):
        fits = whole & (aspect / count >= MIN_ASPECT) & (aspect / count <= MAX_ASPECT)
        # A gap in the lines above and below tells boxes apart from cells of one comb.
        chosen = np.nonzero(fits & (gap * count <= _MAX_GAP))[0]
        inner = _inner_coverage(vertical, posts, left[chosen], right[chosen], count)
        seen = (inner >= _MIN_INNER).all(axis=0)
        chosen, inner = chosen[seen], inner[:, seen]
        last = posts.coverage[right[chosen]]
        # If what is seen of a supplied separator were a line, it would be a post.
        supplied = np.minimum(coverage_evidence(inner), 0).sum(axis=0)
        unexplained = _UNEXPLAINED_COST * between[chosen]
        worth = posts.evidence[right[chosen]] + supplied
        worth -= _SUPPLIED_COST * (inner < _NEARLY_WHOLE).sum(axis=0)
        worth -= np.minimum(unexplained, _MOST_UNEXPLAINED * count)
        apart = gap[chosen] * width[chosen] >= _GAP_BETWEEN_BOXES
        worth -= _GAP_COST * count * (apart & (unexplained > _GAP_COST / 3))
        coverage = (ruling[chosen] + (last + inner.sum(axis=0)) / count) / 2
        parts.append((left[chosen], right[chosen], np.full(len(chosen), count), coverage, worth))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    good = columns[-1] > _MIN_WORTH
    return Cells(*(column[good] for column in columns))


def _evidence_between(posts: Posts, left: Indices, right: Indices) -> npt.NDArray[np.float64]:
    """Summed evidence of the posts between two, of those that share their lines."""
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
    strength = np.maximum(posts.evidence, 0)
    before = np.empty(len(posts))
    before[order] = np.cumsum(strength[order]) - strength[order]
    return np.asarray(before[right] - before[left] - strength[left])


def _side_by_side(posts: Posts) -> tuple[Indices, Indices]:
    """Pairs of posts between the same levels, sorted by the left one."""
    order = np.argsort(posts.top[:, 1], kind="stable")
    y = posts.top[order, 1]
    reach = TOLERANCE + TILT * MAX_COUNT * posts.heights[order]
    first, second = pairs_within(y, -reach, reach)
    left, right = order[first], order[second]
    heights = posts.heights[left]
    along = posts.top[right, 0] - posts.top[left, 0]
    near = (along >= MIN_ASPECT * heights) & (along <= MAX_COUNT * heights)
    left, right, along = left[near], right[near], along[near]
    slack = TOLERANCE + TILT * along
    level = np.abs(posts.top[right, 1] - posts.top[left, 1]) <= slack
    level &= np.abs(posts.bottom[right, 1] - posts.bottom[left, 1]) <= slack
    left, right = left[level], right[level]
    by_left = np.lexsort((right, left))
    return left[by_left], right[by_left]


def _inner_coverage(
    vertical: Mask,
    posts: Posts,
    left: Indices,
    right: Indices,
    count: int,
) -> npt.NDArray[np.float64]:
    """(count - 1, n): coverage of the inner separators that equal cells would have."""
    inner = np.empty((count - 1, len(left)))
    for k in range(1, count):
        share = k / count
        start = posts.top[left] + share * (posts.top[right] - posts.top[left])
        end = posts.bottom[left] + share * (posts.bottom[right] - posts.bottom[left])
        inner[k - 1] = line_coverage(vertical, start, end)
    return inner


def _ruling(
    mask: Mask, start: Points, end: Points
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Share of each way that is ruled, and its longest gap as a share of the way."""
    on = on_mask(mask, start, end, _ROW_SAMPLES)
    gap = np.zeros(len(on), np.int64)
    longest = np.zeros(len(on), np.int64)
    for column in on.T:
        gap = np.where(column, 0, gap + 1)
        longest = np.maximum(longest, gap)
    return on.mean(axis=1), longest / _ROW_SAMPLES


def _is_divided(
    horizontal: Mask,
    posts: Posts,
    left: Indices,
    right: Indices,
) -> npt.NDArray[np.bool_]:
    """Whether a horizontal line runs through a cell from side to side."""
    divided = np.zeros(len(left), np.bool_)
    for share in np.linspace(0.14, 0.86, 37):
        start = posts.top[left] + share * (posts.bottom[left] - posts.top[left])
        end = posts.top[right] + share * (posts.bottom[right] - posts.top[right])
        divided |= on_mask(horizontal, start, end, 12).mean(axis=1) >= 0.9
    return divided
