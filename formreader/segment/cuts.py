"""Where components of ink that may be several touching digits may part.

They are cut along the ways from top to bottom that cross the least ink, found by dynamic
programming, in all components of a field at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) of one component."""

_Floats: TypeAlias = npt.NDArray[np.float64]
_Columns: TypeAlias = npt.NDArray[np.int64]

_WIDE = 0.65
"""Width of a component from which it may be more than one digit, in digit heights."""

_DIGIT_WIDTH = 0.4
_MOST_CUTS = 8
"""Width in digit heights that a digit has at least on the average, which limits the number of
cuts, and how many there are in a component at most."""

_CUT_DISTANCE = 0.17
_THICKEST_CUT = 0.6
"""In digit heights: how far cuts keep from one another and from the ends, and how much ink a
cut goes through at most."""

_ASIDE = 0.35
"""What a step to the side costs a cut, in pixels of ink: so many that it stays nearly upright."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A way from the top of a component to its bottom: (h,) columns, and pixels of ink crossed."""

    way: _Columns
    ink: float


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """n components side by side, their middle rows on one row, `middle`.

    `costs` is (h, w): 1 where there is ink, 0 where there is none, and infinite in the columns
    between and beside the components. `left` and `top` are (n,), where each begins.
    """

    costs: _Floats
    middle: int
    left: tuple[int, ...]
    top: tuple[int, ...]


def find_cuts(components: Sequence[Mask], height: float) -> list[list[Cut]]:
    """Where each of n components may part, from left to right.

    Args:
        components: (h, w) bool each.
        height: the digits' typical height in pixels.
    """
    cuts: list[list[Cut]] = [[] for _ in components]
    wide = [i for i, mask in enumerate(components) if mask.shape[1] >= _WIDE * height]
    if not wide:
        return cuts
    strip = _side_by_side([components[i] for i in wide])
    down, up = _least_costs(strip.costs)
    onward = _onward(np.concatenate([down[: strip.middle], up[strip.middle :]]))
    for i, left, top in zip(wide, strip.left, strip.top, strict=True):
        mask = components[i]
        own = np.s_[strip.middle, left : left + mask.shape[1]]
        places = _places(down[own] + up[own] - strip.costs[own], height)
        if len(places):
            ways = _trace(onward, left + places, strip.middle)[:, top : top + len(mask)] - left
            crossings = np.count_nonzero(mask[np.arange(len(mask)), ways], axis=1)
            cuts[i] = [Cut(way, float(n)) for way, n in zip(ways, crossings, strict=True)]
    return cuts


def _side_by_side(components: Sequence[Mask]) -> _Strip:
    """Components in one array; above and below the low ones is paper, which costs nothing."""
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
    """The columns at which a component's middle row is best crossed, from left to right.

    Args:
        crossed: (w,) cost of the cheapest way through each of its pixels.
        height: the digits' typical height in pixels.
    """
    width, distance = len(crossed), _CUT_DISTANCE * height
    chosen: list[int] = []
    for place in sorted(_minima(crossed), key=lambda place: float(crossed[place])):
        inside = distance <= place < width - distance
        if inside and all(abs(place - other) >= distance for other in chosen):
            chosen.append(int(place))
    most = min(int(np.ceil(width / (_DIGIT_WIDTH * height))), _MOST_CUTS)
    thin = [place for place in chosen if crossed[place] <= _THICKEST_CUT * height]
    return np.array(sorted(thin[:most]), np.int64)


def _least_costs(costs: _Floats) -> tuple[_Floats, _Floats]:
    """Least cost of a way from the first row of (h, w) to each pixel, and of one from the last.

    The cost is what the pixels on the way cost, and the steps aside.
    """
    sums = np.stack([costs, costs[::-1]], axis=1)  # (h, 2, w)
    inner = sums[..., 1:-1]
    for y in range(1, len(sums)):
        before = sums[y - 1]
        aside = np.minimum(before[:, :-2], before[:, 2:])
        aside += _ASIDE
        inner[y] += np.minimum(before[:, 1:-1], aside, out=aside)
    return sums[:, 0], sums[::-1, 1]


def _onward(costs: _Floats) -> _Columns:
    """(h, w - 2) at which column the cheapest way goes on that has come to each but the ends."""
    straight, left, right = costs[:, 1:-1], costs[:, :-2] + _ASIDE, costs[:, 2:] + _ASIDE
    step = np.where(right < np.minimum(straight, left), 1, np.where(left < straight, -1, 0))
    return np.asarray(np.arange(1, costs.shape[1] - 1) + step, np.int64)


def _trace(onward: _Columns, places: _Columns, middle: int) -> _Columns:
    """The cheapest ways through n points of the middle row to both ends, (n, h) columns."""
    height = len(onward)
    ways = np.repeat(places[:, None], height, axis=1)
    for rows in (range(middle - 1, -1, -1), range(middle + 1, height)):
        x = places
        for y in rows:
            ways[:, y] = x = onward[y, x - 1]
    return ways


def _minima(values: _Floats) -> _Columns:
    """Where values are no greater than their neighbours on both sides."""
    inner = values[1:-1]
    low = (inner <= values[:-2]) & (inner <= values[2:])
    return np.asarray(np.flatnonzero(low) + 1, np.int64)
