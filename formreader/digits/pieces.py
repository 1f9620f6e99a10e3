"""The ink of a number cut into pieces: at gaps, and where touching digits may part.

Wide components are cut into more pieces than they have digits (over-segmentation: Casey and
Lecolinet, "A survey of methods and strategies in character segmentation", 1996), along the
ways from top to bottom that cross the least ink, found by dynamic programming.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.digits.field_ink import Ink

Labels: TypeAlias = npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the piece from 1."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) of one component."""

Costs: TypeAlias = npt.NDArray[np.float64]
"""(h, w + 2) costs of ways through a component, infinite in the first and the last column."""

_Component: TypeAlias = tuple[int, int, Mask]
"""Left and top of a component's extent, and which pixels of it are its own."""

_TALL = 0.5
"""Height of a component that counts as a digit's, as a share of the tallest one."""

_SHARED_WIDTH = 0.6
"""Share of the narrower of two parts that lies over or under the other, if they are one digit."""

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


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the ink, and its extent in pixels, right and bottom exclusive.

    `component` is the number of the component that it comes from; `cut` is how many stroke
    widths of ink were cut between it and the piece before, 0 where there is a gap.
    """

    component: int
    cut: float
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True, eq=False)
class CutInk:
    """The n pieces of a number from left to right, which `labels` numbers from 1.

    `height` is the digits' typical height, 0 where there is no ink.
    """

    labels: Labels
    pieces: tuple[Piece, ...]
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A way from the top of a component to its bottom: (h,) columns, and pixels of ink crossed."""

    way: npt.NDArray[np.int64]
    ink: float


def cut_pieces(ink: Ink) -> CutInk:
    """Cut the ink of a number, (h, w) uint8 on black, into pieces of digits and digits."""
    components, height = _components(ink)
    stroke = _stroke_width(ink)
    labels = np.zeros(ink.shape, np.int32)
    pieces: list[Piece] = []
    for number, (component_left, component_top, mask) in enumerate(components):
        rows, columns = mask.shape
        around = labels[component_top : component_top + rows, component_left:][:, :columns]
        cuts = _find_cuts(mask, height)
        for rank, part in enumerate(_parted(mask, cuts)):
            left, top, width, tall = cv2.boundingRect(part.view(np.uint8))
            if not width:  # cuts that meet leave nothing between them
                continue
            first = not pieces or pieces[-1].component != number
            cut = 0.0 if first else cuts[rank - 1].ink / stroke
            left, top = component_left + left, component_top + top
            pieces.append(Piece(number, cut, left, top, left + width, top + tall))
            around[part] = len(pieces)
    return CutInk(labels, tuple(pieces), height)


def _parted(mask: Mask, cuts: Sequence[_Cut]) -> list[Mask]:
    """The parts of a component left of all cuts, between them, and right of them."""
    if not cuts:
        return [mask]
    ways = np.array([cut.way for cut in cuts])[:, :, None]
    rank = np.count_nonzero(np.arange(mask.shape[1]) > ways, axis=0)  # (h, w)
    return [mask & (rank == i) for i in range(len(cuts) + 1)]


def _components(ink: Ink) -> tuple[list[_Component], float]:
    """The connected parts of the ink, left to right, and the height of digits.

    Parts above one another, such as a 5 and its bar, are one.
    """
    n, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if n == 1:
        return [], 0.0
    left, top, width, tall = stats[1:, : cv2.CC_STAT_AREA].T
    height = float(np.median(tall[tall >= _TALL * tall.max()]))
    group = np.arange(n - 1)
    for i in np.argsort(tall):  # the small ones join the large ones
        shared = np.minimum(left + width, left[i] + width[i]) - np.maximum(left, left[i])
        shared[(group == group[i]) | (tall < tall[i])] = 0
        other = int(np.argmax(shared))
        is_part = min(tall[i], tall[other]) < _TALL * height
        if is_part and shared[other] >= _SHARED_WIDTH * min(width[i], width[other]):
            group[group == group[i]] = group[other]
    components = []
    for name in np.unique(group):
        own = group == name
        columns = slice(int(left[own].min()), int((left + width)[own].max()))
        rows = slice(int(top[own].min()), int((top + tall)[own].max()))
        mask = np.concatenate([[False], own])[labels[rows, columns]]
        middle = columns.start + int(left[own].max())
        components.append((middle, (columns.start, rows.start, mask)))
    components.sort(key=lambda component: component[0])
    return [component for _, component in components], height


def _stroke_width(ink: Ink) -> float:
    """Mean width of the strokes: four times the mean distance of their pixels to the paper."""
    distance = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return max(4 * float(distance[ink > 0].mean()) - 1, 1.0) if ink.any() else 1.0


def _find_cuts(ink: Mask, height: float) -> list[_Cut]:
    """Where a component, (h, w) bool, may part, from left to right."""
    width = ink.shape[1]
    if width < _WIDE * height:
        return []
    middle = len(ink) // 2
    down, up = _least_costs(ink)
    crossed = (down[middle] + up[middle])[1:-1] - ink[middle]
    chosen: list[int] = []
    distance = _CUT_DISTANCE * height
    for place in sorted(_minima(crossed), key=lambda place: float(crossed[place])):
        inside = distance <= place < width - distance
        if inside and all(abs(place - other) >= distance for other in chosen):
            chosen.append(int(place))
    most = min(int(np.ceil(width / (_DIGIT_WIDTH * height))), _MOST_CUTS)
    chosen = [place for place in chosen if crossed[place] <= _THICKEST_CUT * height][:most]
    if not chosen:
        return []
    costs = np.concatenate([down[:middle], up[middle:]])
    ways = _trace(costs, np.array(sorted(chosen), np.int64))
    crossings = np.count_nonzero(ink[np.arange(len(ink)), ways], axis=1)
    return [_Cut(way, float(n)) for way, n in zip(ways, crossings, strict=True)]


def _least_costs(ink: Mask) -> tuple[Costs, Costs]:
    """Least cost of a way from the first row of (h, w) to each pixel, and of one from the last.

    The cost is the ink crossed, and the steps aside.
    """
    height, width = ink.shape
    costs = np.full((height, 2, width + 2), np.inf)
    inner = costs[..., 1:-1]
    inner[:, 0], inner[:, 1] = ink, ink[::-1]
    for y in range(1, height):
        before = costs[y - 1]
        aside = np.minimum(before[:, :-2], before[:, 2:]) + _ASIDE
        inner[y] += np.minimum(before[:, 1:-1], aside)
    return costs[:, 0], costs[::-1, 1]


def _trace(costs: Costs, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The cheapest ways through n points of the middle row to both ends, (n, h) columns."""
    height = len(costs)
    middle = height // 2
    onward = _onward(costs)
    ways = np.repeat(places[:, None], height, axis=1)
    for rows in (range(middle - 1, -1, -1), range(middle + 1, height)):
        x = places
        for y in rows:
            ways[:, y] = x = onward[y, x]
    return ways


def _onward(costs: Costs) -> npt.NDArray[np.int64]:
    """(h, w) at which column of a row the cheapest way goes on that has come to each column."""
    straight, left, right = costs[:, 1:-1], costs[:, :-2] + _ASIDE, costs[:, 2:] + _ASIDE
    step = np.where(right < np.minimum(straight, left), 1, np.where(left < straight, -1, 0))
    return np.asarray(np.arange(straight.shape[1]) + step, np.int64)


def _minima(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where values are no greater than their neighbours on both sides."""
    inner = values[1:-1]
    low = (inner <= values[:-2]) & (inner <= values[2:])
    return np.asarray(np.flatnonzero(low) + 1, np.int64)
