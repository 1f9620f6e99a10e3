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
    boxes = stats[1:, : cv2.CC_STAT_AREA].tolist()
    if not boxes:
        return _Parts([], 0.0)
    heights = [tall for _, _, _, tall in boxes]
    whole = _MIN_HEIGHT_OF_WHOLE_DIGIT * max(heights)
    height = float(median([tall for tall in heights if tall >= whole]))
    components = []
    for members in _groups(boxes, height):
        left = min(boxes[i][0] for i in members)
        top = min(boxes[i][1] for i in members)
        right = max(boxes[i][0] + boxes[i][2] for i in members)
        bottom = max(boxes[i][1] + boxes[i][3] for i in members)
        own = labels[top:bottom, left:right]
        mask = own == members[0] + 1
        for i in members[1:]:
            mask |= own == i + 1
        middle = left + max(boxes[i][0] for i in members)
        components.append((middle, (left, top, mask)))
    components.sort(key=lambda component: component[0])
    return _Parts([component for _, component in components], height)


def _groups(boxes: Sequence[Sequence[int]], height: float) -> list[list[int]]:
    """Group n connected parts, (left, top, width, height) each: those of one component.

    `height` is the typical height of a digit.
    """
    group = list(range(len(boxes)))
    for i in sorted(group, key=lambda i: boxes[i][3]):  # small parts join large ones
        left, _, width, tall = boxes[i]
        if tall >= _MIN_HEIGHT_OF_WHOLE_DIGIT * height:
            break
        shared = [
            min(one[0] + one[2], left + width) - max(one[0], left)
            if group[k] != group[i] and one[3] >= tall
            else 0
            for k, one in enumerate(boxes)
        ]
        other = shared.index(max(shared))
        if shared[other] >= _MIN_SHARED_WIDTH * min(width, boxes[other][2]):
            joined, into = group[i], group[other]
            group = [into if name == joined else name for name in group]
    return [[i for i, name in enumerate(group) if name == one] for one in sorted(set(group))]


def _stroke_width(ink: Ink) -> float:
    """Return the mean width of strokes: four times the mean distance of their pixels to paper."""
    distance = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return max(4 * float(distance[ink > 0].mean()) - 1, 1.0) if ink.any() else 1.0
