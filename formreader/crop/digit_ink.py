"""Separate each digit's ink from paper, box lines, neighbours' strokes and specks in its patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.background import Darkness, measure_darkness
from formreader.crop.box_lines import BoxLines, find_lines, without_lines
from formreader.crop.patches import (
    BOX_SIDE,
    BOX_START,
    PATCH_SIDE,
    Flags,
    Patches,
    mosaic,
    side_by_side,
    upright,
)

_MIN_INK_OF_BOX = 0.004
"""Area of a small, thin digit, as a share of the box. This many of the darkest pixels show how dark
the pen is. Checked on rendered pages."""

_INK_PIXELS = int(_MIN_INK_OF_BOX * BOX_SIDE**2)
"""The same in pixels."""

_MIN_BOX_INK_OVER_PEN = 0.3
"""Least darkness of ink, as a share of the pen's darkness. Checked on rendered pages."""

_LINE_RESIDUE_ZONE = round(0.12 * BOX_SIDE)
"""A component that lies wholly within this many pixels of an edge is residue of its line. Checked
on rendered pages."""

_THICK_LINE_ZONE = round(0.22 * BOX_SIDE)
"""A digit that lies wholly within this many pixels of a side edge may be residue of a thick line,
and is for review. On 20 drawn pages 7 of 11 wrong accepted digits were such residue. Of the
accepted digits two are rejected on `rendered`, and one right and one wrong one on the real
forms."""

_MIN_HEIGHT_OF_TWO = 0.5
"""A box is for review if its ink has a gap, and the parts left and right of the gap both have at
least this share of the height of all its ink: each may be a digit. No measurement on record."""

_MIN_SHARE_IN_BOX = 0.5
"""A component with a smaller share of its pixels inside the box belongs to the neighbour. Checked
on rendered pages."""

_MIN_DIGIT_EXTENT = 0.14 * BOX_SIDE
_MIN_LARGEST_PART_EXTENT = 0.12 * BOX_SIDE
_MIN_DIGIT_AREA = 0.003 * BOX_SIDE**2
"""Least longer side of a digit and of its largest component, in pixels, and least area of a digit,
in square pixels. A box with less ink is blank. Checked on rendered pages."""

_MIN_PART_OVER_LARGEST = 0.02
_MIN_PART_AREA = 3
"""Components are specks below this share of the largest one's area, or below this many square
pixels. Checked on rendered pages."""

_MIN_LOOSE_AREA = 0.02 * BOX_SIDE**2
"""Least area in the box, in square pixels, of a component that is loose ink: it does not belong to
the digit. Set on `numbers/composed`: of 1,917 numbers 49 were accepted wrongly with it, 51 with
0.03 and 55 without. No digit of the rendered pages was rejected because of it."""


_MIDDLE = slice(BOX_START + round(0.2 * BOX_SIDE), BOX_START + round(0.8 * BOX_SIDE))
"""Rows and columns of the middle part of a box, which has no lines."""

_MIN_TRACE_EXTENT, _MIN_TRACE_OVER_MAX = 0.09 * BOX_SIDE, 2.0
"""A blank box may hold a digit if a stroke in its middle has at least this longer side, in pixels,
and the box is this many times darker than `max_trace`. On 850 drawn pages 51 of 99 digits whose
boxes were taken for blank have such a stroke, and 58 of 15,266 blank boxes."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPatches:
    """The darkness and the printed lines in the patches of n boxes.

    `level` (n,) is the darkness of the darkest strokes in each box, in grey values; 0 without
    strokes.
    """

    darkness: Darkness
    lines: BoxLines
    level: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of adjacent ink pixels in rows, from the top down, (r,) each.

    `label` is the index of the run's component. The run is in row `row` of patch `patch`, from
    column `start` to `stop`, exclusive.
    """

    label: npt.NDArray[np.int64]
    patch: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Connected components of ink, (m,) each: patch, area, area inside the box, bounding box.

    `left`, `top` are the first column and row; `right`, `bottom` are exclusive.
    """

    patch: npt.NDArray[np.int64]
    area: npt.NDArray[np.int64]
    inside: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    bottom: npt.NDArray[np.int64]


def measure_patches(patches: Patches) -> MeasuredPatches:
    """Measure patches (n, PATCH_SIDE, PATCH_SIDE) with dark ink on bright paper."""
    darkness = measure_darkness(patches)
    dark = _darker(darkness.values, darkness.floor)
    lines = find_lines(dark)
    counts = histograms(darkness.values * (dark & lines.inside & ~lines.covered))
    # Counting from the darkest down, the level is where the ink of the thinnest digit is reached.
    exceeded = counts[:, ::-1].cumsum(axis=1) > _INK_PIXELS
    level = np.where(exceeded.any(axis=1), 255 - exceeded.argmax(axis=1), 0)
    return MeasuredPatches(darkness, lines, level)


def histograms(values: Patches) -> npt.NDArray[np.int64]:
    """Count how often each value but 0 occurs in each of n patches, (n, 256).

    Most pixels are 0, and are skipped eight at a time.
    """
    words = values.reshape(-1).view(np.uint64)
    place = np.flatnonzero(words != 0)
    pixels = words[place].view(np.uint8).reshape(-1, 8)
    patch = place // (PATCH_SIDE**2 // 8)
    counts = np.bincount((patch[:, None] * 256 + pixels).ravel(), minlength=256 * len(values))
    counts[::256] = 0
    return counts.reshape(-1, 256)


def separate_ink(
    measured: MeasuredPatches, max_trace: float = 0.0
) -> tuple[Patches, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Separate the ink of the digit in each box from everything else.

    Args:
        measured: n boxes.
        max_trace: highest darkness, in grey values, of what is no ink: a watermark, or writing that
            shows through from the back.

    Returns:
        (n, PATCH_SIDE, PATCH_SIDE) uint8, the darkness of the digits' ink on pure black.
        (n,) bool, blank boxes: their ink is too little or too small for a digit.
        (n,) bool, boxes with loose ink: strokes that do not belong to the digit, perhaps a
        neighbour's; in a blank box the trace of a digit.
    """
    darkness, level = measured.darkness, measured.level
    # Pixels much fainter than the pen are the rims of its strokes.
    threshold = np.maximum(darkness.floor, _MIN_BOX_INK_OVER_PEN * level)
    threshold[level <= max_trace] = 255
    ink = _darker(darkness.values, threshold)
    # Patches are stacked, so neither their components nor the rims of these may touch.
    ink[:, 0] = ink[:, -1] = False
    rest = without_lines(ink, measured.lines)
    own, blank, loose = _own_ink(rest, measured.lines)
    loose = np.where(blank, _has_trace(measured, blank, max_trace), loose)
    around = cv2.dilate(side_by_side(own.view(np.uint8)), np.ones((3, 3), np.uint8))
    rims = upright(np.asarray(around, np.uint8), len(own)).view(np.bool_) & ~ink
    return darkness.values * (own | rims), blank, loose


