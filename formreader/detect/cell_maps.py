"""Cells for whole numbers in the maps that the network makes of a page.

For each place of the maps the network predicts whether it is in the core of a cell, and how far the
cell's edges are. The cores of neighbours do not touch, so each connected component is one cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import REFERENCE_SIDE, STRIDE, Maps

CELL_CHANNELS = slice(5, 10)
"""Channels of the maps: the logit that a place is in the core of a cell, then the distances to the
cell's left, upper, right and lower edge in units of `REFERENCE_SIDE`."""

EDGE_REACH = 2.0
"""Largest distance to an edge that the network predicts, in units of `REFERENCE_SIDE`."""

_CORE_MARGIN_SHARE, _MAX_CORE_MARGIN = 0.22, 10.0
"""Margin between a cell's edge and its core: a share of the shorter side, and the limit in pixels.
It is wide enough to keep the cores of two cells apart that share a line."""

_MIN_CORE_PLACES = 2
"""Least number of places in a core. No record of a measurement, here and down to `_MAX_SLOPE`."""

_MIN_SPREAD_FOR_SLOPE = 20.0
_MAX_SLOPE = 0.06
"""A core's upper and lower edge may be tilted if the standard deviation of its places along x is at
least the first, in pixels. The second limits the slope, as pages are straightened before. The left
and right edge are too short to show a tilt."""

_MAX_OVERLAP = 0.4
"""Cells may overlap by this share of the smaller one. If they overlap more, the one with the lower
score is dropped. No record of a measurement, here and below."""

_MIN_SAME_ROW, _MAX_SHARED_WIDTH = 0.6, 0.1
"""Two cells are in one row if they share this much of the smaller height. There they may share this
much of the smaller width, as edges are not exact. Cells one below the other may share more."""

