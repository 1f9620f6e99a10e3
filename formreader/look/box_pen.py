"""Separate each digit's ink from paper, print, neighbours' strokes and specks in its patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.background import Darkness, measure_darkness
from formreader.crop.digit_ink import histograms
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

_MIN_HEIGHT_OF_TWO = 0.5
"""Height of what is left of a gap, and of what is right of it, as a share of that of all ink in the
box, from which both may be digits: such a box is for review."""


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs of adjacent ink pixels in rows, from the top down, (r,) each.

    `label` is the run's component, from 0; it lies in row `row` of patch `patch`, from column
    `start` up to, but not including, `stop`.
    """

    label: npt.NDArray[np.int64]
    patch: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Components:
    """Connected components of ink, (m,) each: patch, area, area inside the box, bounding box.

    `left`, `top` are the first column and row, `right`, `bottom` the ones after the last.
    """

    patch: npt.NDArray[np.int64]
    area: npt.NDArray[np.int64]
    inside: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    bottom: npt.NDArray[np.int64]


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
    runs = _find_runs(ink, np.asarray(labels, np.int32))
    parts = _components(runs)
    kept, blank = _own_components(parts, len(ink))
    large = parts.inside >= _MIN_LOOSE_AREA
    loose = np.bincount(parts.patch, ~kept & large, minlength=len(ink)) > 0
    own = _drawn(runs, kept[runs.label], len(ink))
    return own, blank, loose | _holds_two(own)


def _find_runs(ink: Flags, labels: npt.NDArray[np.int32]) -> _Runs:
    """Find the runs of ink in the rows of patches, and the component of each run.

    Args:
        ink: n patches; the first pixel of the first row must not be ink.
        labels: (n * PATCH_SIDE, PATCH_SIDE), the component of each pixel from 1, 0 for paper.
    """
    width = PATCH_SIDE + 1
    padded = np.zeros((len(labels), width), np.bool_)  # so that no run goes on in the next row
    padded[:, :PATCH_SIDE] = ink.reshape(-1, PATCH_SIDE)
    pixels = padded.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    row = changes[::2] // width
    start, stop = changes[::2] - row * width, changes[1::2] - row * width
    label = labels[row, start].astype(np.int64) - 1
    patch = row // PATCH_SIDE
    return _Runs(label, patch, row - patch * PATCH_SIDE, start, stop)


def _drawn(runs: _Runs, chosen: npt.NDArray[np.bool_], n: int) -> Flags:
    """Draw the chosen runs (r,) in n patches."""
    first = ((runs.patch * PATCH_SIDE + runs.row) * PATCH_SIDE + runs.start)[chosen]
    length = (runs.stop - runs.start)[chosen]
    drawn_before = np.cumsum(length) - length
    drawn = np.zeros((n, PATCH_SIDE, PATCH_SIDE), np.bool_)
    place = np.repeat(first - drawn_before, length) + np.arange(length.sum())
    drawn.ravel()[place] = True
    return drawn


def _components(runs: _Runs) -> _Components:
    """Measure the components of ink.

    OpenCV's statistics take longer, since they visit the paper's pixels too.
    """
    area = _sums(runs.label, runs.stop - runs.start)
    patch = np.zeros_like(area)
    patch[runs.label] = runs.patch
    left, right = _bounds(runs.label, (runs.start, runs.stop - 1), len(area))
    top, bottom = _bounds(runs.label, (runs.row,), len(area))
    within = np.minimum(runs.stop, BOX_STOP) - np.maximum(runs.start, BOX_START)
    within[(within < 0) | (runs.row < BOX_START) | (runs.row >= BOX_STOP)] = 0
    return _Components(patch, area, _sums(runs.label, within), left, top, right, bottom)


def _sums(label: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sum of the values of each label, (m,)."""
    return np.bincount(label, values).astype(np.int64)


def _bounds(
    label: npt.NDArray[np.int64], places: Sequence[npt.NDArray[np.int64]], m: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first column (row) of each of m components, and the one after its last."""
    taken = np.zeros((m, PATCH_SIDE), np.bool_)
    for place in places:
        taken.ravel()[label * PATCH_SIDE + place] = True
    return taken.argmax(axis=1), PATCH_SIDE - taken[:, ::-1].argmax(axis=1)


def _own_components(
    parts: _Components, n: int
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


def _too_small(parts: _Components, own: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """Return whether a box's own components are too small for a digit: none, or dots, (n,)."""
    patch = parts.patch[own]
    area = np.bincount(patch, parts.area[own], minlength=n)
    extent = np.zeros(n, np.int64)
    for low, high in ((parts.left, parts.right), (parts.top, parts.bottom)):
        np.maximum.at(extent, patch, (high - low)[own])
    return np.asarray((extent < _MIN_DIGIT_EXTENT) | (area < _MIN_DIGIT_AREA))


def _holds_two(own: Flags) -> npt.NDArray[np.bool_]:
    """Return which boxes hold two parts beside one another, each as high as a digit, (n,)."""
    inked = own.any(axis=1)
    top = np.where(inked, own.argmax(axis=1), PATCH_SIDE)
    bottom = np.where(inked, PATCH_SIDE - own[:, ::-1].argmax(axis=1), 0)
    before = np.maximum.accumulate(bottom, axis=1) - np.minimum.accumulate(top, axis=1)
    mirrored_top, mirrored_bottom = top[:, ::-1], bottom[:, ::-1]
    after = np.maximum.accumulate(mirrored_bottom, axis=1)
    after = (after - np.minimum.accumulate(mirrored_top, axis=1))[:, ::-1]
    lower = np.minimum(before, after)
    least = _MIN_HEIGHT_OF_TWO * (bottom.max(axis=1) - top.min(axis=1))
    return np.asarray(((lower >= least[:, None]) & (lower > 0) & ~inked).any(axis=1))
