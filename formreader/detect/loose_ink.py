"""Find writing beside digit boxes that is in no box. It may be a digit without a box.

If a whole number stands in one cell, boxes may be found on some of its digits only. The others then
stand beside a box, with no printed line between, and the value lacks them. The thresholds below
were set on the development data `numbers/composed` and `rendered`. Of 1,917 numbers 55 are accepted
wrongly; without this module 162 are; with its counterparts in `crop/digit_ink.py` and, at the
time, in cells 38. Of the digits on rendered pages 0.16 % are rejected because of it, most of them
beside boxes that were not found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.rows import Row

_OFFSETS = np.linspace(-0.15, 0.9, 25)
"""Columns beside a box, as shares of its width from its edge outwards. The first are inside, where
the printed line may be."""

_ALONG = np.linspace(0.0, 1.0, 24)
"""Sampled points of a column, as shares of the height of the box."""

_MIN_INK_OFFSET = 0.08
"""Share of the width. Ink nearer to the edge is the rim of the box's line or of its digit."""

_MIN_RULE_DARKNESS_OVER_PEN, _MIN_RULE_COVER = 0.25, 0.9
"""A column is a printed line if it is at least this dark, as a share of the pen's darkness, over at
least this share of its height."""

_MIN_LOOSE_INK_OVER_PEN = 0.45
"""Least darkness of ink, as a share of the pen's darkness: so faint and dark scans are alike."""

_MIN_PEN_DARKNESS = 60.0
"""Least darkness of a pen, in grey values. No record of a measurement."""

_MIN_LOOSE_SHARE = 0.03
"""Least area of ink that may be a digit, as a share of the box's area. A thin 1 covers about
0.05."""

_PEN_GRID = np.linspace(0.15, 0.85, 15)
_PEN_PERCENTILE = 96
"""Positions of the samples inside of a box in x and in y, as shares of its sides, and the
percentile of these samples that is the pen's darkness. Digits cover about a tenth of a box."""


def loose_ink(even: GreyImage, rows: Sequence[Row]) -> list[npt.NDArray[np.bool_]]:
    """Find the boxes with writing beside them that is in no box.

    Args:
        even: the upright page, (h, w) uint8, paper near 255.
        rows: all rows of boxes of the page.

    Returns:
        For each row of n boxes, (n,) bool.
    """
    if not rows:
        return []
    corners = np.concatenate([row.corners for row in rows])
    lengths = np.array([len(row) for row in rows])
    first = lengths.cumsum() - lengths
    pen = np.repeat(_pen_darkness(even, corners, first), lengths)
    boxed = np.zeros(even.shape, np.uint8)
    cv2.fillPoly(boxed, list(np.rint(corners).astype(np.int32)), (1,))
    # Lines may lean, or be narrower than the step between two columns.
    widened = np.asarray(cv2.erode(even, np.ones((1, 3), np.uint8)), np.uint8)
    mirrored = corners[:, [1, 0, 3, 2]]
    shares = [_ink_share((even, widened, boxed), side, pen) for side in (corners, mirrored)]
    loose = np.maximum(*shares) >= _MIN_LOOSE_SHARE
    return np.split(loose, first[1:])


def _pen_darkness(
    even: GreyImage, corners: npt.NDArray[np.float64], first: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The darkness of the strokes in each row's boxes, in grey values.

    Args:
        even: the upright page.
        corners: (n, 4, 2), the boxes of all rows.
        first: the index of each row's first box.
    """
    low, high = corners.min(axis=1), corners.max(axis=1)
    points = low + _PEN_GRID[:, None, None] * (high - low)  # (grid, n, 2)
    darkness = ~_pixels(even, points[:, None, :, 0], points[None, :, :, 1])(even)
    strokes = np.percentile(darkness, _PEN_PERCENTILE, axis=(0, 1))
    return np.asarray(np.maximum(np.maximum.reduceat(strokes, first), _MIN_PEN_DARKNESS))


def _ink_share(
    images: tuple[GreyImage, GreyImage, GreyImage],
    corners: npt.NDArray[np.float64],
    pen: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Measure the ink outside of one side of n boxes, up to the next printed line or box.

    Args:
        images: the page, the page with widened strokes, and its boxes (1 in a box, otherwise 0).
        corners: (n, 4, 2); the side is the one from the second to the third corner.
        pen: (n,) darkness of the pen, in grey values.

    Returns:
        (n,) areas as shares of the boxes' areas.
    """
    even, widened, boxed = images
    edge = corners[:, 1] + _ALONG[:, None, None] * (corners[:, 2] - corners[:, 1])
    across = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    points = edge[:, None] + _OFFSETS[:, None, None] * across  # (along, columns, n, 2)
    pixels = _pixels(even, points[..., 0], points[..., 1])
    beyond = (_OFFSETS > _MIN_INK_OFFSET)[:, None]
    ruled = ~pixels(widened) > _MIN_RULE_DARKNESS_OVER_PEN * pen
    line = ruled.mean(axis=0) >= _MIN_RULE_COVER
    next_box = (pixels(boxed).mean(axis=0) > 0.5) & beyond
    ended = np.maximum.accumulate(line | next_box, axis=0)  # (columns, n)
    ink = (~pixels(even) > _MIN_LOOSE_INK_OVER_PEN * pen) & beyond & ~ended
    return np.asarray(ink.mean(axis=0).sum(axis=0) * (_OFFSETS[1] - _OFFSETS[0]))


def _pixels(
    page: GreyImage, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> Callable[[GreyImage], npt.NDArray[np.uint8]]:
    """The pixels nearest to points, of an image of the page's size.

    Points outside of the page get the nearest pixel of its border.
    """
    height, width = page.shape
    column = np.clip(np.rint(x).astype(np.int64), 0, width - 1)
    row = np.clip(np.rint(y).astype(np.int64), 0, height - 1)
    place = row * width + column
    return lambda image: image.ravel()[place]
