"""Separate each digit's ink from paper, print, neighbours' strokes and specks in its patch."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.background import Darkness, measure_darkness
from formreader.crop.digit_ink import (
    Components,
    Runs,
    bounds_by_label,
    drawn_runs,
    find_runs,
    histograms,
    holds_two,
    sums_by_label,
)
from formreader.crop.patches import (
    BOX_SIDE,
    BOX_START,
    BOX_STOP,
    PATCH_SIDE,
    Flags,
    Patches,
    mosaic,
    side_by_side,
    upright,
)

_MIN_INK_OF_BOX = 0.004
"""Share of a box that the ink of a small, thin digit covers: so many of the darkest pixels show how
dark the pen is. Checked on rendered pages."""

_INK_PIXELS = int(_MIN_INK_OF_BOX * BOX_SIDE**2)
"""The same in pixels."""

_MIN_BOX_INK_OVER_PEN = 0.3
"""Ink has at least this share of the pen's darkness. Checked on rendered pages."""

_MIN_PEN = 0.4
"""Probability of having been written from which a pixel may be ink."""

_MIN_SHARE_IN_BOX = 0.5
"""A component with a smaller share of its pixels inside the box is the neighbour's. Checked on
rendered pages."""

_MIN_DIGIT_EXTENT = 0.14 * BOX_SIDE
_MIN_DIGIT_AREA = 0.003 * BOX_SIDE**2
"""Smallest longer side of a digit in pixels, and its smallest area in square pixels: a box with
less is blank. Checked on rendered pages."""

_MIN_PART_OVER_LARGEST = 0.02
_MIN_PART_AREA = 3
"""Components of a smaller share of the largest one's area, or of fewer square pixels, are specks.
Checked on rendered pages."""

_MIN_LOOSE_AREA = 0.02 * BOX_SIDE**2
"""Square pixels in the box from which a component that is not the digit's is loose ink. Set on
`numbers/composed`: of 1,917 numbers 49 were accepted wrongly with it, 51 with 0.03, 55 without; no
digit of the rendered pages was given up for it."""


def separate_ink(
    patches: Patches, pen: Patches | None
) -> tuple[Patches, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Separate the ink of the digit in each box from everything else.

    Args:
        patches: n boxes, dark ink on bright paper.
        pen: the probability times 255 that a pixel was written; None where all ink was.

    Returns:
        (n, PATCH_SIDE, PATCH_SIDE) uint8 darkness of the digits' ink on pure black, and (n,) bool
        which boxes are blank: their ink is too little or too small for a digit. (n,) bool which
        boxes have loose ink: strokes in them that are not the digit's, perhaps a neighbour's.
    """
    darkness = measure_darkness(patches)
    written = np.ones(patches.shape, np.bool_) if pen is None else pen > 255 * _MIN_PEN
    ink = _ink(darkness, written)
    # Patches are stacked: neither their components nor the rims of these may touch.
    ink[:, 0] = ink[:, -1] = False
    own, blank, loose = _own_ink(ink)
    around = cv2.dilate(side_by_side(own.view(np.uint8)), np.ones((3, 3), np.uint8))
    rims = upright(np.asarray(around, np.uint8), len(own)).view(np.bool_) & ~ink & written
    return darkness.values * (own | rims), blank, loose


def _ink(darkness: Darkness, written: Flags) -> Flags:
    """The pixels that were written and are as dark as the pen in their box, not its strokes' rims.

    The level of the pen is where the count of written pixels from the darkest down exceeds the ink
    of the thinnest digit.
    """
    inside = np.zeros((PATCH_SIDE, PATCH_SIDE), np.bool_)
    inside[BOX_START:BOX_STOP, BOX_START:BOX_STOP] = True
    dark = darkness.values > np.minimum(darkness.floor, 255).astype(np.uint8)[:, None, None]
    counts = histograms(darkness.values * (dark & written & inside))
    exceeded = counts[:, ::-1].cumsum(axis=1) > _INK_PIXELS
    level = np.where(exceeded.any(axis=1), 255 - exceeded.argmax(axis=1), 255)
    threshold = np.maximum(darkness.floor, _MIN_BOX_INK_OVER_PEN * level)
    bound = np.minimum(threshold, 255).astype(np.uint8)
    return np.asarray((darkness.values > bound[:, None, None]) & written)


def _own_ink(ink: Flags) -> tuple[Flags, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the ink of each box's digit, and which boxes are blank and have loose ink, (n,)."""
    _, labels = cv2.connectedComponents(mosaic(ink.view(np.uint8)), connectivity=8)
    runs = find_runs(ink, np.asarray(labels, np.int32))
    parts = _components(runs)
    kept, blank = _own_components(parts, len(ink))
    large = parts.inside >= _MIN_LOOSE_AREA
    loose = np.bincount(parts.patch, ~kept & large, minlength=len(ink)) > 0
    own = drawn_runs(runs, kept[runs.label], len(ink))
    return own, blank, loose | holds_two(own)


def _components(runs: Runs) -> Components:
    """Measure the components of ink.

    OpenCV's statistics take longer, since they visit the paper's pixels too.
    """
    area = sums_by_label(runs.label, runs.stop - runs.start)
    patch = np.zeros_like(area)
    patch[runs.label] = runs.patch
    left, right = bounds_by_label(runs.label, (runs.start, runs.stop - 1), len(area))
    top, bottom = bounds_by_label(runs.label, (runs.row,), len(area))
    within = np.minimum(runs.stop, BOX_STOP) - np.maximum(runs.start, BOX_START)
    within[(within < 0) | (runs.row < BOX_START) | (runs.row >= BOX_STOP)] = 0
    return Components(patch, area, sums_by_label(runs.label, within), left, top, right, bottom)


def _own_components(
    parts: Components, n: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which components belong to their box's digit, (m,), and which boxes are blank, (n,).

    Components mostly outside the box and specks do not belong to the digit; its detached strokes
    do.
    """
    own = parts.inside >= _MIN_SHARE_IN_BOX * parts.area
    largest = np.zeros(n, np.int64)
    np.maximum.at(largest, parts.patch[own], parts.area[own])
    own &= parts.area >= np.maximum(_MIN_PART_OVER_LARGEST * largest[parts.patch], _MIN_PART_AREA)
    blank = _too_small(parts, own, n)
    return own & ~blank[parts.patch], blank


def _too_small(parts: Components, own: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """Return whether a box's own components are too small for a digit: none, or dots, (n,)."""
    patch = parts.patch[own]
    area = np.bincount(patch, parts.area[own], minlength=n)
    extent = np.zeros(n, np.int64)
    for low, high in ((parts.left, parts.right), (parts.top, parts.bottom)):
        np.maximum.at(extent, patch, (high - low)[own])
    return np.asarray((extent < _MIN_DIGIT_EXTENT) | (area < _MIN_DIGIT_AREA))