def _has_trace(measured: MeasuredPatches, blank: Flags, max_trace: float) -> Flags:
    """Return which of the blank boxes have a stroke in their middle that may be a digit's, (n,)."""
    chosen = np.flatnonzero(blank)
    middle = measured.darkness.values[chosen, _MIDDLE, _MIDDLE]
    dark = _darker(middle, measured.darkness.floor[chosen])
    pixels = middle.reshape(len(chosen), middle.shape[1] * middle.shape[2])
    darkest = np.partition(pixels, pixels.shape[1] - _INK_PIXELS, axis=1)[:, -_INK_PIXELS]
    traced = np.zeros(len(blank), np.bool_)
    clear = (darkest > _MIN_TRACE_OVER_MAX * max_trace) & dark.any(axis=(1, 2))
    for box, strokes in zip(chosen[clear], dark[clear].view(np.uint8), strict=True):
        stats = cv2.connectedComponentsWithStats(strokes, connectivity=8)[2]
        sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        traced[box] = sides.max() > _MIN_TRACE_EXTENT
    return traced


def _darker(values: Patches, threshold: npt.NDArray[np.float64]) -> Flags:
    """Mark the pixels that are darker than the threshold (n,) of their patch."""
    return np.asarray(values > np.minimum(threshold, 255).astype(np.uint8)[:, None, None])


