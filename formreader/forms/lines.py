"""The ruled lines of an upright page, as masks of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from cv2.typing import MatLike

from formreader.types import GreyImage

Mask: TypeAlias = MatLike
"""(height, width) uint8, 255 where true (typed as OpenCV types what it returns)."""

_THICKEST = 9
"""Lines are at most this many working pixels thick; thicker things are areas or text."""

_TEXTURE_WINDOW = 41
_TEXTURE_FACTOR = 2.0
_MIN_CONTRAST = 12
_NOISE_FACTOR = 4.0
_EXTENT_SHARE = 0.4
_WEAK_SHARE = 0.45
_MIN_STRONG = 5
_GAP = 7
_DARK = 145


@dataclass(frozen=True, slots=True)
class _Direction:
    """Lengths along one direction, in working pixels.

    Darkness is averaged over `average`; `extent` is the shorter average that tells a
    line's ends. Lines are at least `shortest` long; a `run` of dark pixels is a line
    whatever its thickness.
    """

    average: int
    extent: int
    shortest: int
    run: int


_HORIZONTAL = _Direction(average=21, extent=7, shortest=16, run=27)
_VERTICAL = _Direction(average=15, extent=5, shortest=11, run=21)


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
    vertical = np.ascontiguousarray(
        _lines_along_rows(np.ascontiguousarray(darkness.T), _VERTICAL).T
    )
    dark = cv2.threshold(darkness, _DARK, 255, cv2.THRESH_BINARY)[1]
    flat = _dark_runs(dark, (_HORIZONTAL.run, 1))
    upright = _dark_runs(dark, (1, _VERTICAL.run))
    return LineMasks(
        np.asarray(cv2.bitwise_or(horizontal, flat)), np.asarray(cv2.bitwise_or(vertical, upright))
    )


def _lines_along_rows(darkness: GreyImage, lengths: _Direction) -> Mask:
    contrast = _ridge(darkness, lengths.average)
    # Three quarters of any page are not line, whatever its texture.
    sample = contrast[::5, ::5].ravel()
    noise = float(np.partition(sample, 3 * len(sample) // 4)[3 * len(sample) // 4])
    threshold = np.uint8(min(max(_MIN_CONTRAST, _NOISE_FACTOR * noise), 255))
    weak_threshold = np.uint8(_WEAK_SHARE * threshold)
    texture = cv2.blur(contrast, (_TEXTURE_WINDOW, _TEXTURE_WINDOW))
    texture = cv2.convertScaleAbs(texture, alpha=_TEXTURE_FACTOR)
    crest = contrast >= cv2.dilate(contrast, np.ones((5, 1), np.uint8))
    strong = crest & (contrast > np.maximum(texture, threshold))
    # The average fades towards a line's ends, so weaker pixels next to strong ones belong
    # to it; but it also reaches beyond them, so something must be dark on the spot.
    reach = cv2.dilate(strong.astype(np.uint8), np.ones((3, lengths.average), np.uint8)) > 0
    weak = crest & reach & (contrast > np.maximum(texture, weak_threshold))
    extent = cv2.dilate(_ridge(darkness, lengths.extent), np.ones((3, 1), np.uint8))
    weak &= extent >= cv2.convertScaleAbs(contrast, alpha=_EXTENT_SHARE)
    mask = cv2.dilate(weak.astype(np.uint8), np.ones((3, 1), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, _GAP), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    strong_pixels = np.bincount(labels[strong], minlength=len(stats))
    long = stats[:, cv2.CC_STAT_WIDTH] >= lengths.shortest
    keep = np.where(long & (strong_pixels >= _MIN_STRONG), 255, 0).astype(np.uint8)
    keep[0] = 0
    return np.asarray(keep[labels], np.uint8)


def _ridge(darkness: GreyImage, length: int) -> GreyImage:
    """Darkness averaged over `length` along the rows, above what lies beside it."""
    averaged = cv2.blur(darkness, (length, 1))
    across = np.ones((_THICKEST, 1), np.uint8)
    return np.asarray(cv2.morphologyEx(averaged, cv2.MORPH_TOPHAT, across), np.uint8)


def _dark_runs(dark: Mask, size: tuple[int, int]) -> Mask:
    """Dark runs of one direction, (width, height) long; of what is thick only the borders."""
    runs = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8))
    across = tuple(_THICKEST + 2 if side == 1 else 1 for side in size)
    thick = cv2.morphologyEx(runs, cv2.MORPH_OPEN, np.ones(across[::-1], np.uint8))
    borders = cv2.morphologyEx(thick, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    borders = cv2.morphologyEx(borders, cv2.MORPH_OPEN, np.ones(size[::-1], np.uint8))
    return np.asarray(cv2.bitwise_or(cv2.subtract(runs, thick), borders))
