"""Digit boxes of an upright page: rows of equal boxes, on their printed lines.

The network sees boxes of some 10 to 65 pixels, and is sure of those of about 20. Most forms
are read in one look at a reduced page; where boxes are small, large or doubtful a second
look follows at the scale that suits them, and the better one counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.box_network import BoxNetwork, shipped_network
from formreader.detect.line_snapping import refine_rows
from formreader.detect.peaks import Detections, find_peaks
from formreader.detect.row_assembly import rows_of
from formreader.detect.rows import Row, middle

# How much the page is reduced for the first look, and for further ones where that shows
# no row but something like a box.
_FIRST = 0.75
_OTHERS = (1.0, 0.35, 1.6)

# Interpolation, as the network was trained with, is five times as quick as averaging areas,
# but drops pixels where it reduces by more than this.
_AREA_BELOW = 0.7

# Sides of boxes, in pixels that the network sees, beyond which it looks again, and the
# side they shall have then.
_SMALL, _LARGE, _GOOD = 14.0, 42.0, 22.0

# A look is doubtful where more than this part of its boxes has a lower score than this.
_DOUBTFUL_SCORE, _MOST_DOUBTFUL = 0.5, 0.12

# Most pixels that a further look may have: more would take too long.
_MOST_PIXELS = 1_300_000

# Score from which a place that is no box of a row is worth a remark, or a further look.
_WORTH_A_REMARK = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class FoundRows:
    """Rows of boxes, in any order, and places that were too little like a box, (m, 4, 2) pixels."""

    rows: list[Row]
    faint: npt.NDArray[np.float64]


def find_rows(even: GreyImage) -> FoundRows:
    """Rows of equal boxes on an upright, evenly lit page, (h, w) uint8."""
    network = shipped_network()
    best = _look(even, network, _FIRST)
    for scale in _further_scales(best, even.size):
        look = _look(even, network, scale)
        best = max(best, look, key=lambda one: one.worth)
        if best.rows:
            break
    rows = refine_rows(even, best.rows)
    return FoundRows(rows, _left_over(best.found, rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What the network shows at one scale; rows and detections in pixels of the page."""

    scale: float
    rows: list[Row]
    found: Detections

    @property
    def worth(self) -> float:
        """The boxes that it shows, each as far as it is more likely one than not."""
        return sum(float((row.scores - _DOUBTFUL_SCORE).sum()) for row in self.rows)


def _look(even: GreyImage, network: BoxNetwork, scale: float) -> _Look:
    seen = _scaled(even, scale)
    maps = network.maps(seen)
    found = find_peaks(maps)
    rows = rows_of(found, maps)
    factors = np.array(seen.shape[::-1]) / even.shape[::-1]
    return _Look(
        scale,
        [Row((row.corners + 0.5) / factors - 0.5, row.scores) for row in rows],
        Detections((found.centres + 0.5) / factors - 0.5, found.sizes / factors, found.scores),
    )


def _scaled(even: GreyImage, scale: float) -> GreyImage:
    if scale == 1:
        return even
    method = cv2.INTER_AREA if scale < _AREA_BELOW else cv2.INTER_LINEAR
    height, width = (max(round(side * scale), 1) for side in even.shape)
    return np.asarray(cv2.resize(even, (width, height), interpolation=method), np.uint8)


def _further_scales(look: _Look, pixels: int) -> list[float]:
    """Scales at which to look again, none where the first look was good enough."""
    largest = math.sqrt(_MOST_PIXELS / max(pixels, 1))
    if not look.rows:
        seen = bool((look.found.scores >= _WORTH_A_REMARK).any())
        return [scale for scale in _OTHERS if scale <= largest] if seen else []
    sides = np.concatenate([np.full(len(row), math.sqrt(math.prod(row.size))) for row in look.rows])
    side = middle(sides) * look.scale
    if not _SMALL <= side <= _LARGE:
        scale = min(look.scale * _GOOD / side, largest)
        return [scale] if abs(scale / look.scale - 1) > 0.1 else []
    scores = np.concatenate([row.scores for row in look.rows])
    doubtful = float((scores < _DOUBTFUL_SCORE).mean()) > _MOST_DOUBTFUL
    return [1.0] if doubtful and largest >= 1 else []


def _left_over(found: Detections, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Corners of what was detected in none of the rows' boxes."""
    seen = found.select(found.scores >= _WORTH_A_REMARK)
    corners = np.concatenate([np.zeros((0, 4, 2)), *(row.corners for row in rows)])
    low, high = corners.min(axis=1), corners.max(axis=1)
    within = np.ones((len(seen), len(corners)), np.bool_)
    for axis in (0, 1):  # numpy is slow where the last axis is short
        centres = seen.centres[:, axis, None]
        within &= (centres > low[:, axis]) & (centres < high[:, axis])
    rest = seen.select(np.asarray(~within.any(axis=1)))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return np.asarray(rest.centres[:, None] + half * rest.sizes[:, None])
