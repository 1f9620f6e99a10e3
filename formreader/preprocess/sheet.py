"""The outline of a sheet that was photographed, or copied with dark borders.

Better no outline than a wrong one: what lies outside is lost, while a slight perspective
that stays in does little harm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.quadrilateral import FILLED, LEAST_CONTRAST, Outline, Points, fit_outline

_SIDE = 320
"""About the longest side in pixels of the copy on which the outline is looked for, where text
is no more: it is the nearest one by halves."""

_LEVELS = (0.2, 0.4, 0.6, 0.8)
"""Thresholds between the surroundings and the paper: one of them leaves a shadow on the paper."""

_LEAST_SHARE = 0.2
"""Of the picture that a sheet takes."""

_SAME = 0.004
"""Difference in area, as a share, below which two thresholds give the same outline."""

_ABOUT_THE_LARGEST = 0.93
_SMALLEST = 24
_EDGE_STRIDE = 2
_DARK_SURROUNDINGS = 0.45
"""Share of the paper's level below which nothing is paper in a shadow."""

_INK_DEPTH = 24
_BEYOND_TEXTURE = 4.0
"""How much deeper ink is than the texture of what it would be on: ink covers little of it."""

_LEAST_INK = 0.004


def paper_corners(image: GreyImage) -> Points | None:
    """The four corners of a sheet that lies on darker surroundings, or None.

    Clockwise from the top left, (4, 2) pixels; they may lie a little outside of the
    picture, where a corner is rounded or one side is not in it. None where the page
    fills the picture, as in every scan, or where its outline is not certain.

    Args:
        image: (h, w) uint8, text upright or nearly so.
    """
    halvings = max(round(math.log2(max(image.shape) / _SIDE)), 0)
    if min(image.shape) < _SMALLEST * 2**halvings:
        return None
    small = Pyramid(image).level(halvings)
    without_ink = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    smooth = np.asarray(cv2.GaussianBlur(without_ink, (0, 0), 1.0), np.uint8)
    outlines = [found for sheet in _sheets(smooth) if (found := fit_outline(sheet, smooth))]
    if not outlines:
        return None
    corners = _best(outlines).corners
    return None if _cuts_ink(corners, small, smooth) else (corners + 0.5) * 2**halvings - 0.5


def _sheets(smooth: GreyImage) -> Iterator[Points]:
    """The edges, (n, 2) points, of the largest bright thing at each of some thresholds."""
    border = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    dark = float(np.percentile(border, 15))
    if smooth.max() - dark < LEAST_CONTRAST:  # quickly told of most scans
        return
    bright = float(np.percentile(smooth, 90))
    if bright - dark < LEAST_CONTRAST:
        return
    last = 0
    for level in _LEVELS:
        threshold = dark + level * (bright - dark)
        mask = cv2.threshold(smooth, threshold, 255, cv2.THRESH_BINARY)[1]
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not contours:
            continue
        hull = cv2.convexHull(max(contours, key=cv2.contourArea))
        sheet = cv2.fillConvexPoly(np.zeros_like(mask), hull, (255,))
        area = int(np.count_nonzero(sheet))
        filled = np.count_nonzero(cv2.bitwise_and(mask, sheet)) / area
        if area < _LEAST_SHARE * mask.size or filled < FILLED:
            continue
        if abs(area - last) > _SAME * area:
            last = area
            edge = cv2.findContours(sheet, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
            yield edge.reshape(-1, 2)[::_EDGE_STRIDE].astype(np.float64)


def _best(outlines: Sequence[Outline]) -> Outline:
    """The clearest of the largest outlines that have the most sides in the picture.

    A bright part of the sheet, beside a shadow, can look like a sheet of its own.
    """
    most = max(outline.sides_seen for outline in outlines)
    complete = [outline for outline in outlines if outline.sides_seen == most]
    largest = max(outline.area for outline in complete)
    large = [outline for outline in complete if outline.area > _ABOUT_THE_LARGEST * largest]
    return min(large, key=lambda outline: outline.surroundings)


def _cuts_ink(corners: Points, small: GreyImage, smooth: GreyImage) -> bool:
    """Whether something is printed beyond the outline: then it is a panel of a larger page.

    On surroundings much darker than the paper nothing is printed.
    """
    grown = corners + 0.02 * (corners - corners.mean(axis=0))
    outside = cv2.fillConvexPoly(np.ones_like(small), np.rint(grown).astype(np.int32), (0,)) > 0
    paper = float(np.median(smooth[~outside]))
    bright = outside & (smooth > _DARK_SURROUNDINGS * paper)
    depth = cv2.subtract(smooth, small)
    texture = float(np.percentile(depth[outside], 75)) if outside.any() else 0.0
    ink = bright & (depth > max(_INK_DEPTH, _BEYOND_TEXTURE * texture))
    return bool(np.count_nonzero(ink) > _LEAST_INK * small.size)
