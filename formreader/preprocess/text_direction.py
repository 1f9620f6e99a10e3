"""Whether a page lies on its side, from the direction in which its letters follow one another."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.records import GreyImage

_INK = 170
_LETTER = (4, 24)
"""Longer side of a letter in pixels at about 100 dpi: lines are longer, specks shorter."""

_FEW_LETTERS = 80
_STRIP = 48
"""Width of a strip across the lines: some letters wide, and narrower than most gaps in a line."""

_TWO_LINES = 33
"""Pixels over which the letters of a strip are averaged: about two lines of text."""

_CLEARLY = 1.57
"""Least ratio that decides. Upright pages came to 1.4 at most, nearly all to 0.2 to 0.6. The
digits have the last word, so that a page that is turned by mistake is turned back."""


def lies_on_side(image: GreyImage) -> bool:
    """Whether the text of an evenly lit page at about 100 dpi, (h, w) uint8, runs up or down.

    Letters stand close together in a line and lines apart from one another, so ink
    that is counted along the lines comes in waves (O'Gorman 1993 takes the same from
    nearest neighbours). Only what is as small as a letter counts, no lines of boxes. False
    where there is little text or its direction is not clear.
    """
    left, top, width, height = _letters(image)
    if len(left) < _FEW_LETTERS:
        return False
    rows = _waves(top, height, left + width // 2, width)
    columns = _waves(left, width, top + height // 2, height)
    return columns > _CLEARLY * rows


def _letters(image: GreyImage) -> npt.NDArray[np.int32]:
    """(4, n) left, top, width, height of what is as large as a letter."""
    ink = cv2.threshold(image, _INK, 255, cv2.THRESH_BINARY_INV)[1]
    statistics = connected_parts(np.asarray(ink, np.uint8))[1]
    boxes = statistics[1:, : cv2.CC_STAT_HEIGHT + 1]  # the first is the paper
    side = boxes[:, cv2.CC_STAT_WIDTH :].max(axis=1)
    return np.asarray(boxes[(side >= _LETTER[0]) & (side <= _LETTER[1])].T, np.int32)


def _waves(
    start: npt.NDArray[np.int32],
    length: npt.NDArray[np.int32],
    across: npt.NDArray[np.int32],
    weight: npt.NDArray[np.int32],
) -> float:
    """How unevenly things of a `weight` at [start, start + length) cover strips, (n,) each.

    `across` tells the strip. The variance about the local mean, relative to that mean.
    """
    strip = across // _STRIP
    size = int((start + length).max()) + 1
    begin, end = strip * size + start, strip * size + start + length
    cells = (int(strip.max()) + 1) * size
    change = np.bincount(begin, weight, cells) - np.bincount(end, weight, cells)
    cover = np.cumsum(change).reshape(-1, size).astype(np.float32)
    mean = cv2.blur(cover, (_TWO_LINES, 1))
    return float(np.square(cover - mean).sum() / np.square(mean).sum())
