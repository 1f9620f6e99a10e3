"""Find a sheet that was photographed, or copied with dark borders.

Finding none is better than finding a wrong one. Everything outside of a wrong sheet is lost, while
a slight perspective distortion does little harm.

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
"""Approximate longest side, in pixels, of the copy that is searched: the nearest halving of the
page. Text is no longer visible in it."""

_MIN_SEARCHED_SIDE = 24
"""Least shorter side of that copy in pixels. Smaller pictures have no sheet."""

_CLOSING_SIDE, _CLOSING_BLUR_SIGMA = 5, 1.0
"""In pixels of that copy: the kernel of the closing that removes ink, and the standard deviation of
the blur that removes noise."""

_SHEET_THRESHOLDS = (0.2, 0.4, 0.6, 0.8)
_SURROUNDINGS_PERCENTILE, _PAPER_PERCENTILE = 15, 90
"""Thresholds between the level of the surroundings (0; a percentile of the picture's border) and
that of the paper (1; a percentile of the picture). There are several, because some of them split
off a shadow on the paper."""

_MIN_SHEET_SHARE = 0.2
"""Least area of a sheet, as a share of the picture."""

_MIN_AREA_CHANGE = 0.004
"""Least relative difference in area of two candidates, which come from two thresholds."""

_EDGE_STRIDE = 2
"""Every second point of an edge is used, to save time."""

_MIN_SHARE_OF_LARGEST = 0.93
"""Least area of a candidate, as a share of the largest quadrilateral."""

_CUT_INK_DISTANCE = 0.02
"""A quadrilateral is enlarged by this share before print is searched for outside of it."""

_MIN_SHADED_PAPER = 0.45
"""Least level of a surface that can be paper in a shadow, as a share of the paper's level."""

_MIN_CUT_INK_DEPTH = 24
_TEXTURE_PERCENTILE, _MIN_INK_TO_TEXTURE = 75, 4.0
"""Least contrast of print with its surface, in grey levels, and least ratio to the texture of the
surface. The texture is a percentile of the same contrast, as ink covers little of a surface."""

_MIN_CUT_INK_SHARE = 0.004
"""Least area of print outside of a quadrilateral that counts, as a share of the picture."""


def sheet_corners(image: GreyImage) -> Points | None:
    """The four corners of a sheet on darker surroundings, or None.

    (4, 2) pixels, clockwise from the top left. They may be a little outside of the picture if a
    corner is rounded or one side is cut off. None if the page fills the picture, as in every scan,
    or if the sheet is not certain.

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
    if smooth.max() - dark < MIN_SHEET_CONTRAST:  # a quick check, where most scans end
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
    """The sheet with the darkest surroundings, among the large ones with most sides in the picture.

    Smaller ones do not count, as a bright part of a sheet beside a shadow can look like a sheet.
    """
    most = max(sheet.sides_seen for sheet in sheets)
    complete = [sheet for sheet in sheets if sheet.sides_seen == most]
    largest = max(sheet.area for sheet in complete)
    large = [sheet for sheet in complete if sheet.area > _MIN_SHARE_OF_LARGEST * largest]
    return min(large, key=lambda sheet: sheet.surroundings)


def _cuts_ink(corners: Points, small: GreyImage, smooth: GreyImage) -> bool:
    """Whether there is print outside of a quadrilateral, which then is a panel of a larger page.

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
