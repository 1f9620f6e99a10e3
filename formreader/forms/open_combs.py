"""Combs without a top line: ticks on a base line, and separators that stand alone.

A faded fax keeps of a comb what was darkest: some of its separators, or only the
dots where lines met. What all of these have is an equal step on a common level.
"""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.forms.cells import MAX_ASPECT, Cells
from formreader.forms.lines import LineMasks, Mask
from formreader.forms.posts import MAX_HEIGHT, MIN_HEIGHT, Posts
from formreader.forms.rows import Row, chain_rows
from formreader.forms.text import Parts
from formreader.forms.ways import TILT, TOLERANCE, Points, line_coverage, pairs_within

# Height over width of the boxes of which only ticks are printed.
_TICKED_HEIGHT = 1.2
_TICK_ASPECT = 5.0
_BASE_REACH = 8
_BASE_COVERAGE = 0.85

_EVIDENCE = 0.4
_DOT_EVIDENCE = 0.25
_SUPPLIED_COST = 0.5
_MOST_STEPS = 3
_LEVEL = 4.0
_MIN_POSTS = 4
_MIN_TICKS = 3

# Dots are this large; where there are more of them it is noise, not what lines left.
_DOT = 5
_MOST_DOTS = 600
_MOST_PIECES = 2500
_DIGIT_HEIGHT = 0.3


def find_open_combs(lines: LineMasks, parts: Parts) -> list[Row]:
    """Rows of boxes between ticks on a base line or between free-standing separators."""
    pieces = _upright_pieces(lines.vertical)
    base = _distance_to_base(lines.horizontal, pieces)
    on_base = base >= 0
    down = np.column_stack([np.zeros(len(base)), base])
    ticks = replace(pieces, bottom=pieces.bottom + down).select(on_base)
    alone = _standing_alone(pieces, parts)
    free = _joined(pieces.select(alone & ~on_base), _dot_pairs(parts))
    ticked = [_with_height(row) for row in _rows(ticks, lines.horizontal, _MIN_TICKS)]
    return ticked + [_with_ends(row, parts) for row in _rows(free, None, _MIN_POSTS)]


