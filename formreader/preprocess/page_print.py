"""Find what may be letters of print on a page: connected components of ink of a letter's size.

Labels are of 16 bits where these suffice: that takes half the time of the usual 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

PartLabels: TypeAlias = npt.NDArray[np.uint16] | npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the component, from 1."""

PartStats: TypeAlias = npt.NDArray[np.int32]
"""(n + 1, 5): the paper in row 0, then n components; columns are OpenCV's `CC_STAT_...`."""

_LABELS_OF_16_BITS = 2**16
"""Number of labels that 16 bits hold, the paper's included. OpenCV fails where it needs more."""

_MAX_LETTER_LEVEL = 170
"""Largest grey level of ink, with paper at 255. No record of a measurement."""

_MIN_LETTER_SIDE, _MAX_LETTER_SIDE = 4, 24
"""Range of the longer side of a letter, in pixels at about 100 dpi. Printed lines are longer,
specks are shorter. No record of a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class PagePrint:
    """An evenly lit page at about 100 dpi, (h, w) uint8, and candidates for letters on it.

    `mask`, (h, w) uint8, is 255 on letters and 0 elsewhere. `boxes`, (4, n), are their left, top,
    width and height.
    """

    even: GreyImage
    mask: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.int32]


def find_print(even: GreyImage) -> PagePrint:
    """Find the connected components of a letter's size on an evenly lit page at about 100 dpi."""
    ink = cv2.threshold(even, _MAX_LETTER_LEVEL, 255, cv2.THRESH_BINARY_INV)[1]
    labels, stats = connected_parts(np.asarray(ink, np.uint8))
    side = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1)
    chosen = (side >= _MIN_LETTER_SIDE) & (side <= _MAX_LETTER_SIDE)
    chosen[0] = False  # the paper
    boxes = stats[chosen, : cv2.CC_STAT_HEIGHT + 1].T
    return PagePrint(even, draw_parts(labels, chosen), np.asarray(boxes, np.int32))


def connected_parts(ink: npt.NDArray[np.uint8]) -> tuple[PartLabels, PartStats]:
    """Label the connected components of ink; pixels that touch by sides or corners are connected.

    Args:
        ink: (h, w) uint8, 0 or one other value.

    Returns:
        The label of each pixel, and the bounding box and area of each component.
    """
    narrow = _max_parts(ink) < _LABELS_OF_16_BITS - 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        ink, connectivity=8, ltype=cv2.CV_16U if narrow else cv2.CV_32S
    )
    if narrow:
        return np.asarray(labels, np.uint16), np.asarray(stats, np.int32)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def draw_parts(labels: PartLabels, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """A mask, (h, w) uint8, 255 on the `chosen` components, (n + 1,) with the paper first."""
    if labels.dtype == np.uint16:
        table = np.zeros(_LABELS_OF_16_BITS, np.uint8)
        table[: len(chosen)] = np.where(chosen, 255, 0)
        return np.asarray(cv2.LUT(labels, table), np.uint8)
    return np.where(chosen, np.uint8(255), np.uint8(0))[labels]


def _max_parts(ink: npt.NDArray[np.uint8]) -> int:
    """An upper bound of the number of components."""
    # At most every second pixel of every second row begins a component.
    height, width = ink.shape
    by_size: int = (height + 1) // 2 * ((width + 1) // 2)
    if by_size < _LABELS_OF_16_BITS - 1:
        return by_size
    # Each component has at least one start of a run of ink.
    starts = cv2.countNonZero(cv2.subtract(ink[:, 1:], ink[:, :-1])) + len(ink)
    return min(by_size, starts)
