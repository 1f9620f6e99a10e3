"""Open fields: rectangles for a whole number, without separators.

A rectangle that holds a few large pieces of ink, or nothing, may be one. Whether the
pieces are digits is for the recogniser to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from formreader.core.connected_parts import connected_parts
from formreader.core.geometry import quads_of
from formreader.core.records import DigitBox, GreyImage
from formreader.detect.rectangles import Corners, find_rectangles

_INK_DARKNESS = 70
"""Least darkness of handwriting on evenly lit paper of 255; a watermark is brighter."""

_BORDER = 0.12
"""Share of the height along the edges in which ink may belong to the lines."""

_SPECK = 0.15
_PIECE = 0.33
"""Least height of a mark, and of a digit, as shares of the height between the borders."""

_MOST_PIECES = 14
_MOST_SMALL = 3
"""Most digits, and most marks smaller than one: where more are, they are printed letters."""

_MOST_INK = 0.4
"""Share of dark pixels from which a cell is a bar, a picture or a code."""


def find_frames(even: GreyImage, taken: Sequence[Corners]) -> list[DigitBox]:
    """Find the rectangles that may hold a whole number.

    Args:
        even: an upright, evenly lit page, (h, w) uint8, paper near 255.
        taken: (4, 2) corners of the boxes that are known to be for one digit each.

    Returns:
        Rectangles in pixels of `even`, in no particular order; their score is the share of
        their sides that is ruled. A blank one is among them only if another one of its
        size is not.
    """
    filled, blank = list[DigitBox](), list[DigitBox]()
    for corners, ruled in zip(*find_rectangles(even, taken), strict=True):
        pieces = _count_pieces(even, corners)
        if pieces is not None:
            (filled if pieces else blank).append(DigitBox(quads_of(corners)[0], float(ruled)))
    return filled + [
        frame for frame in blank if any(frame.box.is_as_large_as(other.box) for other in filled)
    ]


def _count_pieces(even: GreyImage, corners: Corners) -> int | None:
    """The number of digit-sized pieces of ink in a rectangle, or None where it is no field."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    border = _BORDER * (high[1] - low[1]) + 1
    left, top = np.maximum(np.ceil(low + border), 0).astype(int)
    right, bottom = np.floor(high - border).astype(int)
    cut = even[top:bottom, left:right]
    if min(cut.shape) < 3:
        return None
    dark = cv2.threshold(cut, 255 - _INK_DARKNESS, 255, cv2.THRESH_BINARY_INV)[1]
    if cv2.countNonZero(dark) > _MOST_INK * dark.size:
        return None
    heights = connected_parts(np.asarray(dark, np.uint8))[1][1:, cv2.CC_STAT_HEIGHT]
    digits = int((heights >= _PIECE * len(cut)).sum())
    marks = int((heights >= _SPECK * len(cut)).sum())
    if digits > _MOST_PIECES or marks - digits > max(_MOST_SMALL, digits):
        return None
    return digits if digits or not marks else None