def _upright_pieces(vertical: Mask) -> Posts:
    """The pieces of vertical line, sorted by x, whatever they touch."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(vertical, connectivity=8)
    height, width = stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_WIDTH]
    fits = (height >= MIN_HEIGHT - 2) & (height <= MAX_HEIGHT)
    fits &= width <= 8 + 2 * TILT * height
    fits[0] = False
    chosen = np.flatnonzero(fits)
    chosen = chosen[np.argsort(centres[chosen, 0], kind="stable")]
    x, top = centres[chosen, 0], stats[chosen, cv2.CC_STAT_TOP].astype(np.float64)
    ones = np.ones(len(chosen))
    bottom = top + stats[chosen, cv2.CC_STAT_HEIGHT] - 1
    return Posts(np.column_stack([x, top]), np.column_stack([x, bottom]), ones, _EVIDENCE * ones)


def _joined(a: Posts, b: Posts) -> Posts:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Posts)]
    both = Posts(*(np.concatenate(pair) for pair in pairs))
    return both.select(np.argsort(both.top[:, 0], kind="stable"))


def _distance_to_base(horizontal: Mask, pieces: Posts) -> npt.NDArray[np.float64]:
    """(n,) pixels from each piece's lower end down to a horizontal line, -1 where there is none.

    None either where a line runs through the upper end: that is a closed box's side.
    """

    def nearest(ends: Points, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        x = np.clip(np.rint(ends[:, 0]), 0, horizontal.shape[1] - 1).astype(np.int64)
        y = np.rint(ends[:, 1]).astype(np.int64)[:, None] + offsets
        ruled = np.asarray(horizontal)[np.clip(y, 0, horizontal.shape[0] - 1), x[:, None]] > 0
        return np.where(ruled.any(axis=1), ruled.argmax(axis=1), -1)

    below = nearest(pieces.bottom, np.arange(-_BASE_REACH // 2, _BASE_REACH + 1))
    above = nearest(pieces.top, np.arange(-_BASE_REACH, _BASE_REACH // 2 + 1))
    has_base = (below >= 0) & (above < 0)
    return np.where(has_base, np.maximum(below - _BASE_REACH // 2 + 1, 0), -1).astype(np.float64)


def _standing_alone(pieces: Posts, parts: Parts) -> npt.NDArray[np.bool_]:
    """(n,) whether the ink of a piece is that piece only: no letter's stem, no box's side."""
    if not len(parts.widths):
        return np.zeros(len(pieces), np.bool_)
    height, width = parts.labels.shape
    middle = np.rint((pieces.top + pieces.bottom) / 2).astype(np.int64)
    y = np.clip(middle[:, 1], 0, height - 1)
    x = np.clip(middle[:, [0]] + np.arange(-1, 2), 0, width - 1)
    part = parts.labels[y[:, None], x].max(axis=1)
    thin = parts.widths[part] <= 6 + 2 * TILT * parts.heights[part]
    same = np.abs(pieces.heights - parts.heights[part]) <= 6
    return np.asarray((part >= 0) & thin & same)


def _dot_pairs(parts: Parts) -> Posts:
    """Posts between dots one above the other, sorted by x."""
    dots = parts.centres[np.maximum(parts.widths, parts.heights) <= _DOT]
    dots = dots[np.argsort(dots[:, 0], kind="stable")]
    if len(dots) > _MOST_DOTS:
        dots = dots[:0]
    upper, lower = pairs_within(dots[:, 0], -TOLERANCE, TOLERANCE)
    drop = dots[lower] - dots[upper]
    fits = (drop[:, 1] >= 2 * MIN_HEIGHT) & (drop[:, 1] <= MAX_HEIGHT / 2)
    fits &= np.abs(drop[:, 0]) <= 1.5 + TILT * drop[:, 1]
    upper, lower = upper[fits], lower[fits]
    ones = np.ones(len(upper))
    return Posts(dots[upper], dots[lower], ones, _DOT_EVIDENCE * ones)


def _rows(posts: Posts, base: Mask | None, fewest: int) -> list[Row]:
    """Rows of equal steps from post to post, up to two posts in a row supplied."""
    if len(posts) > _MOST_PIECES:
        return []
    cells = _spans(posts, base)
    return chain_rows(posts, cells, cells.worth, _least_worth(fewest))


def _least_worth(posts: int) -> float:
    """What a chain of that many posts, none of them supplied, is worth at least."""
    return posts * _EVIDENCE + 0.1 + (posts - 3) * 0.4


def _spans(posts: Posts, base: Mask | None) -> Cells:
    x, heights = posts.top[:, 0], posts.heights
    widest = MAX_ASPECT if base is None else _TICK_ASPECT
    narrowest = 0.36 if base is None else 0.7
    left, right = pairs_within(x, narrowest * heights, widest * _MOST_STEPS * heights)
    slack = _LEVEL + TILT * (x[right] - x[left])
    level = np.abs(posts.bottom[right, 1] - posts.bottom[left, 1]) <= slack
    level &= np.abs(posts.top[right, 1] - posts.top[left, 1]) <= slack
    left, right = left[level], right[level]
    if base is not None:
        ruled = line_coverage(base, posts.bottom[left], posts.bottom[right]) >= _BASE_COVERAGE
        left, right = left[ruled], right[ruled]
    aspect = (x[right] - x[left]) / heights[left]
    counts = range(1, _MOST_STEPS + 1)
    chosen = [(aspect / n >= narrowest) & (aspect / n <= widest) for n in counts]
    count = np.concatenate([np.full(int(c.sum()), n) for n, c in zip(counts, chosen, strict=True)])
    left = np.concatenate([left[c] for c in chosen])
    right = np.concatenate([right[c] for c in chosen])
    worth = posts.evidence[right] - _SUPPLIED_COST * (count - 1)
    return Cells(left, right, count, np.ones(len(left)), worth)


def _with_height(row: Row) -> Row:
    """Boxes as high as people write above ticks that are shorter than the boxes they mean."""
    corners = row.corners.copy()
    height = max(_TICKED_HEIGHT * row.size[0], row.size[1])
    corners[:, :2] = corners[:, [3, 2]] - (0, height)
    return Row(corners, row.score, row.worth)


def _with_ends(row: Row, parts: Parts) -> Row:
    """The row with boxes before its first and after its last separator, where a digit stands."""
    step = row.corners[-1, 1] - row.corners[-1, 0]
    corners = list(row.corners)
    for end, move in ((0, -step), (-1, step)):
        box = row.corners[end] + move
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        x, y = parts.centres.T
        inside = (x > left) & (x < right) & (y > top) & (y < bottom)
        inside &= parts.heights >= _DIGIT_HEIGHT * (bottom - top)
        inside &= parts.widths <= 1.2 * abs(step[0])
        if inside.any():
            corners.insert(0 if end == 0 else len(corners), box)
    return Row(np.array(corners), row.score, row.worth)
