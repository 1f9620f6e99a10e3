"""The ruled lines of an upright page, as masks of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.types import GreyImage

Mask: TypeAlias = npt.NDArray[np.uint8]
"""(height, width) uint8, 255 where true."""

_THICKEST = 9
"""Lines are at most this many working pixels thick; thicker things are areas or text."""

_TEXTURE_WINDOW = 41
_TEXTURE_FACTOR = 2.0
_MIN_CONTRAST = 12
_NOISE_FACTOR = 4.0
_EXTENT_SHARE = 0.4
_GAP = 7
_AREA_DARKNESS = 145
_AREA_SIZE = 11


@dataclass(frozen=True, slots=True)
class _Direction:
    """Lengths in working pixels: averaged along the line, for its ends, and the shortest kept."""

    average: int
    extent: int
    shortest: int


_HORIZONTAL = _Direction(average=21, extent=7, shortest=16)
_VERTICAL = _Direction(average=15, extent=5, shortest=11)


@dataclass(frozen=True, slots=True, eq=False)
class LineMasks:
    """Pixels on horizontal and on vertical lines, each (height, width), 255 where true.

    A line's mask is three or more pixels wide, whatever the line's thickness, so that
    slightly tilted and broken lines hold together.
    """

    horizontal: Mask
    vertical: Mask


def find_lines(even: GreyImage) -> LineMasks:
    """Masks of the ruled lines of an upright, evenly lit page, (h, w) uint8.

    Darkness averaged along a direction and compared across it: noise, halftone dots
    and curved strokes average out, a grey hairline or a dotted line does not. A line
    must also stand out from the texture around it, which text does not. The borders
    of solid dark areas (a black bar beside a box) count as lines.
    """
    darkness = np.asarray(cv2.bitwise_not(even), np.uint8)
    horizontal = _lines_along_rows(darkness, _HORIZONTAL)
    vertical = _lines_along_rows(np.ascontiguousarray(darkness.T), _VERTICAL).T
    outlines = _area_outlines(darkness)
    flat = np.ones((1, _HORIZONTAL.average), np.uint8)
    upright = np.ones((_VERTICAL.average, 1), np.uint8)
    return LineMasks(
        np.asarray(horizontal | cv2.morphologyEx(outlines, cv2.MORPH_OPEN, flat), np.uint8),
        np.asarray(vertical | cv2.morphologyEx(outlines, cv2.MORPH_OPEN, upright), np.uint8),
    )


def _lines_along_rows(darkness: GreyImage, lengths: _Direction) -> Mask:
    contrast = _ridge(darkness, lengths.average)
    # Three quarters of any page are not line, whatever its texture.
    noise = float(np.percentile(contrast[::5, ::5], 75))
    threshold = max(_MIN_CONTRAST, _NOISE_FACTOR * noise)
    texture = cv2.blur(contrast, (_TEXTURE_WINDOW, _TEXTURE_WINDOW))
    floor = cv2.max(cv2.multiply(texture, np.array(_TEXTURE_FACTOR)), np.array(threshold))
    crest = (contrast >= cv2.dilate(contrast, np.ones((5, 1), np.uint8))) & (contrast > floor)
    # The average reaches beyond a line's ends: keep what is dark on the spot, too.
    extent = cv2.dilate(_ridge(darkness, lengths.extent), np.ones((3, 1), np.uint8))
    crest &= extent >= cv2.multiply(contrast, np.array(_EXTENT_SHARE))
    mask = cv2.dilate(crest.astype(np.uint8), np.ones((3, 1), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    keep = np.where(stats[:, cv2.CC_STAT_WIDTH] >= lengths.shortest, 255, 0).astype(np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels], np.uint8)


def _ridge(darkness: GreyImage, length: int) -> GreyImage:
    """Darkness averaged over `length` along the rows, above what lies beside it."""
    averaged = cv2.blur(darkness, (length, 1))
    across = np.ones((_THICKEST, 1), np.uint8)
    return np.asarray(cv2.morphologyEx(averaged, cv2.MORPH_TOPHAT, across), np.uint8)


def _area_outlines(darkness: GreyImage) -> Mask:
    dark = cv2.threshold(darkness, _AREA_DARKNESS, 255, cv2.THRESH_BINARY)[1]
    areas = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((_AREA_SIZE,) * 2, np.uint8))
    return np.asarray(cv2.morphologyEx(areas, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
