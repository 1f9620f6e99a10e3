"""Find rows of equal boxes, snapped to their printed lines, and cells on an upright page.

The network detects boxes with sides of 10 to 65 pixels, and is surest at about 20. For most forms
one pass over the reduced page is enough. If boxes are small, large or doubtful, a second pass
follows at a scale that suits them, and the better one counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.box_network import BoxNetwork
from formreader.detect.cell_maps import FoundCells, find_cells, without_overlaps
from formreader.detect.line_snapping import snap_rows_to_lines
from formreader.detect.open_tables import divide_open_tables
from formreader.detect.peaks import Detections, Maps, find_peaks
from formreader.detect.row_assembly import assemble_rows
from formreader.detect.rows import Row, corners_of, middle

FIRST_SCALE = 0.75
_FALLBACK_SCALES = (1.0, 0.35, 1.6)
"""Scale of the page in the first pass, and in those that follow if the first one finds candidates
but no row. No record of a measurement."""

_MIN_INTERPOLATION_SCALE = 0.7
"""Below this scale the page is reduced by averaging areas. Interpolation, which the network was
trained with, is five times as fast, but skips pixels at smaller scales."""

_MIN_CLEAR_SIDE, _MAX_CLEAR_SIDE = 14.0, 42.0
_BEST_SIDE = 22.0
"""Range of the median side of the boxes, in pixels of the scaled page. Outside of it a second pass
follows, at the scale that brings the median to the best side. No record of a measurement."""

_MIN_SCALE_CHANGE = 0.1
"""Least relative difference in scale of a second pass. A smaller one is not worth its time."""

_MAX_UNLIKELY_SHARE = 0.12
"""Expected share of false boxes above which a second pass follows at full scale. No record of a
measurement."""

_MIN_CLEAR_CELL_HEIGHT, _MAX_CLEAR_CELL_HEIGHT = 14.0, 48.0
_BEST_CELL_HEIGHT = 32.0
"""Range of the median height of the cells, in pixels of the scaled page. Outside of it a second
pass follows, at the scale that brings the median to the best height. Nine in ten training cells are
lower than the upper limit. On `numbers/composed` a cell is found for 10 more of 1,917 numbers than
with an upper limit of 100."""

_MAX_RESCALED_PIXELS = 1_300_000
"""Largest number of pixels of the page in a further pass, to limit time."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundRows:
    """Rows of boxes and cells in any order, and `faint`: candidates that are in no row.

    `faint` are corners, (m, 4, 2), in pixels of the page.
    """

    rows: list[Row]
    faint: npt.NDArray[np.float64]
    cells: FoundCells


def find_rows(even: GreyImage, network: BoxNetwork) -> FoundRows:
    """Find the rows of equal boxes and the cells on an upright, evenly lit page, (h, w) uint8."""
    best = first = _detect(even, network, FIRST_SCALE)
    for scale in _further_scales(first, even.size):
        best = max(best, _detect(even, network, scale), key=lambda one: one.worth)
        if best.rows:
            break
    rows = snap_rows_to_lines(even, best.rows)
    cells = without_overlaps(_cells(even, network, first))
    return FoundRows(rows, _outside_rows(best.found, rows), divide_open_tables(even, cells))


def _cells(even: GreyImage, network: BoxNetwork, first: _Pass) -> FoundCells:
    """The cells of the first pass, or of a second one at a scale that suits their heights."""
    if not len(first.cells):
        return first.cells
    height = float(np.median(first.cells.heights)) * first.scale
    if _MIN_CLEAR_CELL_HEIGHT <= height <= _MAX_CLEAR_CELL_HEIGHT:
        return first.cells
    scale = min(first.scale * _BEST_CELL_HEIGHT / height, _largest_scale(even.size))
    if abs(scale / first.scale - 1) <= _MIN_SCALE_CHANGE:
        return first.cells
    return max(first.cells, _look(even, network, scale).cells(), key=len)


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """What the network finds at one scale, in pixels of the page."""

    scale: float
    rows: list[Row]
    found: Detections
    cells: FoundCells

    @property
    def worth(self) -> float:
        """Quality of the pass: half of (expected right boxes minus expected wrong boxes)."""
        return sum(len(row) * (row.probability - 0.5) for row in self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """The network's maps of a scaled page, and the `factors`, (2,), it was scaled by.

    Results of the methods are in pixels of the unscaled page.
    """

    maps: Maps
    factors: npt.NDArray[np.float64]

    def on_page(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Convert points (..., 2) of the scaled page to pixels of the page."""
        return np.asarray((points + 0.5) / self.factors - 0.5)

    def cells(self) -> FoundCells:
        cells = find_cells(self.maps)
        return replace(cells, corners=self.on_page(cells.corners))


def _look(even: GreyImage, network: BoxNetwork, scale: float) -> _Look:
    shown = scaled(even, scale)
    return _Look(network.maps(shown), np.array(shown.shape[::-1]) / even.shape[::-1])


def _detect(even: GreyImage, network: BoxNetwork, scale: float) -> _Pass:
    look = _look(even, network, scale)
    found = find_peaks(look.maps)
    rows = assemble_rows(found, look.maps, network.decisions.rows)
    return _Pass(
        scale,
        [replace(row, corners=look.on_page(row.corners)) for row in rows],
        Detections(look.on_page(found.centres), found.sizes / look.factors, found.scores),
        look.cells(),
    )


def scaled(even: GreyImage, scale: float) -> GreyImage:
    """The page at another scale, as input of the network."""
    if scale == 1:
        return even
    method = cv2.INTER_AREA if scale < _MIN_INTERPOLATION_SCALE else cv2.INTER_LINEAR
    height, width = (max(round(side * scale), 1) for side in even.shape)
    return np.asarray(cv2.resize(even, (width, height), interpolation=method), np.uint8)


def _further_scales(first: _Pass, pixels: int) -> list[float]:
    """Scales of further passes over a page with this number of pixels; empty if none is needed."""
    largest = _largest_scale(pixels)
    if not first.rows:
        return [scale for scale in _FALLBACK_SCALES if scale <= largest] if len(first.found) else []
    sides = [math.sqrt(math.prod(row.size)) for row in first.rows]
    side = middle(np.repeat(sides, [len(row) for row in first.rows])) * first.scale
    if not _MIN_CLEAR_SIDE <= side <= _MAX_CLEAR_SIDE:
        scale = min(first.scale * _BEST_SIDE / side, largest)
        return [scale] if abs(scale / first.scale - 1) > _MIN_SCALE_CHANGE else []
    boxes = sum(map(len, first.rows))
    unlikely = sum(len(row) * (1 - row.probability) for row in first.rows)
    return [1.0] if unlikely > _MAX_UNLIKELY_SHARE * boxes and largest >= 1 else []


def _largest_scale(pixels: int) -> float:
    """The largest scale of a further pass over a page with this number of pixels."""
    return math.sqrt(_MAX_RESCALED_PIXELS / max(pixels, 1))


def _outside_rows(found: Detections, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """(m, 4, 2) corners of the candidates whose centre is in no box of the rows."""
    corners = corners_of(rows)
    low, high = corners.min(axis=1), corners.max(axis=1)
    within = np.ones((len(found), len(corners)), np.bool_)
    for axis in (0, 1):  # numpy is slow where the last axis is short
        centres = found.centres[:, axis, None]
        within &= (centres > low[:, axis]) & (centres < high[:, axis])
    rest = found.select(np.asarray(~within.any(axis=1)))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return np.asarray(rest.centres[:, None] + half * rest.sizes[:, None])
