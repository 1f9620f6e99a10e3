"""Detect pages that lie on their side, by the direction of their lines of text."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.records import GreyImage

MAX_LETTER_LEVEL = 170
"""Grey level of ink, where paper is 255. No record of a measurement."""

_MIN_LETTER_SIDE, _MAX_LETTER_SIDE = 4, 24
"""Longer side of a letter in pixels at about 100 dpi: printed lines are longer, specks shorter."""

_MIN_LETTERS_OF_TEXT = 80
"""Number of letters from which a page has text enough to decide. No record of a measurement."""

_TEXT_STRIP_WIDTH = 48
"""Pixels across the lines: some letters wide, and narrower than most gaps in a line."""

_LOCAL_MEAN_LENGTH = 33
"""Pixels over which the ink of a strip is averaged: about two lines of text."""

_MIN_WAVE_RATIO = 1.57
"""Ratio of the waves across the page to those down it, from which it lies on its side. Settled on
the upright and turned pages of the renderer and on the real forms of development: upright pages
had at most 1.4, nearly all 0.2 to 0.6. The readings of digits can still turn a page back."""


def lies_on_side(image: GreyImage) -> bool:
    """Whether the text of an evenly lit page at about 100 dpi, (h, w) uint8, runs up or down.

    Letters are close together within a line, and lines are apart, so the profile of ink across
    the lines has waves (O'Gorman 1993 uses nearest neighbours for the same). Only connected
    components of a letter's size count, not the lines of boxes. False where there is little
    text or its direction is not clear.
    """
    left, top, width, height = _letters(image)
    if len(left) < _MIN_LETTERS_OF_TEXT:
        return False
    rows = _waves(top, height, left + width // 2, width)
    columns = _waves(left, width, top + height // 2, height)
    return columns > _MIN_WAVE_RATIO * rows


def _letters(image: GreyImage) -> npt.NDArray[np.int32]:
    """Left, top, width and height, (4, n), of the components of a letter's size."""
    ink = cv2.threshold(image, MAX_LETTER_LEVEL, 255, cv2.THRESH_BINARY_INV)[1]
    statistics = connected_parts(np.asarray(ink, np.uint8))[1]
    parts = statistics[1:]  # the first is the paper
    return np.asarray(parts[are_letters(parts), : cv2.CC_STAT_HEIGHT + 1].T, np.int32)


def are_letters(parts: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which components have a letter's size, (n,), given their statistics (n, 5)."""
    side = parts[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(axis=1)
    return np.asarray((side >= _MIN_LETTER_SIDE) & (side <= _MAX_LETTER_SIDE), np.bool_)


def _waves(
    start: npt.NDArray[np.int32],
    length: npt.NDArray[np.int32],
    across: npt.NDArray[np.int32],
    weight: npt.NDArray[np.int32],
) -> float:
    """How strongly profiles vary: squared differences from their local mean, over its squares.

    The profiles are those of strips. Each of n letters, (n,), adds its `weight` to the strip at
    `across`, on [start, start + length).
    """
    strip = across // _TEXT_STRIP_WIDTH
    size = int((start + length).max()) + 1
    begin, end = strip * size + start, strip * size + start + length
    places = (int(strip.max()) + 1) * size
    change = np.bincount(begin, weight, places) - np.bincount(end, weight, places)
    profiles = np.cumsum(change).reshape(-1, size).astype(np.float32)
    mean = cv2.blur(profiles, (_LOCAL_MEAN_LENGTH, 1))
    return float(np.square(profiles - mean).sum() / np.square(mean).sum())
