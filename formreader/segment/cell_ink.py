"""Separate the ink of a number from paper, the lines of its cell, and specks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise, starmap
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.geometry import scaling
from formreader.core.paper import INK_OVER_NOISE, paper_under_ink
from formreader.core.records import GreyImage
from formreader.crop.normaliser import MIN_INK_GREY, WHITE_QUANTILE

Ink: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, bright ink on pure black."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) bool."""

Binary: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, 0 or 1."""

_MIN_PATCH_HEIGHT, _MAX_PATCH_HEIGHT = 48, 96
"""Smallest and largest height in pixels of a cell in its patch: digits keep more detail than their
crops show. No measurement on record."""

_CELL_MARGIN = 0.2
"""Margin of a patch around its cell, in heights of the cell, for strokes that leave the cell. No
measurement on record."""

_MIN_DARKNESS_OF_CELL_INK = 20.0
_MIN_CELL_INK_OVER_PEN = 0.35
_MIN_INK_OF_CELL = 0.004
"""Ink is at least so many grey values darker than the paper, and has at least this share of the
pen's darkness. The darkest pixels, this share of the cell, show how dark the pen is. No measurement
on record."""

_MIN_INK_OF_DIGIT = 0.01
"""Squared heights of a cell that the smallest digit in it covers. No measurement on record."""

_PAPER_CLOSING_OF_CELL = 0.6
"""Side of the closing that estimates the paper, as a share of the patch's shorter side: wider than
any stroke. No measurement on record."""

_CELL_EDGE_ZONE = 0.14
_MIN_LENGTH_OF_LINE_ACROSS, _MIN_LENGTH_OF_LINE_DOWN = 0.9, 0.55
"""In heights of the cell: how far from the edges lines are searched for, and the smallest length of
lines across and down. No measurement on record."""

_STROKE_CONTEXT = 2
"""Pixels on both sides of a line that show whether a stroke crosses it. No measurement on
record."""

_MIN_PART_EXTENT_IN_CELL = 0.1
_MIN_TALLEST_PART = 0.25
"""In heights of the cell: a component whose longer side is shorter is a speck; a cell whose tallest
component is lower is blank. No measurement on record."""


_MIN_LOOSE_AREA_OF_CELL, _MIN_LOOSE_HEIGHT_OF_CELL = 0.012, 0.3
"""A component that is not the number's is loose ink from this area inside the cell, in squared
heights of the cell, and from this height, in the same: a digit at the edge, or cut off by it. Set
on `numbers/composed`: of 1,917 numbers 38 are accepted wrongly with it, 49 without; 0.006 and 0.25
spared three more, and gave up five right ones."""


_LEVELS = np.arange(256)
"""All grey values, to work out a function of them once instead of at each pixel."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of a patch: left, top, right and bottom in its pixels, the last two exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and its columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class CellInk:
    """What is written in a cell.

    `ink` is (h, w) uint8, strokes near 255 on pure black, all black if nothing is written.
    `darkness`, (h, w) uint8, is how much darker than the paper each pixel of the patch is, lines
    and other cells' ink included; `margin` pixels of it lie around the cell. `written` is where
    the number stands and any stroke in the cell that may be of it; None if there are none.
    `loose_ink`: there are such strokes that are not in `ink`, perhaps a digit at the cell's edge.
    `darkest` is the darkness of the darkest strokes within the cell's lines, in grey values: at
    most as little of them as of a thin 1 may be darker.
    """

    ink: Ink
    darkness: Ink
    margin: int
    written: Extent | None = None
    loose_ink: bool = False
    darkest: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class CellPatch(CellInk):
    """A cell, upright, and its ink.

    `to_page` is the (3, 3) homography from the patch's pixels to the page's.
    """

    to_page: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


def cut_cell_patch(image: GreyImage, corners: npt.NDArray[np.float64]) -> CellPatch:
    """Cut a cell out of its page and separate its ink.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        corners: (4, 2) page pixels, clockwise from the top left of the upright form.
    """
    around: list[tuple[float, float]] = [*corners.tolist(), corners[0].tolist()]
    top, right, bottom, left = starmap(math.dist, pairwise(around))
    width, height = (top + bottom) / 2, (right + left) / 2
    scale = min(max(1.0, _MIN_PATCH_HEIGHT / height), _MAX_PATCH_HEIGHT / height)
    # Warp without reducing, then reduce by averaging: a reducing warp would skip pixels.
    warped = max(scale, 1.0)
    patch, to_page = _warp(image, corners, round(width * warped), round(height * warped))
    if scale < 1:
        size = (max(round(patch.shape[1] * scale), 1), max(round(patch.shape[0] * scale), 1))
        shrink = np.array([patch.shape[1] / size[0], patch.shape[0] / size[1]])
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        to_page = to_page @ scaling(*shrink)
    cell = cell_ink(patch, round(_CELL_MARGIN * round(height * scale)))
    told = cell.written, cell.loose_ink, cell.darkest
    return CellPatch(cell.ink, cell.darkness, cell.margin, *told, to_page)


