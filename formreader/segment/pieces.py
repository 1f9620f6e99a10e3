"""Cut the ink of a number into pieces: at gaps, and where digits may touch.

Wide components are cut into more pieces than they have digits (over-segmentation: Casey and
Lecolinet, "A survey of methods and strategies in character segmentation", 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.segment.cell_ink import Ink
from formreader.segment.cuts import Cut, Mask, find_cuts

Labels: TypeAlias = npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the piece from 1."""

_Component: TypeAlias = tuple[int, int, Mask]
"""Left and top of a component's bounding box, and the component's pixels in that box."""

_MIN_HEIGHT_OF_WHOLE_DIGIT = 0.5
"""A component may be a whole digit from this share of the tallest component's height, to estimate
the digits' typical height, and from this share of that height, to join parts of digits. No
measurement on record."""

_MIN_SHARED_WIDTH = 0.6
"""Two components are parts of one digit if at least this share of the narrower one lies above or
below the other. No measurement on record."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The bounding box of a piece of ink in pixels, right and bottom exclusive.

    `component` is the index of the component that it was cut from; `cut` is the ink between it
    and the piece before that was cut, in stroke widths, 0 for a gap.
    """

    component: int
    cut: float
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True, eq=False)
class CutInk:
    """The n pieces of a number from left to right; in `labels` they have the numbers 1 to n.

    `height` is the digits' typical height in pixels, 0 if there is no ink.
    """

    labels: Labels
    pieces: tuple[Piece, ...]
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The components of a number's ink from left to right, and its digits' typical height."""

    components: list[_Component]
    height: float


def cut_pieces(inks: Sequence[Ink]) -> list[CutInk]:
    """Cut the ink of each number, (h, w) uint8 on black, into digits and parts of digits."""
    parts = [_components(ink) for ink in inks]
    masks = [mask for one in parts for _, _, mask in one.components]
    heights = [one.height for one in parts for _ in one.components]
    cuts = iter(find_cuts(masks, heights))
    return [
        _pieces(ink, one, [next(cuts) for _ in one.components])
        for ink, one in zip(inks, parts, strict=True)
    ]


def _pieces(ink: Ink, parts: _Parts, all_cuts: Sequence[Sequence[Cut]]) -> CutInk:
    """Cut the components of one number, given the cuts through each."""
    stroke = _stroke_width(ink) if any(all_cuts) else 1.0
    labels = np.zeros(ink.shape, np.int32)
    pieces: list[Piece] = []
    for number, ((component_left, component_top, mask), cuts) in enumerate(
        zip(parts.components, all_cuts, strict=True)
    ):
        rows, columns = mask.shape
        around = labels[component_top : component_top + rows, component_left:][:, :columns]
        for rank, part in enumerate(_split(mask, cuts)):
            left, top, width, tall = cv2.boundingRect(part.view(np.uint8))
            if not width:  # cuts that meet leave nothing between them
                continue
            first = not pieces or pieces[-1].component != number
            cut = 0.0 if first else cuts[rank - 1].ink / stroke
            left, top = component_left + left, component_top + top
            pieces.append(Piece(number, cut, left, top, left + width, top + tall))
            around[part] = len(pieces)
    return CutInk(labels, tuple(pieces), parts.height)


def _split(mask: Mask, cuts: Sequence[Cut]) -> list[Mask]:
    """Split a component at its cuts, from left to right."""
    if not cuts:
        return [mask]
    columns = np.arange(mask.shape[1])
    right_of = [mask, *(mask & (columns > cut.path[:, None]) for cut in cuts)]
    return [part & ~beyond for part, beyond in pairwise(right_of)] + [right_of[-1]]


def _components(ink: Ink) -> _Parts:
    """Find the components of a number's ink.

    Connected parts above one another, such as a 5 and its bar, count as one component.
    """
    labels, stats = connected_parts(ink)
    n = len(stats)
    if n == 1:
        return _Parts([], 0.0)
    left, top, width, tall = stats[1:, : cv2.CC_STAT_AREA].T
    height = float(median(tall[tall >= _MIN_HEIGHT_OF_WHOLE_DIGIT * tall.max()].tolist()))
    group = np.arange(n - 1)
    for i in np.argsort(tall):  # small parts join large ones
        if tall[i] >= _MIN_HEIGHT_OF_WHOLE_DIGIT * height:
            break
        shared = np.minimum(left + width, left[i] + width[i]) - np.maximum(left, left[i])
        shared[(group == group[i]) | (tall < tall[i])] = 0
        other = int(np.argmax(shared))
        if shared[other] >= _MIN_SHARED_WIDTH * min(width[i], width[other]):
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
    return _Parts([component for _, component in components], height)


def _stroke_width(ink: Ink) -> float:
    """Return the mean width of strokes: four times the mean distance of their pixels to paper."""
    distance = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return max(4 * float(distance[ink > 0].mean()) - 1, 1.0) if ink.any() else 1.0
