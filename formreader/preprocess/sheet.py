"""Find a sheet that was photographed, or copied with dark borders.

Finding none is better than finding a wrong one: everything outside of it is lost, while a slight
perspective distortion does little harm.

There is no record of how the limits below were chosen. The tests cover drawn sheets on dark,
light and grained desks, panels, and plain scans.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.quadrilateral import (
    MIN_SHEET_CONTRAST,
    MIN_SHEET_FILL,
    Points,
    Quadrilateral,
    fit_quadrilateral,
)

_SHEET_SEARCH_SIDE = 320
"""Longest side in pixels, about, of the copy that is searched, in which text is no longer visible:
the copy is the halving of the page that comes nearest."""

_MIN_SEARCHED_SIDE = 24
"""Shortest side in pixels of that copy: smaller pictures have no sheet."""

_CLOSING_SIDE, _CLOSING_BLUR_SIGMA = 5, 1.0
"""Pixels of that copy: kernel of the closing that removes ink, and the blur that removes noise."""

_SHEET_THRESHOLDS = (0.2, 0.4, 0.6, 0.8)
_SURROUNDINGS_PERCENTILE, _PAPER_PERCENTILE = 15, 90
"""Thresholds between the level of the surroundings (0; a percentile of the picture's border) and
that of the paper (1; a percentile of the picture). Several, as a shadow on the paper is split
off by some of them."""

_MIN_SHEET_SHARE = 0.2
"""Least share of the picture that a sheet covers."""

_MIN_AREA_CHANGE = 0.004
"""Relative difference in area from which two thresholds give two candidates."""

_EDGE_STRIDE = 2
"""Every second point of an edge is used, to save time."""

_MIN_SHARE_OF_LARGEST = 0.93
"""Area of a quadrilateral, as a share of the largest, from which it is a candidate."""

_CUT_INK_DISTANCE = 0.02
"""Share by which a quadrilateral grows before print is searched for outside of it."""

_MIN_SHADED_PAPER = 0.45
"""Level of a surface, as a share of the paper's, from which it can be paper in a shadow."""

_MIN_CUT_INK_DEPTH = 24
_TEXTURE_PERCENTILE, _MIN_INK_TO_TEXTURE = 75, 4.0
"""Grey levels by which print is darker than its surface, and least ratio to the texture of the
surface: a percentile of the same difference, as ink covers little of a surface."""

_MIN_CUT_INK_SHARE = 0.004
"""Share of the picture from which print outside of a quadrilateral counts."""


def sheet_corners(image: GreyImage) -> Points | None:
    """The four corners of a sheet on darker surroundings, or None.

    (4, 2) pixels, clockwise from the top left. They may be a little outside of the picture,
    where a corner is rounded or one side is cut off. None where the page fills the picture,
    as in every scan, or where the sheet is not certain.

    Args:
        image: (h, w) uint8, with text upright or nearly so.
    """
    halvings = max(round(math.log2(max(image.shape) / _SHEET_SEARCH_SIDE)), 0)
    if min(image.shape) < _MIN_SEARCHED_SIDE * 2**halvings:
        return None
    small = Pyramid(image).level(halvings)
    kernel = np.ones((_CLOSING_SIDE, _CLOSING_SIDE), np.uint8)
    without_ink = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel)
    smooth = np.asarray(cv2.GaussianBlur(without_ink, (0, 0), _CLOSING_BLUR_SIGMA), np.uint8)
    sheets = [found for edge in _edges(smooth) if (found := fit_quadrilateral(edge, smooth))]
    if not sheets:
        return None
    corners = _best(sheets).corners
    return None if _cuts_ink(corners, small, smooth) else (corners + 0.5) * 2**halvings - 0.5


def _edges(smooth: GreyImage) -> Iterator[Points]:
    """The edge, (n, 2) points, of the largest bright region's hull at each threshold."""
    border = np.concatenate([smooth[0], smooth[-1], smooth[:, 0], smooth[:, -1]])
    dark = float(np.percentile(border, _SURROUNDINGS_PERCENTILE))
    if smooth.max() - dark < MIN_SHEET_CONTRAST:  # a quick check that most scans end at
        return
    bright = float(np.percentile(smooth, _PAPER_PERCENTILE))
    if bright - dark < MIN_SHEET_CONTRAST:
        return
    last = 0
    for level in _SHEET_THRESHOLDS:
        threshold = dark + level * (bright - dark)
        mask = cv2.threshold(smooth, threshold, 255, cv2.THRESH_BINARY)[1]
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not contours:
            continue
        hull = cv2.convexHull(max(contours, key=cv2.contourArea))
        sheet = cv2.fillConvexPoly(np.zeros_like(mask), hull, (255,))
        area = int(np.count_nonzero(sheet))
        filled = np.count_nonzero(cv2.bitwise_and(mask, sheet)) / area
        if area < _MIN_SHEET_SHARE * mask.size or filled < MIN_SHEET_FILL:
            continue
        if abs(area - last) > _MIN_AREA_CHANGE * area:
            last = area
            edge = cv2.findContours(sheet, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
            yield edge.reshape(-1, 2)[::_EDGE_STRIDE].astype(np.float64)


def _best(sheets: Sequence[Quadrilateral]) -> Quadrilateral:
    """The sheet with the darkest surroundings, of the largest with the most sides in the picture.

    Smaller ones do not count: a bright part of a sheet, beside a shadow, can look like a sheet.
    """
    most = max(sheet.sides_seen for sheet in sheets)
    complete = [sheet for sheet in sheets if sheet.sides_seen == most]
    largest = max(sheet.area for sheet in complete)
    large = [sheet for sheet in complete if sheet.area > _MIN_SHARE_OF_LARGEST * largest]
    return min(large, key=lambda sheet: sheet.surroundings)


def _cuts_ink(corners: Points, small: GreyImage, smooth: GreyImage) -> bool:
    """Whether there is print outside of a quadrilateral: then it is a panel of a larger page.

    Surroundings much darker than the paper have no print.
    """
    grown = corners + _CUT_INK_DISTANCE * (corners - corners.mean(axis=0))
    outside = cv2.fillConvexPoly(np.ones_like(small), np.rint(grown).astype(np.int32), (0,)) > 0
    paper = float(np.median(smooth[~outside]))
    bright = outside & (smooth > _MIN_SHADED_PAPER * paper)
    depth = cv2.subtract(smooth, small)
    texture = float(np.percentile(depth[outside], _TEXTURE_PERCENTILE)) if outside.any() else 0.0
    ink = bright & (depth > max(_MIN_CUT_INK_DEPTH, _MIN_INK_TO_TEXTURE * texture))
    return bool(np.count_nonzero(ink) > _MIN_CUT_INK_SHARE * small.size)
