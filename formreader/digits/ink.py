"""The digit's ink in the patch of a box: without paper, box lines, neighbours and specks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.types import GreyImage

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(h, w) bool."""

Band: TypeAlias = tuple[int, int, int]
"""Axis across a line (0: rows, 1: columns), its first row or column, and the one after its last."""

_MIN_DARKNESS = 14.0
_NOISE_FACTOR = 5.0
_INK_SHARE = 0.35
_SEARCH = 0.12
_LINE_COVERAGE = 0.85
_EDGE_COVERAGE = 0.4
_END_SHARE = 0.18
_END_COVERAGE = 0.2
_MIN_EXTENT = 0.14
_MIN_PART = 0.12
_MIN_AREA = 0.003
_THINNEST_DIGIT = 0.008
_SPECK_SHARE = 0.02
_OWN_SHARE = 0.5
_ROUGH = 34.0
_SMOOTHING = 1.4
_SLANT = 3


@dataclass(frozen=True, slots=True, eq=False)
class BoxPatch:
    """The patch of a box, measured: what is dark in it, and what of that are printed lines.

    `darkness` is (h, w) uint8, how much darker than the paper; up to `floor` it is
    paper and noise. `level` is the darkness of the darkest strokes in the box, 0 where
    there are none. `margin` is the number of pixels between the patch's border and
    the box.
    """

    darkness: npt.NDArray[np.uint8]
    floor: float
    bands: list[Band]
    lines: Flags
    level: float
    margin: int


def measure_patch(patch: GreyImage, margin: int) -> BoxPatch:
    """Measure the patch of a box, (h, w) uint8, dark on bright, with `margin` pixels around it."""
    darkness, floor = _darkness_and_floor(patch)
    bands = _line_bands(darkness > floor, margin)
    lines = _band_mask(bands, darkness.shape)
    height, width = darkness.shape
    inside = np.s_[margin : height - margin, margin : width - margin]
    free = darkness[inside][~lines[inside]]
    rank = max(len(free) - 1 - round(_THINNEST_DIGIT * len(free)), 0)
    level = float(np.partition(free, rank)[rank]) if len(free) else 0.0
    return BoxPatch(darkness, floor, bands, lines, level if level > floor else 0.0, margin)


def separate_ink(patch: BoxPatch, faintest: float = 0.0) -> npt.NDArray[np.uint8] | None:
    """The ink of the one digit in a box.

    Args:
        patch: the box.
        faintest: darkness up to which nothing on this page is ink (a watermark, what
            shines through from behind).

    Returns:
        (h, w) uint8 darkness of the digit's ink on pure black, or None where the box
        is blank: what ink there is is too little or too small for a digit.
    """
    if patch.level <= faintest:
        return None
    # Half-dark rims of strokes are ink only where the stroke itself is dark.
    ink = patch.darkness > max(patch.floor, faintest, _INK_SHARE * patch.level)
    ink = _without_lines(ink, patch.lines, patch.bands)
    own = _own_components(ink, patch.margin)
    if own is None:
        return None
    around = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    keep = own | (around & ~ink & ~patch.lines)
    return np.where(keep, patch.darkness, 0).astype(np.uint8)


def _darkness_and_floor(patch: GreyImage) -> tuple[npt.NDArray[np.uint8], float]:
    """Darkness of each pixel, and the darkness below which there is only paper and noise.

    Where the paper is rough (halftone, a noisy copy) it is smoothed first.
    """
    darkness = _darkness(patch)
    floor = _floor(patch, darkness)
    if floor > _ROUGH:
        patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), _SMOOTHING), np.uint8)
        darkness = _darkness(patch)
        floor = max(_floor(patch, darkness), _ROUGH / 2)
    return darkness, floor