def _own_ink(
    ink: Flags, lines: BoxLines
) -> tuple[Flags, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the ink of each box's digit, and flags of blank boxes and of loose ink, (n,)."""
    _, labels = cv2.connectedComponents(mosaic(ink.view(np.uint8)), connectivity=8)
    runs = find_runs(ink, np.asarray(labels, np.int32))
    parts = _components(runs, lines)
    residue = _along_an_edge(parts, lines)
    kept, blank = _own_components(parts, residue, len(ink))
    large = parts.inside >= _MIN_LOOSE_AREA
    loose = np.bincount(parts.patch, ~kept & ~residue & large, minlength=len(ink)) > 0
    # If there is ink elsewhere in the box, ink beside a line is a digit's stroke.
    away = kept & ~_along_a_side(parts, lines)
    kept_any = np.bincount(parts.patch, kept, minlength=len(ink)) > 0
    loose |= kept_any & (np.bincount(parts.patch, away, minlength=len(ink)) == 0)
    own = drawn_runs(runs, kept[runs.label], len(ink))
    return own, blank, loose | holds_two(own)


def find_runs(ink: Flags, labels: npt.NDArray[np.int32]) -> Runs:
    """Find the runs of ink in the rows of patches, and the component of each run.

    Args:
        ink: n patches; the first pixel of the first row must not be ink.
        labels: (n * PATCH_SIDE, PATCH_SIDE), the component of each pixel from 1, 0 for paper.
    """
    width = PATCH_SIDE + 1
    padded = np.zeros((len(labels), width), np.bool_)  # so that no run continues in the next row
    padded[:, :PATCH_SIDE] = ink.reshape(-1, PATCH_SIDE)
    pixels = padded.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    row = changes[::2] // width
    start, stop = changes[::2] - row * width, changes[1::2] - row * width
    label = labels[row, start].astype(np.int64) - 1
    patch = row // PATCH_SIDE
    return Runs(label, patch, row - patch * PATCH_SIDE, start, stop)


def drawn_runs(runs: Runs, chosen: npt.NDArray[np.bool_], n: int) -> Flags:
    """Draw the chosen runs (r,) in n patches."""
    first = ((runs.patch * PATCH_SIDE + runs.row) * PATCH_SIDE + runs.start)[chosen]
    length = (runs.stop - runs.start)[chosen]
    drawn_before = np.cumsum(length) - length
    drawn = np.zeros((n, PATCH_SIDE, PATCH_SIDE), np.bool_)
    place = np.repeat(first - drawn_before, length) + np.arange(length.sum())
    drawn.ravel()[place] = True
    return drawn


def _components(runs: Runs, lines: BoxLines) -> Components:
    """Measure the components of ink.

    OpenCV's statistics take longer, as they visit the pixels of paper too.
    """
    area = sums_by_label(runs.label, runs.stop - runs.start)
    patch = np.zeros_like(area)
    patch[runs.label] = runs.patch
    left, right = bounds_by_label(runs.label, (runs.start, runs.stop - 1), len(area))
    top, bottom = bounds_by_label(runs.label, (runs.row,), len(area))
    box = np.ceil(lines.edge).astype(np.int64)[:, runs.patch]
    within = np.minimum(runs.stop, box[2]) - np.maximum(runs.start, box[0])
    within[(within < 0) | (runs.row < box[1]) | (runs.row >= box[3])] = 0
    return Components(patch, area, sums_by_label(runs.label, within), left, top, right, bottom)


def sums_by_label(
    label: npt.NDArray[np.int64], values: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the sum of the values of each label, (m,)."""
    return np.bincount(label, values).astype(np.int64)


def bounds_by_label(
    label: npt.NDArray[np.int64], places: Sequence[npt.NDArray[np.int64]], m: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first column (row) of each of m components, and the one after its last."""
    taken = np.zeros((m, PATCH_SIDE), np.bool_)
    for place in places:
        taken.ravel()[label * PATCH_SIDE + place] = True
    return taken.argmax(axis=1), PATCH_SIDE - taken[:, ::-1].argmax(axis=1)


def _own_components(
    parts: Components, residue: npt.NDArray[np.bool_], n: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return flags of components that belong to their box's digit, (m,), and of blank boxes, (n,).

    Components mostly outside the box, specks and the `residue` of lines, (m,), do not belong to the
    digit. Detached strokes of the digit do.
    """
    own = (parts.inside >= _MIN_SHARE_IN_BOX * parts.area) & ~residue
    largest = np.zeros(n, np.int64)
    np.maximum.at(largest, parts.patch[own], parts.area[own])
    own &= parts.area >= np.maximum(_MIN_PART_OVER_LARGEST * largest[parts.patch], _MIN_PART_AREA)
    blank = _too_small(parts, own, n)
    return own & ~blank[parts.patch], blank


def _too_small(parts: Components, own: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """Return whether a box's own components are missing or too small for a digit, (n,)."""
    patch = parts.patch[own]
    area = np.bincount(patch, parts.area[own], minlength=n)
    extent, largest = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for low, high in ((parts.left, parts.right), (parts.top, parts.bottom)):
        start, stop = np.full(n, PATCH_SIDE), np.zeros(n, np.int64)
        np.minimum.at(start, patch, low[own])
        np.maximum.at(stop, patch, high[own])
        extent = np.maximum(extent, stop - start)
        np.maximum.at(largest, patch, (high - low)[own])
    return np.asarray(
        (extent < _MIN_DIGIT_EXTENT)
        | (largest < _MIN_LARGEST_PART_EXTENT)
        | (area < _MIN_DIGIT_AREA)
    )


def _along_a_side(parts: Components, lines: BoxLines) -> npt.NDArray[np.bool_]:
    """Return whether a component is so near the left or right edge that it may be a line, (m,)."""
    left, _, right, _ = lines.edge[:, parts.patch]
    return np.asarray(
        (parts.right <= left + _THICK_LINE_ZONE) | (parts.left >= right - _THICK_LINE_ZONE)
    )


def holds_two(own: Flags) -> npt.NDArray[np.bool_]:
    """Return which boxes hold two parts side by side, each high enough for a digit, (n,)."""
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


def _along_an_edge(parts: Components, lines: BoxLines) -> npt.NDArray[np.bool_]:
    """Return whether a component is residue of a line: it lies wholly beside one edge, (m,)."""
    left, top, right, bottom = lines.edge[:, parts.patch]
    beside = (parts.right <= left + _LINE_RESIDUE_ZONE) | (parts.left >= right - _LINE_RESIDUE_ZONE)
    above = (parts.bottom <= top + _LINE_RESIDUE_ZONE) | (parts.top >= bottom - _LINE_RESIDUE_ZONE)
    return np.asarray(beside | above)
