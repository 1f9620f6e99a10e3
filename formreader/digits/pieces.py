"""The ink of a number cut into pieces: at gaps, and where touching digits may part.

Wide components are cut into more pieces than they have digits (over-segmentation: Casey and
Lecolinet, "A survey of methods and strategies in character segmentation", 1996), along the
ways from top to bottom that cross the least ink, found by dynamic programming.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.digits.field_ink import Ink

Labels: TypeAlias = npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the piece from 1."""

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


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A way from the top of a component to its bottom: (h,) columns, and pixels of ink crossed."""

    way: npt.NDArray[np.int64]
    ink: float


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The pieces of a number from left to right.

    `labels` numbers them from 1; `component` is (n,), which component of the ink each
    comes from; `cut` is (n,), how many stroke widths of ink were cut between a piece and
    the one before, 0 where there is a gap. `height` is the digits' typical height.
    """

    labels: Labels
    component: npt.NDArray[np.int64]
    cut: npt.NDArray[np.float64]
    height: float

    def extents(self) -> npt.NDArray[np.int64]:
        """(n, 4) left, top, right and bottom of each piece, the last two exclusive."""
        y, x = np.nonzero(self.labels)
        number = self.labels[y, x]
        order = np.argsort(number, kind="stable")
        first = np.searchsorted(number[order], np.arange(1, len(self.component) + 1))
        if not len(first):
            return np.zeros((0, 4), np.int64)
        low = [np.minimum.reduceat(values[order], first) for values in (x, y)]
        high = [np.maximum.reduceat(values[order], first) + 1 for values in (x, y)]
        return np.column_stack(low + high)


def cut_pieces(ink: Ink) -> Pieces:
    """Cut the ink of a number, (h, w) uint8 on black, into pieces of digits and digits."""
    components, height = _components(ink > 0)
    stroke = _stroke_width(ink)
    labels = np.zeros(ink.shape, np.int32)
    owner: list[int] = []
    cut: list[float] = []
    for number, mask in enumerate(components):
        left, top, width, tall = cv2.boundingRect(mask.astype(np.uint8))
        part = mask[top : top + tall, left : left + width]
        cuts = _find_cuts(part, height)
        y, x = np.nonzero(part)
        rank = np.zeros(len(x), np.int64)
        for one in cuts:
            rank += x > one.way[y]
        # Cuts that meet may leave a piece empty: ranks without pixels are left out.
        used, rank = np.unique(rank, return_inverse=True)
        labels[top + y, left + x] = 1 + len(owner) + rank
        owner += [number] * len(used)
        cut += [0.0] + [cuts[i - 1].ink / stroke for i in used[1:]]
    return Pieces(labels, np.array(owner, np.int64), np.array(cut), height)


def _components(ink: npt.NDArray[np.bool_]) -> tuple[list[npt.NDArray[np.bool_]], float]:
    """Masks of the connected parts of the ink, left to right, and the height of digits.

    Parts above one another, such as a 5 and its bar, are one.
    """
    n, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    if n == 1:
        return [], 0.0
    left, width = stats[1:, cv2.CC_STAT_LEFT], stats[1:, cv2.CC_STAT_WIDTH]
    tall = stats[1:, cv2.CC_STAT_HEIGHT]
    height = float(np.median(tall[tall >= _TALL * tall.max()]))
    group = np.arange(n - 1)
    for i in np.argsort(tall):  # the small ones join the large ones
        shared = np.minimum(left + width, left[i] + width[i]) - np.maximum(left, left[i])
        shared[(group == group[i]) | (tall < tall[i])] = 0
        other = int(np.argmax(shared))
        is_part = min(tall[i], tall[other]) < _TALL * height
        if is_part and shared[other] >= _SHARED_WIDTH * min(width[i], width[other]):
            group[group == group[i]] = group[other]
    names = np.unique(group)
    starts = [left[group == name].min() + left[group == name].max() for name in names]
    order = names[np.argsort(starts, kind="stable")]
    whole = np.concatenate([[-1], group])[labels]
    return [whole == name for name in order], height


def _stroke_width(ink: Ink) -> float:
    """Mean width of the strokes: four times the mean distance of their pixels to the paper."""
    if not ink.any():
        return 1.0
    distance = cv2.distanceTransform((ink > 0).astype(np.uint8), cv2.DIST_L2, 3)
    return max(4 * float(distance[ink > 0].mean()) - 1, 1.0)


def _find_cuts(ink: npt.NDArray[np.bool_], height: float) -> list[_Cut]:
    """Where a component, (h, w) bool, may part, from left to right."""
    width = ink.shape[1]
    if width < _WIDE * height:
        return []
    middle = len(ink) // 2
    down, up = _least_costs(ink), _least_costs(ink[::-1])[::-1]
    crossed = down[middle] + up[middle] - ink[middle]
    chosen: list[int] = []
    distance = _CUT_DISTANCE * height
    for place in sorted(_minima(crossed), key=lambda place: float(crossed[place])):
        inside = distance <= place < width - distance
        if inside and all(abs(place - other) >= distance for other in chosen):
            chosen.append(int(place))
    most = min(int(np.ceil(width / (_DIGIT_WIDTH * height))), _MOST_CUTS)
    chosen = [place for place in chosen if crossed[place] <= _THICKEST_CUT * height][:most]
    ways = _trace(down, up, np.array(sorted(chosen), np.int64))
    rows = np.arange(len(ink))
    return [_Cut(way, float(np.count_nonzero(ink[rows, way]))) for way in ways]


def _least_costs(ink: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(h, w) least cost of a way from the first row to each pixel: ink crossed, and steps aside."""
    height, width = ink.shape
    costs = np.full((height, width + 2), np.inf)
    inner = costs[:, 1:-1]
    inner[:] = ink
    for y in range(1, height):
        before = costs[y - 1]
        inner[y] += np.minimum(before[1:-1], np.minimum(before[:-2], before[2:]) + _ASIDE)
    return inner


def _trace(
    down: npt.NDArray[np.float64], up: npt.NDArray[np.float64], places: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The cheapest ways through n points of the middle row, (n, h) columns."""
    height, width = down.shape
    middle = height // 2
    ways = np.repeat(places[:, None], height, axis=1)
    for costs, rows in ((down, range(middle - 1, -1, -1)), (up, range(middle + 1, height))):
        x = places
        for y in rows:
            steps = np.clip(x[:, None] + [0, -1, 1], 0, width - 1)  # (n, 3)
            near = costs[y, steps] + _ASIDE * (steps != x[:, None])
            x = steps[np.arange(len(x)), near.argmin(axis=1)]
            ways[:, y] = x
    return ways


def _minima(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where values are no greater than their neighbours on both sides."""
    inner = values[1:-1]
    low = (inner <= values[:-2]) & (inner <= values[2:])
    return np.asarray(np.flatnonzero(low) + 1, np.int64)
