"""Find cuts through components of ink that may be several touching digits.

Cuts follow the paths from top to bottom that cross the least ink. Dynamic programming finds
them in many components at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(h, w), the pixels of one component."""

_Costs: TypeAlias = npt.NDArray[np.float64]
_Columns: TypeAlias = npt.NDArray[np.int64]

_MIN_WIDTH_TO_CUT = 0.65
"""Width in digit heights from which a component may be more than one digit. No measurement on
record."""

_MIN_MEAN_DIGIT_WIDTH = 0.4
_MAX_CUTS_PER_COMPONENT = 8
"""Limits of the number of cuts in a component: the smallest mean width of its digits, in digit
heights, and a count. No measurement on record."""

_MIN_CUT_DISTANCE = 0.17
_MAX_CUT_INK = 0.6
"""In digit heights: smallest distance of cuts from one another and from the ends of the component,
and highest cost of a cut (ink crossed and sidesteps). No measurement on record."""

_SIDESTEP_COST = 0.35
"""Cost of a step to the side, in pixels of ink: it keeps cuts nearly upright. No measurement on
record."""

_NO_WAY = 1e6
"""Cost of a column between components: far above that of any path."""

_MAX_STRIP_COLUMNS = 2048
"""Columns of components that are searched at once: with more, their costs do not stay in the
processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A path from the top of a component to its bottom: (h,) columns, and pixels of ink crossed."""

    path: _Columns
    ink: float


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """n components side by side, aligned by their middle rows on row `middle`.

    `costs` is (h, w): 1 on ink, 0 on paper, `_NO_WAY` in the columns between and beside
    the components. `left` and `top` (n,) are the top left corners of the components.
    """

    costs: _Costs
    middle: int
    left: tuple[int, ...]
    top: tuple[int, ...]


def find_cuts(components: Sequence[Mask], heights: Sequence[float]) -> list[list[Cut]]:
    """Find the cuts of each of n components, from left to right.

    Args:
        components: (h, w) bool each, of any cells.
        heights: (n,) the typical height of the digits of each one's cell, in pixels.
    """
    cuts: list[list[Cut]] = [[] for _ in components]
    wide = [
        i
        for i, (mask, height) in enumerate(zip(components, heights, strict=True))
        if mask.shape[1] >= _MIN_WIDTH_TO_CUT * height
    ]
    for some in _groups(wide, [components[i].shape[1] for i in wide]):
        found = _cuts_on_strip([components[i] for i in some], [heights[i] for i in some])
        for i, paths in zip(some, found, strict=True):
            cuts[i] = paths
    return cuts


def _groups(numbers: Sequence[int], widths: Sequence[int]) -> list[list[int]]:
    """Split numbers of components into runs of about `_MAX_STRIP_COLUMNS` columns."""
    groups: list[list[int]] = []
    columns = 0
    for number, width in zip(numbers, widths, strict=True):
        if not groups or columns + width > _MAX_STRIP_COLUMNS:
            groups.append([])
            columns = 0
        groups[-1].append(number)
        columns += width
    return groups


def _cuts_on_strip(components: Sequence[Mask], heights: Sequence[float]) -> list[list[Cut]]:
    """Find the cuts of each of n components, side by side."""
    strip = _side_by_side(components)
    down, up = _min_costs(strip.costs)
    crossed = down[strip.middle] + up[strip.middle] - strip.costs[strip.middle]
    places = [
        _places(crossed[left : left + mask.shape[1]], height)
        for mask, left, height in zip(components, strip.left, heights, strict=True)
    ]
    steps = _steps(np.concatenate([down[: strip.middle], up[strip.middle :]]))
    starts = [left + place for left, own in zip(strip.left, places, strict=True) for place in own]
    paths = iter(_trace(steps, np.array(starts, np.int64), strip.middle))
    return [
        [_cut(mask, next(paths)[top : top + len(mask)] - left) for _ in own]
        for mask, left, top, own in zip(components, strip.left, strip.top, places, strict=True)
    ]


