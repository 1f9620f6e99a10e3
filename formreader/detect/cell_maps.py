"""Cells for whole numbers in the maps that the network makes of a page.

The network tells which places lie in the core of a cell, and how far the cell's edges are. Cores of
neighbours do not meet, so that each connected area is one cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.detect.peaks import REFERENCE_SIDE, STRIDE, Maps

CELL_CHANNELS = slice(5, 10)
"""Channels of the maps: the logit of this place being in the core of a cell, and the distances to
the cell's left, upper, right and lower edge in units of `REFERENCE_SIDE`."""

EDGE_REACH = 2.0
"""Distance in units of `REFERENCE_SIDE` up to which the network tells how far an edge is."""

_CORE_MARGIN_SHARE, _MAX_CORE_MARGIN = 0.22, 10.0
"""Margin of a cell around its core, as a share of the shorter side, and its limit in pixels: wide
enough that the cores of two cells that share a line do not meet in the maps."""

_MIN_CORE_LOGIT = 0.0
"""Logit from which a place counts as the core of a cell: that of one half."""

_MIN_CORE_PLACES = 2
"""Places of the maps that a core has at least."""


_MIN_SPREAD_FOR_SLOPE = 20.0
_MAX_SLOPE = 0.06
"""Spread of a core's places in pixels, as a standard deviation, from which its upper and lower edge
may be tilted, and the limit of their slope: pages are straightened before. The edges left and
right are too short to show a tilt."""

_MAX_OVERLAP = 0.4
"""Share of the smaller of two cells that they may have in common; of more only one is there. No
record of a measurement, here and below."""

_MIN_SAME_ROW, _MAX_SHARED_WIDTH = 0.6, 0.1
"""Two cells are in one row from this common share of the smaller height on. There they may have
this share of the smaller width in common, as edges are not exact; cells one below the other may
have more."""

_Line: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(n,) offsets and slopes of n lines, near one axis."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundCells:
    """Cells in pixels: `corners` are (n, 4, 2), clockwise from the top left, `scores` (n,) in 0..1.

    A score is the mean probability of the cell's core. `doubtful`, (n,): a part of the cell may be
    missing.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    doubtful: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, chosen: npt.NDArray[np.bool_]) -> FoundCells:
        """The cells that are chosen by (n,) flags."""
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
    """Width in pixels of the margin that the core of a cell lacks on each side."""
    return min(_CORE_MARGIN_SHARE * side, _MAX_CORE_MARGIN)


def find_cells(maps: Maps) -> FoundCells:
    """The cells in the network's maps of a page, in its pixels and in no particular order.

    Their edges are where the network sees them. Lines need not be searched for there: what belongs
    to a number is decided by its ink (`crop.number_strips`).
    """
    logit, *edges = maps[CELL_CHANNELS]
    core = (logit > _MIN_CORE_LOGIT).astype(np.uint8)
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
    """Of cells that overlap those with the best scores; of these some may lack a part.

    Where a digit breaks the core of a cell, each part of the core becomes a cell.
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
        at = np.flatnonzero(near)  # all others have nothing in common with it
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
    """The places of all cores: `of` is the core of each, one of `count`; `x` and `y` in pixels."""

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

        The outermost place of each column says where the edge is.
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

        The places of its two outermost columns say where the edge is.
        """
        furthest = np.full(self.count, -np.inf)
        np.maximum.at(furthest, self.of, side * self.x)
        chosen = np.flatnonzero(side * self.x > furthest[self.of] - 1.5 * STRIDE)
        outer = self._some(chosen)
        return outer.mean(outer.x + side * REFERENCE_SIDE * distance[chosen])

    def _some(self, chosen: npt.NDArray[np.int64]) -> _Places:
        return _Places(self.of[chosen], self.count, self.x[chosen], self.y[chosen])


def _crossing(across: _Line, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n, 2) where n lines across, y = a + b x, are at x."""
    a, b = across
    return np.stack([x, a + b * x], axis=1)