def _warp(
    image: GreyImage, corners: npt.NDArray[np.float64], width: int, height: int
) -> tuple[GreyImage, npt.NDArray[np.float64]]:
    """Warp a cell with its margin to a given size; return it and the homography to the page."""
    margin = round(_CELL_MARGIN * height)
    right, bottom = margin + width, margin + height
    target = np.array([[margin, margin], [right, margin], [right, bottom], [margin, bottom]])
    # Corners lie on pixel edges in the patch, on pixel centres on the page.
    forward = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (target - 0.5).astype(np.float32)
    )
    patch = cv2.warpPerspective(
        image,
        forward,
        (width + 2 * margin, height + 2 * margin),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(patch, np.uint8), np.linalg.inv(np.asarray(forward, np.float64))


def cell_ink(patch: GreyImage, margin: int) -> CellInk:
    """Separate the handwriting in a cell from everything else.

    Args:
        patch: (h, w) uint8, dark on bright, with `margin` pixels around the cell.
    """
    darkness, floor = _darkness(patch)
    lines, strokes = _find_lines(_darker(darkness, floor), margin)
    inner = slice(margin, len(patch) - margin), slice(margin, patch.shape[1] - margin)
    free = ~lines[inner]
    result = np.zeros_like(patch)
    if not free.any():
        return CellInk(result, darkness, margin)
    level = quantile(darkness[inner], 1 - _MIN_INK_OF_CELL, free)
    smallest = min(_MIN_INK_OF_DIGIT * free.shape[0] ** 2 / np.count_nonzero(free), 1.0)
    darkest = quantile(darkness[inner], 1 - smallest, free)
    ink = _darker(darkness, max(floor, _MIN_CELL_INK_OVER_PEN * level))
    own, written, loose = _own_parts(ink & ~lines | strokes, margin)
    left, top, width, height = cv2.boundingRect(own.view(np.uint8))
    if width:
        part = slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)
        result[part] = _brightened(darkness[part], own[part], ink[part] | lines[part])
    return CellInk(result, darkness, margin, written, loose, darkest)


def _brightened(darkness: Ink, own: Flags, other: Flags) -> Ink:
    """Scale the cell's own ink to white; keep the soft rims of its strokes off other ink."""
    soft = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    full = max(quantile(darkness, WHITE_QUANTILE, own), 1.0)
    levels = np.minimum(_LEVELS * (255.0 / full), 255.0).astype(np.uint8)
    bright = np.asarray(cv2.LUT(darkness, levels), np.uint8)
    kept = (own | (soft & ~other)) & (bright >= MIN_INK_GREY)
    return np.asarray(bright * kept, np.uint8)


def quantile(values: Ink, share: float, chosen: Flags | None = None) -> float:
    """Compute `numpy.quantile` of the chosen values (all if None) from their histogram."""
    mask = None if chosen is None else chosen.view(np.uint8)
    passed = cv2.calcHist([values], [0], mask, [256], [0, 256]).ravel().cumsum()
    place = share * (float(passed[-1]) - 1)
    below = math.floor(place)
    low, high = np.searchsorted(passed, (below, math.ceil(place)), side="right").tolist()
    return float(low + (place - below) * (high - low))


def _darkness(patch: GreyImage) -> tuple[npt.NDArray[np.uint8], float]:
    """Return how much darker than the paper each pixel is, and up to which darkness that is noise.

    The median difference to a small blur and the lower quartile of the darkness measure paper
    only: strokes cover less than half of a cell.
    """
    reach = int(_PAPER_CLOSING_OF_CELL * min(patch.shape)) | 1
    smooth = cv2.GaussianBlur(patch, (3, 3), 0)
    paper = paper_under_ink(np.asarray(smooth, np.uint8), reach)
    darkness = np.asarray(cv2.subtract(cv2.blur(paper, (reach, reach)), patch), np.uint8)
    rough = np.asarray(cv2.absdiff(patch, cv2.blur(patch, (3, 3))), np.uint8)
    noise = INK_OVER_NOISE * quantile(rough, 0.5)
    floor = max(_MIN_DARKNESS_OF_CELL_INK, quantile(darkness, 0.25) + noise)
    return darkness, floor


