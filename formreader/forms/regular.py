"""Boxes side by side made regular: one size, one line, equal steps; and no two in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from formreader.forms.rows import Row

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
    """Boxes side by side: `centres` and `sizes` (n, 2), `scores` (n,), in pixels.

    `width` and `height` are those of a typical box, `first` and `last` the middles of the
    outer ones (derived).
    """

    centres: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    width: float = field(init=False)
    height: float = field(init=False)
    first: tuple[float, float] = field(init=False)
    last: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        width, height = np.sort(self.sizes, axis=0)[len(self.sizes) // 2].tolist()
        ends = self.centres[[0, -1]].tolist()
        for name, value in (("width", width), ("height", height)):
            object.__setattr__(self, name, value)
        for name, (x, y) in zip(("first", "last"), ends, strict=True):
            object.__setattr__(self, name, (x, y))


def regular_row(part: Part) -> Row:
    """Boxes of one size on one line, with equal steps where they nearly are."""
    x, y = part.centres.T
    width, height = part.width, part.height
    step, slope = width, 0.0
    if len(x) > 1:
        y = _smooth(x, y)
        number = np.arange(len(x), dtype=np.float64)
        step = _slope(number, x)
        even = x.mean() + step * (number - number.mean())
        if np.abs(even - x).max() < _EVEN * width:
            x = even
        slope = float((y[-1] - y[0]) / (x[-1] - x[0]))
    if len(x) > 1 and step < _SHARED * width:
        width = step
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * (width, height)
    half[:, 1] += slope * half[:, 0]
    return Row(np.column_stack([x, y])[:, None] + half, part.scores)


def _slope(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Slope of the straight line of least squares."""
    aside = x - x.mean()
    return float(aside @ y / (aside @ aside))


def _smooth(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """y on the straight line of least squares, on the parabola where there are enough points."""
    aside = x - x.mean()
    smooth = y.mean() + _slope(x, y) * aside
    if len(x) >= _CURVED_FROM:
        # The part of a square that a straight line does not have.
        square = aside**2
        square -= square.mean() + _slope(x, square) * aside
        smooth += square @ y / (square @ square) * square
    return np.asarray(smooth)


def without_overlaps(rows: Sequence[Row]) -> list[Row]:
    """Of rows in one place the one that is seen better, without what overlaps it of the other."""
    ranked = sorted(rows, key=lambda row: -float(row.scores.sum()))
    if not ranked:
        return []
    owner = np.repeat(np.arange(len(ranked)), [len(row) for row in ranked])
    corners = np.concatenate([row.corners for row in ranked])
    low, high = corners.min(axis=1), corners.max(axis=1)
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    areas = (high - low).prod(axis=1)
    overlap = np.clip(shared, 0, None).prod(axis=2) / np.minimum(areas[:, None], areas)
    conflict = (overlap > _MOST_SHARED) & (owner[:, None] > owner)
    free = np.ones(len(owner), np.bool_)
    for box in np.flatnonzero(conflict.any(axis=1)).tolist():  # better rows come first
        free[box] = not (conflict[box] & free).any()
    kept = []
    for i, row in enumerate(ranked):
        left = free[owner == i]
        if left.all():
            kept.append(row)
        else:
            runs = np.split(np.arange(len(row)), np.flatnonzero(np.diff(left)) + 1)
            kept += [Row(row.corners[run], row.scores[run]) for run in runs if left[run[0]]]
    return kept
