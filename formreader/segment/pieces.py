"""The ink of a number cut into pieces: at gaps, and where touching digits may part.

Wide components are cut into more pieces than they have digits (over-segmentation: Casey and
Lecolinet, "A survey of methods and strategies in character segmentation", 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.segment.cuts import Cut, Mask, find_cuts
from formreader.segment.field_ink import Ink

Labels: TypeAlias = npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the piece from 1."""

_Component: TypeAlias = tuple[int, int, Mask]
"""Left and top of a component's extent, and which pixels of it are its own."""

_TALL = 0.5
"""Height of a component that counts as a digit's, as a share of the tallest one."""

_SHARED_WIDTH = 0.6
"""Share of the narrower of two parts that lies over or under the other, if they are one digit."""


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


def cut_pieces(ink: Ink) -> CutInk:
    """Cut the ink of a number, (h, w) uint8 on black, into pieces of digits and digits."""
    components, height = _components(ink)
    stroke = _stroke_width(ink)
    labels = np.zeros(ink.shape, np.int32)
    pieces: list[Piece] = []
    all_cuts = find_cuts([mask for _, _, mask in components], height)
    for number, ((component_left, component_top, mask), cuts) in enumerate(
        zip(components, all_cuts, strict=True)
    ):
        rows, columns = mask.shape
        around = labels[component_top : component_top + rows, component_left:][:, :columns]
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


def _parted(mask: Mask, cuts: Sequence[Cut]) -> list[Mask]:
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
    labels, stats = connected_parts(ink)
    n = len(stats)
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