def _darker(darkness: Ink, threshold: float) -> Flags:
    """Mark the pixels above a threshold; comparing integers is faster than comparing floats."""
    return np.asarray(darkness > math.floor(threshold), np.bool_)


def _find_lines(ink: Flags, margin: int) -> tuple[Flags, Flags]:
    """Find the printed lines, and the ink on them that belongs to strokes across them."""
    height = ink.shape[0] - 2 * margin
    reach = max(round(_CELL_EDGE_ZONE * height), 2)
    dark = ink.view(np.uint8)
    lines, strokes = np.zeros_like(dark), np.zeros_like(dark)
    for share in (_MIN_LENGTH_OF_LINE_ACROSS, _MIN_LENGTH_OF_LINE_DOWN):
        for edge in (margin, len(dark) - margin):
            near = slice(max(edge - reach, 0), edge + reach)
            lines[near] |= _long_runs(dark[near], max(round(share * height), 3))
            around = slice(max(near.start - _STROKE_CONTEXT, 0), near.stop + _STROKE_CONTEXT)
            strokes[around] |= _strokes_across(dark[around], lines[around])
        # The second round finds the lines down in the transposed patch and transposes it back.
        dark, lines, strokes = (_transposed(part) for part in (dark, lines, strokes))
    return lines.view(np.bool_), strokes.view(np.bool_)


def _transposed(part: Binary) -> Binary:
    """The rows of a part as its columns; several times as fast as numpy's."""
    return np.asarray(cv2.transpose(part), np.uint8)


def _long_runs(ink: Binary, length: int) -> Binary:
    """Find the horizontal runs of at least `length` pixels in a strip.

    A run that reaches the strip's end is taken to go on beyond it.
    """
    # A line that is not quite straight continues in the row above or below.
    runs = np.asarray(cv2.dilate(ink, np.ones((3, 1), np.uint8)), np.uint8)
    # Most rows hold too little ink for a run: they are left out, which saves half of the time.
    filled = cv2.reduce(runs, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() >= length // 2
    if not filled.any():
        return np.zeros_like(ink)
    first, last = int(filled.argmax()), len(filled) - int(filled[::-1].argmax())
    row = np.ones((1, length), np.uint8)
    runs[first:last] = cv2.morphologyEx(runs[first:last], cv2.MORPH_OPEN, row)
    runs[:first] = runs[last:] = 0
    return runs


def _strokes_across(ink: Binary, line: Binary) -> Binary:
    """Find the ink on the line of a strip that has ink both above and below the line."""
    # Sums of columns: OpenCV's are quicker than numpy's.
    thickness = int(cv2.reduce(line, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S).max(initial=0))
    if not thickness:
        return np.zeros_like(ink)
    beside = cv2.subtract(ink, line)
    closed = cv2.morphologyEx(beside, cv2.MORPH_CLOSE, np.ones((thickness + 2, 3), np.uint8))
    return np.asarray(closed, np.uint8) & line & ink


def _own_parts(ink: Flags, margin: int) -> tuple[Flags, Extent | None, bool]:
    """Keep components that are mostly inside the cell and are no specks or remnants of lines.

    Also tell where these are and all others that may be digits, and whether there are such others.
    """
    labels, stats = connected_parts(ink.view(np.uint8))
    rows, columns = (side - 2 * margin for side in ink.shape)
    within = labels[margin : margin + rows, margin : margin + columns]
    inside = np.bincount(within.ravel(), minlength=len(stats))
    left, top = stats[:, cv2.CC_STAT_LEFT] - margin, stats[:, cv2.CC_STAT_TOP] - margin
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    reach = max(round(_CELL_EDGE_ZONE * rows), 2)
    own = 2 * inside >= stats[:, cv2.CC_STAT_AREA]
    own &= (top + height > reach) & (top < rows - reach)
    own &= (left + width > reach) & (left < columns - reach)
    own &= np.maximum(width, height) >= _MIN_PART_EXTENT_IN_CELL * rows
    large = inside >= _MIN_LOOSE_AREA_OF_CELL * rows**2
    loose = large & (height >= _MIN_LOOSE_HEIGHT_OF_CELL * rows) & ~own
    own[0] = loose[0] = False
    kept = np.zeros_like(ink)
    extent = _around(stats[own])
    if extent is not None and (height[own] >= _MIN_TALLEST_PART * rows).any():
        kept[extent.slices] = own.take(labels[extent.slices])
    return kept, _around(stats[own | loose]), bool(loose.any())


def _around(stats: npt.NDArray[np.int32]) -> Extent | None:
    """Return the extent of n components, given their OpenCV statistics (n, 5); None for none."""
    if not len(stats):
        return None
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    return Extent(int(left.min()), int(top.min()), int(right.max()), int(bottom.max()))
