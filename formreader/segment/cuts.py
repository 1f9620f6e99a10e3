"""Find cuts through components of ink that may be several touching digits.

Cuts follow the paths from top to bottom that cross the least ink. Dynamic programming finds
them in all components of a cell at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(h, w), the pixels of one component."""

_Floats: TypeAlias = npt.NDArray[np.float64]
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


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A path from the top of a component to its bottom: (h,) columns, and pixels of ink crossed."""

    path: _Columns
    ink: float


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """n components side by side, aligned by their middle rows on row `middle`.

    `costs` is (h, w): 1 on ink, 0 on paper, infinite in the columns between and beside the
    components. `left` and `top` (n,) are the top left corners of the components.
    """

    costs: _Floats
    middle: int
    left: tuple[int, ...]
    top: tuple[int, ...]


def find_cuts(components: Sequence[Mask], height: float) -> list[list[Cut]]:
    """Find the cuts of each of n components, from left to right.

    Args:
        components: (h, w) bool each.
        height: the digits' typical height in pixels.
    """
    cuts: list[list[Cut]] = [[] for _ in components]
    wide = [i for i, mask in enumerate(components) if mask.shape[1] >= _MIN_WIDTH_TO_CUT * height]
    if not wide:
        return cuts
    strip = _side_by_side([components[i] for i in wide])
    down, up = _min_costs(strip.costs)
    next_columns = _next_columns(np.concatenate([down[: strip.middle], up[strip.middle :]]))
    for i, left, top in zip(wide, strip.left, strip.top, strict=True):
        mask = components[i]
        own = np.s_[strip.middle, left : left + mask.shape[1]]
        places = _places(down[own] + up[own] - strip.costs[own], height)
        if len(places):
            rows = slice(top, top + len(mask))
            paths = _trace(next_columns, left + places, strip.middle)[:, rows] - left
            crossings = np.count_nonzero(mask[np.arange(len(mask)), paths], axis=1)
            cuts[i] = [Cut(path, float(n)) for path, n in zip(paths, crossings, strict=True)]
    return cuts


def _side_by_side(components: Sequence[Mask]) -> _Strip:
    """Put components side by side; above and below the lower ones is paper, which costs nothing."""
    middle = max(len(mask) // 2 for mask in components)
    below = max(len(mask) - len(mask) // 2 for mask in components)
    ends = np.cumsum([mask.shape[1] + 1 for mask in components])
    costs = np.full((middle + below, int(ends[-1]) + 1), np.inf)
    left = (1, *(int(end) + 1 for end in ends[:-1]))
    top = tuple(middle - len(mask) // 2 for mask in components)
    for mask, x, y in zip(components, left, top, strict=True):
        columns = costs[:, x : x + mask.shape[1]]
        columns[:] = 0
        columns[y : y + len(mask)] = mask
    return _Strip(costs, middle, left, top)


def _places(crossed: _Floats, height: float) -> _Columns:
    """Choose the columns at which cuts cross a component's middle row, from left to right.

    Args:
        crossed: (w,) cost of the cheapest path through each pixel of the middle row.
        height: the digits' typical height in pixels.
    """
    width, distance = len(crossed), _MIN_CUT_DISTANCE * height
    chosen: list[int] = []
    for place in sorted(_minima(crossed), key=lambda place: float(crossed[place])):
        inside = distance <= place < width - distance
        if inside and all(abs(place - other) >= distance for other in chosen):
            chosen.append(int(place))
    max_cuts = min(int(np.ceil(width / (_MIN_MEAN_DIGIT_WIDTH * height))), _MAX_CUTS_PER_COMPONENT)
    thin = [place for place in chosen if crossed[place] <= _MAX_CUT_INK * height]
    return np.array(sorted(thin[:max_cuts]), np.int64)


def _min_costs(costs: _Floats) -> tuple[_Floats, _Floats]:
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


def _next_columns(costs: _Floats) -> _Columns:
    """Return the column of the neighbouring row to which the cheapest path leads, (h, w - 2).

    The first and the last column of `costs` (h, w) are left out.
    """
    straight, left, right = (
        costs[:, 1:-1],
        costs[:, :-2] + _SIDESTEP_COST,
        costs[:, 2:] + _SIDESTEP_COST,
    )
    step = np.where(right < np.minimum(straight, left), 1, np.where(left < straight, -1, 0))
    return np.asarray(np.arange(1, costs.shape[1] - 1) + step, np.int64)


def _trace(next_columns: _Columns, places: _Columns, middle: int) -> _Columns:
    """Trace the cheapest paths from n places in the middle row to both ends, (n, h) columns."""
    height = len(next_columns)
    paths = np.repeat(places[:, None], height, axis=1)
    for rows in (range(middle - 1, -1, -1), range(middle + 1, height)):
        x = places
        for y in rows:
            paths[:, y] = x = next_columns[y, x - 1]
    return paths


def _minima(values: _Floats) -> _Columns:
    """Find the places where values are no greater than their neighbours on both sides."""
    inner = values[1:-1]
    low = (inner <= values[:-2]) & (inner <= values[2:])
    return np.asarray(np.flatnonzero(low) + 1, np.int64)
