"""Fit rows to boxes side by side: one size, one line, equal steps, no overlapping rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.detect.groups import Groups
from formreader.detect.rows import Row

_Floats: TypeAlias = npt.NDArray[np.float64]

_MAX_STEP_ERROR = 0.12
"""A row has equal steps if all its box centres are closer to them than this, in box widths.

This threshold and those below were chosen on 120 pages of the project's own renderer."""

_MAX_COMB_STEP = 1.07
"""A row with a smaller step, in box widths, is a comb: its boxes share their separators."""

_MAX_BOX_OVERLAP = 0.3
"""Largest overlap of boxes of different rows, as a share of the smaller box."""

_MIN_BOXES_OF_CURVE = 6
"""Least number of boxes of a row that is fitted by a parabola, for curled paper; shorter rows are
fitted by a line."""


@dataclass(frozen=True, slots=True, eq=False)
class RowPart:
    """Boxes side by side: `centres` and `sizes` (n, 2) in pixels, `scores` (n,).

    `probability` is that of being a row of boxes. Derived: `width` and `height` are medians,
    `first` and `last` are the centres of the outer boxes.
    """

    centres: _Floats
    sizes: _Floats
    scores: _Floats
    probability: float = 1.0
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


def fit_rows(parts: Sequence[RowPart]) -> list[Row]:
    """Fit a row to each part: boxes of one size on one line, with equal steps if nearly equal."""
    if not parts:
        return []
    groups = Groups(np.array([len(part.scores) for part in parts]))
    x, y = np.concatenate([part.centres for part in parts]).T
    width, height = np.array([(part.width, part.height) for part in parts]).T
    y = _fitted_levels(x, y, groups)
    number = groups.deviations(np.arange(len(x), dtype=np.float64))
    step = groups.slope(number, x)
    even = groups.mean(x) + step[groups.owner] * number
    uneven = np.maximum.reduceat(np.abs(even - x), groups.first) >= _MAX_STEP_ERROR * width
    x = np.where(uneven[groups.owner], x, even)
    rise, run = y[groups.last] - y[groups.first], x[groups.last] - x[groups.first]
    alone = groups.lengths == 1
    slope = rise / np.where(alone, 1.0, run)
    width = np.where(~alone & (step < _MAX_COMB_STEP * width), step, width)
    half = (
        np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * np.stack([width, height], 1)[:, None]
    )
    half[..., 1] += slope[:, None] * half[..., 0]
    corners = np.stack([x, y], 1)[:, None] + half[groups.owner]
    places = np.split(corners, groups.first[1:])
    return [
        Row(place, part.scores, part.probability) for place, part in zip(places, parts, strict=True)
    ]


def _fitted_levels(x: _Floats, y: _Floats, groups: Groups) -> _Floats:
    """(n,) y on the least-squares line, or on the parabola if a row has enough boxes."""
    aside = groups.deviations(x)
    line = groups.mean(y) + groups.slope(aside, y)[groups.owner] * aside
    # The quadratic term, made orthogonal to the constant and the linear term.
    square = groups.deviations(aside**2)
    square -= groups.slope(aside, square)[groups.owner] * aside
    bend = np.where(groups.lengths >= _MIN_BOXES_OF_CURVE, groups.slope(square, y), 0)
    return np.asarray(line + bend[groups.owner] * square)


def without_overlaps(rows: Sequence[Row]) -> list[Row]:
    """Drop boxes that overlap a box of a better row, one with a higher sum of scores.

    A row that loses boxes is split into runs of neighbours.
    """
    ranked = sorted(rows, key=lambda row: -float(row.scores.sum()))
    if not ranked:
        return []
    owner = np.repeat(np.arange(len(ranked)), [len(row) for row in ranked])
    corners = np.concatenate([row.corners for row in ranked])
    low, high = corners.min(axis=1), corners.max(axis=1)
    areas = (high - low).prod(axis=1)
    across, along = (_overlaps(low[:, axis], high[:, axis]) for axis in (0, 1))
    overlap = across * along / np.minimum(areas[:, None], areas)
    conflicts = (overlap > _MAX_BOX_OVERLAP) & (owner[:, None] > owner)
    free = np.ones(len(owner), np.bool_)
    for box in np.flatnonzero(conflicts.any(axis=1)).tolist():  # better rows come first
        free[box] = not (conflicts[box] & free).any()
    kept = []
    for i, row in enumerate(ranked):
        kept_boxes = free[owner == i]
        if kept_boxes.all():
            kept.append(row)
        else:
            runs = np.split(np.arange(len(row)), np.flatnonzero(np.diff(kept_boxes)) + 1)
            kept += [
                replace(row, corners=row.corners[run], scores=row.scores[run])
                for run in runs
                if kept_boxes[run[0]]
            ]
    return kept


def _overlaps(low: _Floats, high: _Floats) -> _Floats:
    """(n, n) the common length of any two of n spans."""
    ends = np.minimum(high[:, None], high)
    ends -= np.maximum(low[:, None], low)
    return np.maximum(ends, 0, out=ends)
