"""The digit's ink in the patch of each box: without paper, box lines, neighbours and specks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.crop.background import Darkness, measure_darkness
from formreader.crop.box_lines import BoxLines, find_lines, without_lines
from formreader.crop.patches import PATCH, SIDE, Flags, Patches, mosaic, side_by_side, upright

_THINNEST_DIGIT = 0.004
"""Share of a box that the ink of a small, thin digit covers: its darkest pixels are the pen's."""

_INK_SHARE = 0.3
"""Darkness of ink as a share of the pen's."""

_EDGE_ZONE = round(0.12 * SIDE)
"""What lies wholly this near to an edge is a remain of its line."""

_OWN_SHARE = 0.5
"""Share of a stroke that lies in the box if it is not the neighbour's."""

_MIN_EXTENT = 0.14 * SIDE
_MIN_PART = 0.12 * SIDE
_MIN_AREA = 0.003 * SIDE**2
"""Extent of a digit, extent of its largest part, and its area: less is dots."""

_SPECK_SHARE = 0.02
_SPECK_AREA = 3
"""Area up to which a part is a speck, as a share of the largest part's and in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPatches:
    """The patches of n boxes, measured: what is dark in them, and what of that are printed lines.

    `level` (n,) is the darkness of the darkest strokes in each box, 0 where there are
    none.
    """

    darkness: Darkness
    lines: BoxLines
    level: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Ink that lies side by side in a row, from the top down, (r,) each.

    `label` is the component from 0, `patch` and `row` where it lies, `start` its first
    column and `stop` the one after its last.
    """

    label: npt.NDArray[np.int64]
    patch: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Components:
    """Connected parts of ink, (m,) each: whose patch, area, area inside the box, bounds in pixels.

    `left`, `top` are the first column and row, `right`, `bottom` the ones after the last.
    """

    patch: npt.NDArray[np.int64]
    area: npt.NDArray[np.int64]
    inside: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    bottom: npt.NDArray[np.int64]


def measure_patches(patches: Patches) -> MeasuredPatches:
    """Measure patches (n, PATCH, PATCH), dark ink on bright paper."""
    darkness = measure_darkness(patches)
    dark = _darker(darkness.values, darkness.floor)
    lines = find_lines(dark)
    counts = histograms(darkness.values * (dark & lines.inside & ~lines.covered))
    # From the darkest down: where as many pixels are passed as the thinnest digit has.
    passed = counts[:, ::-1].cumsum(axis=1) > _THINNEST_DIGIT * SIDE**2
    level = np.where(passed.any(axis=1), 255 - passed.argmax(axis=1), 0)
    return MeasuredPatches(darkness, lines, level)


def histograms(values: Patches) -> npt.NDArray[np.int64]:
    """(n, 256) how often each value but 0 occurs in each of n patches.

    Most pixels are 0: eight of them at once are passed over.
    """
    words = values.reshape(-1).view(np.uint64)
    place = np.flatnonzero(words != 0)
    pixels = words[place].view(np.uint8).reshape(-1, 8)
    patch = place // (PATCH**2 // 8)
    counts = np.bincount((patch[:, None] * 256 + pixels).ravel(), minlength=256 * len(values))
    counts[::256] = 0
    return counts.reshape(-1, 256)


def separate_ink(
    measured: MeasuredPatches, faintest: float = 0.0
) -> tuple[Patches, npt.NDArray[np.bool_]]:
    """The ink of the one digit in each box.

    Args:
        measured: n boxes.
        faintest: darkness up to which nothing on this page is ink (a watermark, what
            shines through from behind).

    Returns:
        (n, PATCH, PATCH) uint8 darkness of the digits' ink on pure black, and (n,) bool
        which boxes are blank: what ink there is is too little or too small for a digit.
    """
    darkness, level = measured.darkness, measured.level
    # Half-dark rims of strokes are ink only where the stroke itself is dark.
    least = np.maximum(darkness.floor, _INK_SHARE * level)
    least[level <= faintest] = 255
    ink = _darker(darkness.values, least)
    # Patches lie one below the other: their parts must not touch, nor must the rims.
    ink[:, 0] = ink[:, -1] = False
    rest = without_lines(ink, measured.lines)
    own, blank = _own_ink(rest, measured.lines)
    around = cv2.dilate(side_by_side(own.view(np.uint8)), np.ones((3, 3), np.uint8))
    rims = upright(np.asarray(around, np.uint8), len(own)).view(np.bool_) & ~ink
    return darkness.values * (own | rims), blank


def _darker(values: Patches, least: npt.NDArray[np.float64]) -> Flags:
    """Which pixels are darker than the `least` (n,) of their patch."""
    return np.asarray(values > np.minimum(least, 255).astype(np.uint8)[:, None, None])


