"""Connected components of ink.

Labels are of 16 bits where these suffice: that takes half the time of the usual 32 bits.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

PartLabels: TypeAlias = npt.NDArray[np.uint16] | npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the component, from 1."""

PartStats: TypeAlias = npt.NDArray[np.int32]
"""(n + 1, 5): the paper in row 0, then n components; columns are OpenCV's `CC_STAT_...`."""

_LABELS_OF_16_BITS = 2**16
"""Number of labels that 16 bits hold, the paper's included. OpenCV fails where it needs more."""


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
