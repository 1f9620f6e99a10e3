"""Boxes side by side made regular: one size, one line, equal steps; and no two in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.forms.rows import Row, middle

# Middles that keep to equal steps within this share of a width are put there.
_EVEN = 0.12

# Boxes whose step is hardly more than their width share their separators.
_SHARED = 1.07

# Boxes of two rows may share this part of the smaller one.
_MOST_SHARED = 0.3

# Rows of at least this many boxes may be curved: curled paper.
_CURVED_FROM = 6


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Boxes side by side: `centres` and `sizes` (n, 2), `scores` (n,), in pixels."""

    centres: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    @property
    def size(self) -> tuple[float, float]:
        """Typical width and height."""
        return middle(self.sizes[:, 0]), middle(self.sizes[:, 1])


def regular_row(part: Part) -> Row:
    """Boxes of one size on one line, with equal steps where they nearly are."""
    x, y = part.centres.T
    width, height = part.size
    step, slope = width, 0.0
    if len(x) > 1:
        y = np.polyval(np.polyfit(x, y, 2 if len(x) >= _CURVED_FROM else 1), x)
        number = np.arange(len(x))
        step, first = np.polyfit(number, x, 1)
        even = first + step * number
        if np.abs(even - x).max() < _EVEN * width:
            x = even
        slope = float((y[-1] - y[0]) / (x[-1] - x[0]))
    if len(x) > 1 and step < _SHARED * width:
        width = step
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (width, height)
    half[:, 1] += slope * half[:, 0]
    return Row(np.column_stack([x, y])[:, None] + half, part.scores)


def without_overlaps(rows: Sequence[Row]) -> list[Row]:
    """Of rows in one place the one that is seen better, without what overlaps it of the other."""
    kept: list[Row] = []
    low, high = np.zeros((0, 2)), np.zeros((0, 2))
    for row in sorted(rows, key=lambda row: -float(row.scores.sum())):
        first, last = row.corners.min(axis=1), row.corners.max(axis=1)
        shared = np.minimum(last[:, None], high) - np.maximum(first[:, None], low)
        areas = np.clip(shared, 0, None).prod(axis=2)
        smaller = np.minimum((last - first).prod(axis=1)[:, None], (high - low).prod(axis=1))
        free = ~(areas > _MOST_SHARED * smaller).any(axis=1)
        runs = np.split(np.arange(len(row)), np.flatnonzero(np.diff(free)) + 1)
        kept += [Row(row.corners[run], row.scores[run]) for run in runs if free[run[0]]]
        low, high = np.concatenate([low, first[free]]), np.concatenate([high, last[free]])
    return kept