def _own_ink(ink: Flags, lines: BoxLines) -> tuple[Flags, npt.NDArray[np.bool_]]:
    """What of the ink makes up each box's digit, and which boxes have none."""
    _, labels = cv2.connectedComponents(mosaic(ink.view(np.uint8)), connectivity=8)
    runs = _find_runs(ink, np.asarray(labels, np.int32))
    kept, blank = _own_components(_components(runs, lines), lines)
    return _drawn(runs, kept[runs.label], len(ink)), blank


def _find_runs(ink: Flags, labels: npt.NDArray[np.int32]) -> _Runs:
    """The runs of ink in rows of patches, and the components that `labels` (n * PATCH, PATCH) has.

    The first pixel of the first row must not be ink.
    """
    wide = PATCH + 1
    apart = np.zeros((len(labels), wide), np.bool_)  # no run goes on in the next row
    apart[:, :PATCH] = ink.reshape(-1, PATCH)
    pixels = apart.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    row = changes[::2] // wide
    start, stop = changes[::2] - row * wide, changes[1::2] - row * wide
    label = labels[row, start].astype(np.int64) - 1
    patch = row // PATCH
    return _Runs(label, patch, row - patch * PATCH, start, stop)


def _drawn(runs: _Runs, chosen: npt.NDArray[np.bool_], n: int) -> Flags:
    """The pixels of the chosen runs (r,) in n patches."""
    first = ((runs.patch * PATCH + runs.row) * PATCH + runs.start)[chosen]
    length = (runs.stop - runs.start)[chosen]
    passed = np.cumsum(length)
    drawn = np.zeros((n, PATCH, PATCH), np.bool_)
    place = np.repeat(first - passed + length, length) + np.arange(length.sum())
    drawn.ravel()[place] = True
    return drawn


def _components(runs: _Runs, lines: BoxLines) -> _Components:
    """The components of ink.

    OpenCV's statistics take longer: they go through the paper as well.
    """
    area = _sums(runs.label, runs.stop - runs.start)
    patch = np.zeros_like(area)
    patch[runs.label] = runs.patch
    left, right = _bounds(runs.label, (runs.start, runs.stop - 1), len(area))
    top, bottom = _bounds(runs.label, (runs.row,), len(area))
    box = np.ceil(lines.edge).astype(np.int64)[:, runs.patch]
    within = np.minimum(runs.stop, box[2]) - np.maximum(runs.start, box[0])
    within[(within < 0) | (runs.row < box[1]) | (runs.row >= box[3])] = 0
    return _Components(patch, area, _sums(runs.label, within), left, top, right, bottom)


def _sums(label: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(m,) the sums of the values of each label."""
    return np.bincount(label, values).astype(np.int64)


def _bounds(
    label: npt.NDArray[np.int64], places: Sequence[npt.NDArray[np.int64]], m: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first of the columns (rows) at which each of m components is, and the one after them."""
    taken = np.zeros((m, PATCH), np.bool_)
    for at in places:
        taken.ravel()[label * PATCH + at] = True
    return taken.argmax(axis=1), PATCH - taken[:, ::-1].argmax(axis=1)


def _own_components(
    parts: _Components, lines: BoxLines
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which components make up their box's digit, (m,), and which boxes have none, (n,).

    What lies mostly outside the box is the neighbour's; specks and remains of lines
    along the edge go; a detached stroke stays.
    """
    n = lines.edge.shape[1]
    own = (parts.inside >= _OWN_SHARE * parts.area) & ~_along_an_edge(parts, lines)
    largest = np.zeros(n, np.int64)
    np.maximum.at(largest, parts.patch[own], parts.area[own])
    own &= parts.area >= np.maximum(_SPECK_SHARE * largest[parts.patch], _SPECK_AREA)
    blank = _too_small(parts, own, n)
    return own & ~blank[parts.patch], blank


def _too_small(parts: _Components, own: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    """(n,) whether what a box has of its own is no digit: nothing, or dots."""
    patch = parts.patch[own]
    area = np.bincount(patch, parts.area[own], minlength=n)
    extent, largest = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for low, high in ((parts.left, parts.right), (parts.top, parts.bottom)):
        start, stop = np.full(n, PATCH), np.zeros(n, np.int64)
        np.minimum.at(start, patch, low[own])
        np.maximum.at(stop, patch, high[own])
        extent = np.maximum(extent, stop - start)
        np.maximum.at(largest, patch, (high - low)[own])
    return np.asarray((extent < _MIN_EXTENT) | (largest < _MIN_PART) | (area < _MIN_AREA))


def _along_an_edge(parts: _Components, lines: BoxLines) -> npt.NDArray[np.bool_]:
    """(m,) whether a component is a thin remain of a line: wholly in the zone of one edge."""
    left, top, right, bottom = lines.edge[:, parts.patch]
    beside = (parts.right <= left + _EDGE_ZONE) | (parts.left >= right - _EDGE_ZONE)
    above = (parts.bottom <= top + _EDGE_ZONE) | (parts.top >= bottom - _EDGE_ZONE)
    return np.asarray(beside | above)
