"""The digit's ink in the patch of each box: without paper, box lines, neighbours and specks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.digits.box_lines import BoxLines, find_lines, without_lines
from formreader.digits.paper import Darkness, measure_darkness
from formreader.digits.patches import PATCH, SIDE, Flags, Patches, mosaic

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
    counts = histograms(darkness.values, dark & lines.inside & ~lines.covered)
    # From the darkest down: where as many pixels are passed as the thinnest digit has.
    passed = counts[:, ::-1].cumsum(axis=1) > _THINNEST_DIGIT * SIDE**2
    level = np.where(passed.any(axis=1), 255 - passed.argmax(axis=1), 0)
    return MeasuredPatches(darkness, lines, level)


def histograms(values: Patches, chosen: Flags) -> npt.NDArray[np.int64]:
    """(n, 256) how often each value occurs among the chosen pixels of each of n patches."""
    place = np.flatnonzero(chosen)
    values_of_patches = place // PATCH**2 * 256 + np.take(values, place)
    return np.bincount(values_of_patches, minlength=256 * len(values)).reshape(-1, 256)


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
    around = np.asarray(cv2.dilate(mosaic(own.view(np.uint8)), np.ones((3, 3), np.uint8)), np.uint8)
    keep = own | (around.reshape(own.shape).view(np.bool_) & ~ink)
    return darkness.values * keep, blank


def _darker(values: Patches, least: npt.NDArray[np.float64]) -> Flags:
    """Which pixels are darker than the `least` (n,) of their patch."""
    return np.asarray(values > np.minimum(least, 255).astype(np.uint8)[:, None, None])


def _own_ink(ink: Flags, lines: BoxLines) -> tuple[Flags, npt.NDArray[np.bool_]]:
    """What of the ink makes up each box's digit, and which boxes have none."""
    _, labels = cv2.connectedComponents(mosaic(ink.view(np.uint8)), connectivity=8)
    place = np.flatnonzero(ink)
    label = np.take(labels, place).astype(np.int64) - 1
    parts = _components(place, label, np.take(lines.inside, place))
    kept, blank = _own_components(parts, lines)
    own = np.zeros_like(ink)
    own.ravel()[place] = kept[label]
    return own, blank


def _components(
    place: npt.NDArray[np.int64], label: npt.NDArray[np.int64], inside: npt.NDArray[np.bool_]
) -> _Components:
    """The components of ink pixels.

    Where each pixel lies, which component it belongs to, and whether it lies in its box.
    OpenCV's statistics take longer: they go through the paper as well.
    """
    row = place // PATCH
    area = np.bincount(label)
    patch = np.zeros_like(area)
    patch[label] = row // PATCH
    left, right = _bounds(label, place - row * PATCH, len(area))
    top, bottom = _bounds(label, row - patch[label] * PATCH, len(area))
    inside_area = np.bincount(label[inside], minlength=len(area))
    return _Components(patch, area, inside_area, left, top, right, bottom)


def _bounds(
    label: npt.NDArray[np.int64], at: npt.NDArray[np.int64], m: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first of the columns (rows) at which each of m components is, and the one after them."""
    taken = np.zeros((m, PATCH), np.bool_)
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
