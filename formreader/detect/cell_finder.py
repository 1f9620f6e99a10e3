"""Find cells: rectangles for a whole number, without separators between its digits.

A rectangle that holds a few large connected components of ink, or nothing, may be one. Whether
the components are digits is decided when they are read. The thresholds were adjusted while
looking at the real forms used in development (tallies, electoral records, sudokus).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from formreader.core.connected_parts import connected_parts
from formreader.core.geometry import quads_of
from formreader.core.records import DigitBox, GreyImage
from formreader.detect.rectangles import Corners, find_rectangles

_MIN_HANDWRITING_DARKNESS = 70
"""Grey levels by which handwriting is darker than paper of 255; a watermark is brighter."""

_INTERIOR_BORDER = 0.12
"""Width of the margin along the edges, as a share of the cell's height, that is left out: ink there
may belong to the lines."""

_MIN_CELL_INTERIOR = 3
"""Height and width in pixels of what the margins leave."""

_MIN_MARK_HEIGHT_IN_CELL, _MIN_DIGIT_HEIGHT_IN_CELL = 0.15, 0.33
"""Heights of a mark and of a digit, as shares of the height between the margins."""

_MAX_DIGITS_IN_CELL, _MAX_SMALL_MARKS_IN_CELL = 14, 3
"""Number of digits, and of smaller marks where they outnumber the digits: more are printed
letters."""

_MAX_DARK_SHARE_OF_CELL = 0.4
"""Share of dark pixels; above it a rectangle is a bar, a picture or a code."""


def find_cells(even: GreyImage, taken: Sequence[Corners]) -> list[DigitBox]:
    """Find the rectangles that may be cells.

    Args:
        even: an upright, evenly lit page, (h, w) uint8, paper near 255.
        taken: (4, 2) corners of the boxes that certainly hold one digit each.

    Returns:
        Cells in pixels of `even`, in no particular order; the score of each is the ruled share
        of the side that is ruled least. A blank one is returned only if a filled one of its
        size is found, too.
    """
    filled, blank = list[DigitBox](), list[DigitBox]()
    for corners, ruled in zip(*find_rectangles(even, taken), strict=True):
        digits = _count_digits(even, corners)
        if digits is not None:
            (filled if digits else blank).append(DigitBox(quads_of(corners)[0], float(ruled)))
    return filled + [
        cell for cell in blank if any(cell.box.is_as_large_as(other.box) for other in filled)
    ]


def _count_digits(even: GreyImage, corners: Corners) -> int | None:
    """The number of components of ink as large as a digit, or None where there is no number."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = _INTERIOR_BORDER * (high[1] - low[1]) + 1
    left, top = np.maximum(np.ceil(low + margin), 0).astype(int)
    right, bottom = np.floor(high - margin).astype(int)
    interior = even[top:bottom, left:right]
    if min(interior.shape) < _MIN_CELL_INTERIOR:
        return None
    dark = cv2.threshold(interior, 255 - _MIN_HANDWRITING_DARKNESS, 255, cv2.THRESH_BINARY_INV)[1]
    if cv2.countNonZero(dark) > _MAX_DARK_SHARE_OF_CELL * dark.size:
        return None
    heights = connected_parts(np.asarray(dark, np.uint8))[1][1:, cv2.CC_STAT_HEIGHT]
    digits = int((heights >= _MIN_DIGIT_HEIGHT_IN_CELL * len(interior)).sum())
    marks = int((heights >= _MIN_MARK_HEIGHT_IN_CELL * len(interior)).sum())
    if digits > _MAX_DIGITS_IN_CELL or marks - digits > max(_MAX_SMALL_MARKS_IN_CELL, digits):
        return None
    return digits if digits or not marks else None
