"""Boxes side by side made regular: one size, one line, equal steps; and no two in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.detect.rows import Row

_Floats: TypeAlias = npt.NDArray[np.float64]
_Ints: TypeAlias = npt.NDArray[np.int64]

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

    centres: _Floats
    sizes: _Floats
    scores: _Floats
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


def regular_rows(parts: Sequence[Part]) -> list[Row]:
    """Each part as boxes of one size on one line, with equal steps where they nearly are."""
    if not parts:
        return []
    groups = _Groups(np.array([len(part.scores) for part in parts]))
    x, y = np.concatenate([part.centres for part in parts]).T
    width, height = np.array([(part.width, part.height) for part in parts]).T
    y = _smooth(x, y, groups)
    number = groups.aside(np.arange(len(x), dtype=np.float64))
    step = groups.slope(number, x)
    even = groups.mean(x) + step[groups.owner] * number
    uneven = np.maximum.reduceat(np.abs(even - x), groups.first) >= _EVEN * width
    x = np.where(uneven[groups.owner], x, even)
    rise, run = y[groups.last] - y[groups.first], x[groups.last] - x[groups.first]
    alone = groups.lengths == 1
    slope = rise / np.where(alone, 1.0, run)
    width = np.where(~alone & (step < _SHARED * width), step, width)
    half = (
        np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2 * np.stack([width, height], 1)[:, None]
    )
    half[..., 1] += slope[:, None] * half[..., 0]
    corners = np.stack([x, y], 1)[:, None] + half[groups.owner]
    places = np.split(corners, groups.first[1:])
    return [Row(place, part.scores) for place, part in zip(places, parts, strict=True)]


class _Groups:
    """Groups of values that stand one after the other, (n,) in all; a group has at least one.

    `lengths`, `first` and `last` are (groups,) how many a group has and the indices of its
    ends; `owner` is (n,) the group of each.
    """

    def __init__(self, lengths: _Ints) -> None:
        self.lengths = lengths
        self.first = lengths.cumsum() - lengths
        self.last = self.first + lengths - 1
        self.owner = np.repeat(np.arange(len(lengths)), lengths)

    def total(self, values: _Floats) -> _Floats:
        """(groups,) sums."""
        return np.asarray(np.add.reduceat(values, self.first))

    def mean(self, values: _Floats) -> _Floats:
        """(n,) for each value the mean of its group."""
        return np.asarray((self.total(values) / self.lengths)[self.owner])

    def aside(self, values: _Floats) -> _Floats:
        """(n,) how much each value is above the mean of its group."""
        return values - self.mean(values)

    def slope(self, aside: _Floats, y: _Floats) -> _Floats:
        """(groups,) slopes of the straight lines of least squares, 0 of a single value."""
        spread = self.total(aside**2)
        return self.total(aside * y) / np.where(spread > 0, spread, 1)


def _smooth(x: _Floats, y: _Floats, groups: _Groups) -> _Floats:
    """y on the straight line of least squares, on the parabola where there are enough points."""
    aside = groups.aside(x)
    smooth = groups.mean(y) + groups.slope(aside, y)[groups.owner] * aside
    # The part of a square that a straight line does not have.
    square = groups.aside(aside**2)
    square -= groups.slope(aside, square)[groups.owner] * aside
    bend = np.where(groups.lengths >= _CURVED_FROM, groups.slope(square, y), 0)
    return np.asarray(smooth + bend[groups.owner] * square)


def without_overlaps(rows: Sequence[Row]) -> list[Row]:
    """Of rows in one place the one that is seen better, without what overlaps it of the other."""
    ranked = sorted(rows, key=lambda row: -float(row.scores.sum()))
    if not ranked:
        return []
    owner = np.repeat(np.arange(len(ranked)), [len(row) for row in ranked])
    corners = np.concatenate([row.corners for row in ranked])
    low, high = corners.min(axis=1), corners.max(axis=1)
    areas = (high - low).prod(axis=1)
    across, along = (_shared(low[:, axis], high[:, axis]) for axis in (0, 1))
    overlap = across * along / np.minimum(areas[:, None], areas)
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


def _shared(low: _Floats, high: _Floats) -> _Floats:
    """(n, n) how much any two of n spans share."""
    ends = np.minimum(high[:, None], high)
    ends -= np.maximum(low[:, None], low)
    return np.maximum(ends, 0, out=ends)
