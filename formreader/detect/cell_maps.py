"""Cells for whole numbers in the maps that the network makes of a page.

The network tells which places lie in the core of a cell, and how far the cell's edges are. Cores of
neighbours do not meet, so that each connected area is one cell.
"""

from __future__ import annotations

from dataclasses import dataclass
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


_MIN_PLACES_FOR_SLOPE = 6
_MAX_SLOPE = 0.06
"""Places along an edge from which on it may be tilted, and the limit of its slope: pages are
straightened before."""

_Line: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(n,) offsets and slopes of n lines, near one axis."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundCells:
    """Cells in pixels: `corners` are (n, 4, 2), clockwise from the top left, `scores` (n,) in 0..1.

    A score is the mean probability of the cell's core.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def heights(self) -> npt.NDArray[np.float64]:
        """(n,) heights in pixels."""
        return np.asarray(np.linalg.norm(self.corners[:, 3] - self.corners[:, 0], axis=1))


def core_margin(side: float) -> float:
    """Width in pixels of the margin that the core of a cell lacks on each side."""
    return min(_CORE_MARGIN_SHARE * side, _MAX_CORE_MARGIN)


def find_cells(maps: Maps) -> FoundCells:
    """The cells in the network's maps of a page, in its pixels and in no particular order."""
    logit, *edges = maps[CELL_CHANNELS]
    core = (logit > _MIN_CORE_LOGIT).astype(np.uint8)
    count, labels = cv2.connectedComponents(core, connectivity=4)
    y, x = np.nonzero(labels)  # by rows, from the top
    part = labels[y, x] - 1
    places = np.bincount(part, minlength=count - 1)
    left, top, right, bottom = (REFERENCE_SIDE * edge[y, x].astype(np.float64) for edge in edges)
    px, py = ((np.asarray(at, np.float64) + 0.5) * STRIDE - 0.5 for at in (x, y))
    lines = (
        _edge_line(part, y, x, py - top, px, count - 1, first=True),
        _edge_line(part, x, y, px + right, py, count - 1, first=False),
        _edge_line(part, y, x, py + bottom, px, count - 1, first=False),
        _edge_line(part, x, y, px - left, py, count - 1, first=True),
    )
    corners = np.stack(
        [
            _crossing(lines[0], lines[3]),
            _crossing(lines[0], lines[1]),
            _crossing(lines[2], lines[1]),
            _crossing(lines[2], lines[3]),
        ],
        axis=1,
    )
    share = 1 / (1 + np.exp(-logit[y, x].astype(np.float64)))
    scores = np.bincount(part, share, minlength=count - 1) / np.maximum(places, 1)
    sides = corners[:, 2] - corners[:, 0]
    whole = (places >= _MIN_CORE_PLACES) & (sides > STRIDE).all(axis=1)
    return FoundCells(corners[whole], scores[whole])


def _edge_line(
    part: npt.NDArray[np.int32],
    depth: npt.NDArray[np.int64],
    along: npt.NDArray[np.int64],
    value: npt.NDArray[np.float64],
    position: npt.NDArray[np.float64],
    count: int,
    *,
    first: bool,
) -> _Line:
    """Fit a line to one edge of each core by least squares, from the places next to that edge.

    `depth` is each place's coordinate across the edge, `along` that along it. `value` is where the
    network sees the edge from there, at `position` along it. `first` tells whether the edge lies
    at small depths.
    """
    order = np.lexsort((depth if first else -depth, along, part))
    part, along, value, position = part[order], along[order], value[order], position[order]
    nearest = np.ones(len(part), np.bool_)
    nearest[1:] = (part[1:] != part[:-1]) | (along[1:] != along[:-1])
    part, value, position = part[nearest], value[nearest], position[nearest]
    n = np.maximum(np.bincount(part, minlength=count), 1)
    mean = np.bincount(part, position, count) / n
    level = np.bincount(part, value, count) / n
    away = position - mean[part]
    spread = np.bincount(part, away**2, count)
    slope = np.bincount(part, away * (value - level[part]), count) / np.maximum(spread, 1e-9)
    slope = np.where(n >= _MIN_PLACES_FOR_SLOPE, np.clip(slope, -_MAX_SLOPE, _MAX_SLOPE), 0.0)
    return level - slope * mean, slope


def _crossing(across: _Line, down: _Line) -> npt.NDArray[np.float64]:
    """(n, 2) where n lines across, y = a + b x, meet n lines down, x = c + d y."""
    (a, b), (c, d) = across, down
    y = (a + b * c) / (1 - b * d)
    return np.stack([c + d * y, y], axis=1)