def _darkness(patch: GreyImage) -> npt.NDArray[np.uint8]:
    """How much darker than the paper around, which is what a wide closing leaves."""
    reach = max(int(0.4 * min(patch.shape)) | 1, 3)
    kernel = np.ones((reach, reach), np.uint8)
    smooth = cv2.GaussianBlur(patch, (3, 3), 0)
    paper = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    paper = cv2.blur(paper, (reach // 2 | 1, reach // 2 | 1))
    return np.asarray(cv2.subtract(paper, patch), np.uint8)


def _floor(patch: GreyImage, darkness: npt.NDArray[np.uint8]) -> float:
    """Darkness below which there is only paper and noise.

    The noise is what a small blur takes away; strokes and lines cover less than half
    of a box, so the median does not see them.
    """
    rough = cv2.absdiff(patch, cv2.blur(patch, (3, 3)))
    noise = 1.48 * float(np.median(rough))
    quarter = darkness.size // 4
    paper = float(np.partition(darkness, quarter, axis=None)[quarter])
    return max(_MIN_DARKNESS, paper + _NOISE_FACTOR * noise)


def _line_bands(ink: Flags, margin: int) -> list[Band]:
    """Where the box's four printed lines are."""
    bands = []
    reach = max(round(_SEARCH * (min(ink.shape) - 2 * margin)), 2)
    for axis, turned in ((1, ink), (0, ink.T)):
        side = turned[margin : turned.shape[0] - margin]
        coverage = side.mean(axis=0)  # of each column
        end = max(round(_END_SHARE * len(side)), 1)
        ends = np.minimum(side[:end].mean(axis=0), side[-end:].mean(axis=0))
        for edge in (margin, turned.shape[1] - margin - 1):
            near = slice(max(edge - reach, 0), min(edge + reach + 1, turned.shape[1]))
            columns = np.flatnonzero(_line_columns(coverage[near], ends[near], edge - near.start))
            if len(columns):
                bands.append(
                    (axis, near.start + int(columns[0]), near.start + int(columns[-1]) + 1)
                )
    return bands


def _band_mask(bands: list[Band], shape: tuple[int, ...]) -> Flags:
    mask = np.zeros(shape, np.bool_)
    for axis, start, stop in bands:
        (mask.T if axis else mask)[start:stop] = True
    return mask


def _line_columns(
    coverage: npt.NDArray[np.float64], ends: npt.NDArray[np.float64], edge: int
) -> Flags:
    """Which columns near an edge belong to a line.

    Nearly unbroken columns do; right at the edge broken ones do, too, if they reach
    from end to end: a 7's bar along the edge of an open box does not. `ends` is the
    coverage of the worse covered end.
    """
    line = (coverage >= _LINE_COVERAGE) & (ends >= _EDGE_COVERAGE)
    near = slice(max(edge - 2, 0), edge + 3)
    broken = (coverage[near] >= _EDGE_COVERAGE) & (ends[near] >= _END_COVERAGE)
    if not line.any() and broken.any():
        line[near] = broken & (coverage[near] >= 0.6 * coverage[near].max())
    if line.any():  # a line's soft rims
        line = np.convolve(line, np.ones(3), "same") > 0
    return np.asarray(line, np.bool_)


def _without_lines(ink: Flags, lines: Flags, bands: list[Band]) -> Flags:
    """Ink without the lines, but with the strokes that cross them.

    A stroke crosses where there is ink on both sides of the line; a slanted one
    comes out some pixels beside where it went in.
    """
    rest = ink & ~lines
    kept = rest.copy()
    slant = np.ones(2 * _SLANT + 1)
    for axis, start, stop in bands:
        across, target, source = (a.T if axis else a for a in (rest, kept, ink))
        if start == 0 or stop == len(across):
            continue
        sides = (np.convolve(side, slant, "same") > 0 for side in (across[start - 1], across[stop]))
        target[start:stop] |= source[start:stop] & np.logical_and(*sides)
    return kept


def _own_components(ink: Flags, margin: int) -> Flags | None:
    """The components that make up this box's digit, or None where there is no digit.

    What lies mostly outside the box is the neighbour's; specks and remains of lines
    along the edge go; a detached stroke stays.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    height, width = (side - 2 * margin for side in ink.shape)
    inner = labels[margin : margin + height, margin : margin + width]
    inside = np.bincount(inner.ravel(), minlength=len(stats))
    area = stats[:, cv2.CC_STAT_AREA]
    own = inside >= _OWN_SHARE * area
    own &= ~_along_an_edge(stats, margin, (height, width))
    own[0] = False
    largest = int(area[own].max(initial=0))
    own &= area >= max(_SPECK_SHARE * largest, 3)
    if not own.any():
        return None
    starts = stats[own][:, :2]
    ends = starts + stats[own][:, 2:4]
    largest_extent = float(((ends - starts) / (width, height)).max())
    extent = float(((ends.max(axis=0) - starts.min(axis=0)) / (width, height)).max())
    share = float(area[own].sum()) / (width * height)
    if extent < _MIN_EXTENT or largest_extent < _MIN_PART or share < _MIN_AREA:
        return None
    return np.asarray(own[labels], np.bool_)


def _along_an_edge(
    stats: npt.NDArray[np.number], margin: int, box: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """(n,) whether a component is a thin remain of a line: wholly in the zone of one edge."""
    height, width = box
    reach = max(round(_SEARCH * min(box)), 2)
    left, top = stats[:, cv2.CC_STAT_LEFT] - margin, stats[:, cv2.CC_STAT_TOP] - margin
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    beside = (right <= reach) | (left >= width - reach)
    above = (bottom <= reach) | (top >= height - reach)
    return np.asarray(beside | above)
