"""Connected parts of ink, by the narrowest labels that suffice: half the time of the usual ones."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

PartLabels: TypeAlias = npt.NDArray[np.uint16] | npt.NDArray[np.int32]
"""(h, w), 0 where there is no ink, else the number of the part from 1."""

PartStats: TypeAlias = npt.NDArray[np.int32]
"""(n + 1, 5) of n parts and the paper, row 0; columns are OpenCV's `CC_STAT_...`."""

_LABELS_OF_16_BITS = 2**16
"""Labels that 16 bits hold, that of the paper among them: of more OpenCV makes an error."""


def connected_parts(ink: npt.NDArray[np.uint8]) -> tuple[PartLabels, PartStats]:
    """The parts of ink, (h, w) uint8, 0 or one other value, that touch by sides or corners.

    Returns:
        Which part each pixel is of, and what OpenCV measures of the parts.
    """
    narrow = _most_parts(ink) < _LABELS_OF_16_BITS - 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        ink, connectivity=8, ltype=cv2.CV_16U if narrow else cv2.CV_32S
    )
    if narrow:
        return np.asarray(labels, np.uint16), np.asarray(stats, np.int32)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def draw_parts(labels: PartLabels, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """(h, w) uint8, 255 where the parts are that are `chosen`, (n + 1,) with the paper first."""
    if labels.dtype == np.uint16:
        table = np.zeros(_LABELS_OF_16_BITS, np.uint8)
        table[: len(chosen)] = np.where(chosen, 255, 0)
        return np.asarray(cv2.LUT(labels, table), np.uint8)
    return np.where(chosen, np.uint8(255), np.uint8(0))[labels]


def _most_parts(ink: npt.NDArray[np.uint8]) -> int:
    """A number of parts that is not exceeded."""
    # At most every second pixel of every second row begins a part.
    height, width = ink.shape
    most: int = (height + 1) // 2 * ((width + 1) // 2)
    if most < _LABELS_OF_16_BITS - 1:
        return most
    # Each part has at least one start of a run of ink.
    starts = cv2.countNonZero(cv2.subtract(ink[:, 1:], ink[:, :-1])) + len(ink)
    return min(most, starts)
