"""Detect pages that lie on their side, by the direction of their lines of text."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.preprocess.page_print import PagePrint

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


def lies_on_side(page: PagePrint) -> bool:
    """Whether the text of a page runs up or down it.

    Letters are close together within a line, and lines are apart, so the profile of ink across
    the lines has waves (O'Gorman 1993 uses nearest neighbours for the same). Only connected
    components of a letter's size count, not the lines of boxes. False where there is little
    text or its direction is not clear.
    """
    left, top, width, height = page.boxes
    if len(left) < _MIN_LETTERS_OF_TEXT:
        return False
    rows = _waves(top, height, left + width // 2, width)
    columns = _waves(left, width, top + height // 2, height)
    return columns > _MIN_WAVE_RATIO * rows


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