_Line: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(n,) offsets and (n,) slopes of n lines that run nearly along one axis."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundCells:
    """Cells in pixels: `corners` are (n, 4, 2), clockwise from the top left, `scores` (n,) in 0..1.

    A score is the mean probability over the cell's core. `doubtful` (n,) marks cells of which a
    part may be missing.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    doubtful: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, chosen: npt.NDArray[np.bool_]) -> FoundCells:
        """The cells whose flag, (n,), is set."""
        return FoundCells(self.corners[chosen], self.scores[chosen], self.doubtful[chosen])

    def with_more(self, others: FoundCells) -> FoundCells:
        """These cells, and others after them."""
        return FoundCells(
            np.concatenate([self.corners, others.corners]),
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.doubtful, others.doubtful]),
        )

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        """(n,) heights in pixels."""
        return np.asarray(np.linalg.norm(self.corners[:, 3] - self.corners[:, 0], axis=1))


def core_margin(side: float) -> float:
    """Distance in pixels from the edges of a cell with this shorter `side` to its core."""
    return min(_CORE_MARGIN_SHARE * side, _MAX_CORE_MARGIN)


def find_cells(maps: Maps) -> FoundCells:
    """The cells in the network's maps of a page, in pixels of the page, in no particular order.

    Their edges are those that the network predicts. They are not moved onto lines, because ink
    decides what belongs to a number (`crop.number_strips`).
    """
    logit, *edges = maps[CELL_CHANNELS]
    core = (logit > 0).astype(np.uint8)
    count, labels = cv2.connectedComponents(core, connectivity=4)
    y, x = np.nonzero(labels)
    places = _Places(
        labels[y, x] - 1,
        count - 1,
        (np.asarray(x, np.float64) + 0.5) * STRIDE - 0.5,
        (np.asarray(y, np.float64) + 0.5) * STRIDE - 0.5,
    )
    left, top, right, bottom = (np.asarray(edge[y, x], np.float64) for edge in edges)
    upper, lower = places.line_across(top, -1), places.line_across(bottom, 1)
    before, after = places.line_down(left, -1), places.line_down(right, 1)
    corners = np.stack(
        [
            _crossing(upper, before),
            _crossing(upper, after),
            _crossing(lower, after),
            _crossing(lower, before),
        ],
        axis=1,
    )
    scores = places.mean(1 / (1 + np.exp(-np.asarray(logit[y, x], np.float64))))
    sides = corners[:, 2] - corners[:, 0]
    whole = np.bincount(places.of, minlength=count - 1) >= _MIN_CORE_PLACES
    whole &= (sides > STRIDE).all(axis=1)
    return FoundCells(corners[whole], scores[whole], np.zeros(int(whole.sum()), np.bool_))


def without_overlaps(cells: FoundCells) -> FoundCells:
    """Non-maximum suppression: of cells that overlap, keep the one with the best score.

    A digit can break the core of a cell. Then each part of the core becomes a cell, so cells that
    overlap in one row are `doubtful`.
    """
    # Axis by axis: numpy is slow where the last axis is short.
    (left, top), (right, bottom) = cells.corners.min(axis=1).T, cells.corners.max(axis=1).T
    left, top, right, bottom = (np.ascontiguousarray(one) for one in (left, top, right, bottom))
    width, height = right - left, bottom - top
    area = width * height
    kept, overlaps = np.ones(len(cells), np.bool_), np.zeros(len(cells), np.bool_)
    for i in np.argsort(-cells.scores, kind="stable").tolist():
        if not kept[i]:
            continue
        near = (left < right[i]) & (right > left[i]) & (top < bottom[i]) & (bottom > top[i])
        near[i] = False
        at = np.flatnonzero(near)  # no other cell overlaps it
        across = np.minimum(right[i], right[at]) - np.maximum(left[i], left[at])
        down = np.minimum(bottom[i], bottom[at]) - np.maximum(top[i], top[at])
        in_row = down / np.minimum(height[at], height[i]) > _MIN_SAME_ROW
        in_row &= across / np.minimum(width[at], width[i]) > _MAX_SHARED_WIDTH
        overlaps[at] |= in_row
        overlaps[i] |= bool(in_row.any())
        rivals = across * down > _MAX_OVERLAP * np.minimum(area[at], area[i])
        kept[at[rivals]] = False
    return replace(cells, doubtful=cells.doubtful | overlaps).select(kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The places of `count` cores: `of` is each place's core, `x` and `y` are in pixels."""

    of: npt.NDArray[np.int32]
    count: int
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]

    def mean(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(count,) means of the places' values."""
        total = np.bincount(self.of, values, self.count)
        return np.asarray(total / np.bincount(self.of, minlength=self.count))

    def line_across(self, distance: npt.NDArray[np.float64], side: int) -> _Line:
        """Fit a line to the upper (side -1) or lower (1) edge of each core by least squares.

        The outermost place of each column gives the position of the edge.
        """
        chosen = np.lexsort((-side * self.y, self.x, self.of))
        of, x = self.of[chosen], self.x[chosen]
        first = np.ones(len(of), np.bool_)
        first[1:] = (of[1:] != of[:-1]) | (x[1:] != x[:-1])
        outer = self._some(chosen[first])
        edge = outer.y + side * REFERENCE_SIDE * distance[chosen[first]]
        middle, level = outer.mean(outer.x), outer.mean(edge)
        away = outer.x - middle[outer.of]
        spread = outer.mean(away**2)
        slope = outer.mean(away * (edge - level[outer.of])) / np.maximum(spread, 1e-9)
        tilted = spread >= _MIN_SPREAD_FOR_SLOPE**2
        slope = np.where(tilted, np.clip(slope, -_MAX_SLOPE, _MAX_SLOPE), 0)
        return level - slope * middle, slope

    def line_down(self, distance: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
        """(count,) x of the left (side -1) or right (1) edge of each core.

        The places of the core's two outermost columns give the position of the edge.
        """
        furthest = np.full(self.count, -np.inf)
        np.maximum.at(furthest, self.of, side * self.x)
        chosen = np.flatnonzero(side * self.x > furthest[self.of] - 1.5 * STRIDE)
        outer = self._some(chosen)
        return outer.mean(outer.x + side * REFERENCE_SIDE * distance[chosen])

    def _some(self, chosen: npt.NDArray[np.int64]) -> _Places:
        return _Places(self.of[chosen], self.count, self.x[chosen], self.y[chosen])


def _crossing(across: _Line, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 2) points of n lines y = a + b x at x, (n,)."""
    a, b = across
    return np.stack([x, a + b * x], axis=1)