def _cut(mask: Mask, path: _Columns) -> Cut:
    return Cut(path, float(np.count_nonzero(mask[np.arange(len(mask)), path])))


def _side_by_side(components: Sequence[Mask]) -> _Strip:
    """Put components side by side; above and below the lower ones is paper, which costs nothing."""
    middle = max(len(mask) // 2 for mask in components)
    below = max(len(mask) - len(mask) // 2 for mask in components)
    ends = np.cumsum([mask.shape[1] + 1 for mask in components])
    costs = np.full((middle + below, int(ends[-1]) + 1), _NO_WAY)
    left = (1, *(int(end) + 1 for end in ends[:-1]))
    top = tuple(middle - len(mask) // 2 for mask in components)
    for mask, x, y in zip(components, left, top, strict=True):
        columns = costs[:, x : x + mask.shape[1]]
        columns[:] = 0
        columns[y : y + len(mask)] = mask
    return _Strip(costs, middle, left, top)


def _places(crossed: _Costs, height: float) -> list[int]:
    """Choose the columns at which cuts cross a component's middle row, from left to right.

    Args:
        crossed: (w,) cost of the cheapest path through each pixel of the middle row.
        height: the digits' typical height in pixels.
    """
    width, distance = len(crossed), _MIN_CUT_DISTANCE * height
    reach = math.ceil(distance) - 1  # places so far from a cut are too near to it
    max_cuts = min(math.ceil(width / (_MIN_MEAN_DIGIT_WIDTH * height)), _MAX_CUTS_PER_COMPONENT)
    costs = crossed.tolist()
    free = [distance <= place < width - distance for place in range(width)]
    chosen: list[int] = []
    for place in sorted(_minima(crossed), key=costs.__getitem__):
        if costs[place] > _MAX_CUT_INK * height or len(chosen) == max_cuts:
            break
        if free[place]:
            chosen.append(place)
            near = range(max(place - reach, 0), min(place + reach + 1, width))
            free[near.start : near.stop] = [False] * len(near)
    return sorted(chosen)


def _min_costs(costs: _Costs) -> tuple[_Costs, _Costs]:
    """Return the least costs of paths to each pixel of (h, w), from the first row and the last.

    The cost is the sum over the path's pixels and its steps to the side.
    """
    sums = np.stack([costs, costs[::-1]], axis=1)  # (h, 2, w)
    inner = sums[..., 1:-1]
    for y in range(1, len(sums)):
        before = sums[y - 1]
        aside = np.minimum(before[:, :-2], before[:, 2:])
        aside += _SIDESTEP_COST
        inner[y] += np.minimum(before[:, 1:-1], aside, out=aside)
    return sums[:, 0], sums[::-1, 1]


def _steps(costs: _Costs) -> npt.NDArray[np.int8]:
    """Return the step to the side, -1, 0 or 1, with which the cheapest path goes on, (h, w).

    `costs`, (h, w), are those of the row to which it leads. Between components there is no path.
    """
    straight, left, right = costs[:, 1:-1], costs[:, :-2], costs[:, 2:]
    steps = np.zeros(costs.shape, np.int8)
    aside = np.minimum(left, right) + _SIDESTEP_COST
    to_right = np.where(right < left, np.int8(1), np.int8(-1))
    np.multiply(to_right, aside < straight, out=steps[:, 1:-1])
    return steps


def _trace(steps: npt.NDArray[np.int8], places: _Columns, middle: int) -> _Columns:
    """Trace the cheapest paths from n places in the middle row to both ends, (n, h) columns."""
    paths = np.empty((len(steps), len(places)), np.int64)
    paths[middle] = places
    for rows in (range(middle - 1, -1, -1), range(middle + 1, len(steps))):
        x = places
        for y in rows:
            paths[y] = x = x + steps[y, x]
    return np.ascontiguousarray(paths.T)


def _minima(values: _Costs) -> list[int]:
    """Find the places where values are no greater than their neighbours on both sides."""
    inner = values[1:-1]
    low = (inner <= values[:-2]) & (inner <= values[2:])
    minima: list[int] = (np.flatnonzero(low) + 1).tolist()
    return minima
