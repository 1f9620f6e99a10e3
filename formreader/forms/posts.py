"""Posts: pieces of vertical line that reach from one horizontal line to another."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.forms.lines import LineMasks
from formreader.forms.ways import (
    SAMPLES,
    TILT,
    TOLERANCE,
    Indices,
    Points,
    line_coverage,
    pairs_within,
    points_along,
)
from formreader.types import GreyImage

MIN_HEIGHT, MAX_HEIGHT = 13.0, 260.0
"""Limits of a box's height in working pixels."""

MIN_COVERAGE = 0.72
"""Least share of a box's edge that must be ruled."""

# Junctions: how far a line may stop short of another, and of a rounded corner.
_REACH = 9
_CORNER = 19

# Posts from one junction down, and of a page; a page of noise has no end of them.
_MOST_BELOW = 4
_MAX_POSTS = 8000

# Straightness: how far from a line its middle is looked for, and how far that strays,
# in pixels, along ruled lines and along strokes; the slant that a ruled line may have.
_STRAY = 3
_LINE_STRAY = 0.35
_STROKE_STRAY = 0.9
_LINE_SLANT = 0.06

# Evidence: of full coverage less that of a long stroke; and of a stroke.
_LINE_WEIGHT = 1.4
_STROKE_COVERAGE = 0.7
_LEAST_EVIDENCE = -0.4
_STROKE_COST = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Posts:
    """Upright edges, sorted by x. `top` and `bottom` are (n, 2) points, `coverage` (n,) in 0..1.

    `evidence` is (n,) what speaks for a printed line, below 0 for a pen's stroke.
    """

    top: Points
    bottom: Points
    coverage: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.top)

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.bottom[:, 1] - self.top[:, 1])

    def select(self, chosen: Indices | npt.NDArray[np.bool_]) -> Posts:
        """Some of the posts, by index or by flag; indices must keep them sorted by x."""
        columns = (self.top, self.bottom, self.coverage, self.evidence)
        return Posts(*(column[chosen] for column in columns))


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


def find_posts(even: GreyImage, lines: LineMasks, junctions: Points) -> Posts:
    """All pairs of junctions one above the other with a vertical line between them."""
    points = junctions[np.argsort(junctions[:, 0], kind="stable")]
    reach = TOLERANCE + TILT * MAX_HEIGHT
    upper, lower = pairs_within(points[:, 0], -reach, reach)
    drop = points[lower] - points[upper]
    fits = (drop[:, 1] >= MIN_HEIGHT) & (drop[:, 1] <= MAX_HEIGHT)
    fits &= np.abs(drop[:, 0]) <= TOLERANCE + TILT * drop[:, 1]
    upper, lower, drop = upper[fits], lower[fits], drop[fits]
    mask = np.asarray(cv2.dilate(lines.vertical, np.ones((1, 3), np.uint8)))
    coverage = line_coverage(mask, points[upper], points[lower])
    good = coverage >= MIN_COVERAGE
    good[good] = _is_among_nearest(upper[good], drop[good, 1])
    top, bottom, coverage = points[upper[good]], points[lower[good]], coverage[good]
    straight = straightness(even, top, bottom)
    evidence = straight * coverage_evidence(coverage) - (1 - straight) * _STROKE_COST
    return _merge_posts(Posts(top, bottom, coverage, evidence))


def coverage_evidence(coverage: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What a separator's coverage says for it: a line is unbroken, a stroke falls short of it."""
    weight = _LINE_WEIGHT * (coverage - _STROKE_COVERAGE)
    return np.asarray(np.maximum(weight, _LEAST_EVIDENCE))


def straightness(even: GreyImage, top: Points, bottom: Points) -> npt.NDArray[np.float64]:
    """(n,) 1 for ways along a ruled line, 0 for ways along a pen's stroke.

    A ruled line's middle keeps to a straight line within a third of a pixel; a
    stroke strays by a pixel and more. The middle is the centre of darkness across
    the way; a fifth of the way may be disturbed by what crosses it.
    """
    share = np.linspace(0.06, 0.94, SAMPLES)
    way = points_along(top, bottom, share)
    across = np.arange(-_STRAY, _STRAY + 1)
    column = np.rint(way[..., 0])
    x = np.clip(column[..., None] + across, 0, even.shape[1] - 1).astype(np.int64)
    y = np.clip(np.rint(way[..., 1]), 0, even.shape[0] - 1).astype(np.int64)
    brightness = even[y[..., None], x].astype(np.float32)
    # Squared, so that the line outweighs what is faintly printed beside it.
    darkness = np.square(brightness.max(axis=2, keepdims=True) - brightness)
    total = np.maximum(darkness.sum(axis=2), 1)
    offset = (darkness * across).sum(axis=2) / total + column - way[..., 0]
    half = SAMPLES // 2
    first, second = (np.median(part, axis=1) for part in (offset[:, :half], offset[:, half:]))
    tilt = (share - 0.28) / 0.44
    stray = np.abs(offset - first[:, None] - (second - first)[:, None] * tilt)
    typical = np.partition(stray, round(0.8 * SAMPLES), axis=1)[:, round(0.8 * SAMPLES)]
    straight = np.clip((_STROKE_STRAY - typical) / (_STROKE_STRAY - _LINE_STRAY), 0, 1)
    fall = bottom[:, 1] - top[:, 1]
    slant = (bottom[:, 0] - top[:, 0] + (second - first) / 0.44) / fall
    usual = float(np.median(slant[straight > 0.5])) if (straight > 0.5).any() else 0.0
    slanted = np.clip((np.abs(slant - usual) - _LINE_SLANT) / _LINE_SLANT, 0, 1)
    return np.asarray(straight * (1 - slanted))


def _is_among_nearest(upper: Indices, drop: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether a pair is one of the shortest from its upper junction."""
    order = np.lexsort((drop, upper))
    first = np.searchsorted(upper[order], upper[order], "left")
    rank = np.empty(len(upper), np.int64)
    rank[order] = np.arange(len(upper)) - first
    return np.asarray(rank < _MOST_BELOW)


def _merge_posts(posts: Posts) -> Posts:
    """Keep one of posts whose ends are nearly the same, the best ruled; sort by x."""
    order = np.argsort(-posts.evidence, kind="stable")
    ends = np.hstack([posts.top, posts.bottom])[order]  # (n, 4)
    seen: dict[tuple[int, int], list[int]] = {}
    kept: list[int] = []
    for i, end in enumerate(ends):
        cell = int(end[0] // TOLERANCE), int(end[1] // TOLERANCE)
        near = (
            k
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for k in seen.get((cell[0] + dx, cell[1] + dy), ())
        )
        if not any(np.abs(ends[k] - end).max() <= TOLERANCE for k in near):
            seen.setdefault(cell, []).append(i)
            kept.append(i)
    chosen = order[kept[:_MAX_POSTS]]
    return posts.select(chosen[np.argsort(posts.top[chosen, 0], kind="stable")])
