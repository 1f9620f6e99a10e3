"""Find candidates for printed letters on a page."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts, draw_parts
from formreader.core.records import GreyImage

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
