"""Digit boxes of an upright page: rows of equal boxes, on their printed lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.forms.box_network import shipped_network
from formreader.forms.detector import Detections, find_peaks
from formreader.forms.lattice import rows_of
from formreader.forms.refine import refine_rows
from formreader.forms.rows import Row
from formreader.types import GreyImage

# Score from which a place that is no box of a row is worth a remark.
_WORTH_A_REMARK = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class FoundRows:
    """Rows of boxes, in any order, and places that were too little like a box, (m, 4, 2) pixels."""

    rows: list[Row]
    faint: npt.NDArray[np.float64]


def find_rows(even: GreyImage) -> FoundRows:
    """Rows of equal boxes on an upright, evenly lit page, (h, w) uint8."""
    maps = shipped_network().maps(even)
    found = find_peaks(maps)
    rows = refine_rows(even, rows_of(found, maps))
    return FoundRows(rows, _left_over(found, rows))


def _left_over(found: Detections, rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Corners of what was detected in none of the rows' boxes."""
    seen = found.select(found.scores >= _WORTH_A_REMARK)
    corners = np.concatenate([np.zeros((0, 4, 2)), *(row.corners for row in rows)])
    low, high = corners.min(axis=1), corners.max(axis=1)
    middle = seen.centres[:, None]
    free = ~((middle > low) & (middle < high)).all(axis=2).any(axis=1)
    rest = seen.select(free)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return np.asarray(rest.centres[:, None] + half * rest.sizes[:, None])
