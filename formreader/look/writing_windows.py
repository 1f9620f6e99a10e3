"""Where in a cell the writing stands: people write 3 to 5 mm high, however high the cell is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import DigitBox
from formreader.look.page_look import PageLook

_USUAL_WRITING_HEIGHT = 0.5
"""Height of the writing as a share of a cell's, for which cells are cut and their numbers read."""

_LARGE_WINDOW = 0.75
"""A cell is cut as a whole if what it would be cut to is higher than this share of it."""

_MIN_WRITING_HEIGHT = 3.0
"""Pixels of the layers' grid below which writing is a dash, which does not tell how high a cell's
writing is: 1.5 mm. Of 66 drawn dashes 43 are told with 3 and 30 without."""


def windows(look: PageLook, cells: Sequence[DigitBox]) -> npt.NDArray[np.float64]:
    """The part of each of n cells in which its writing stands, (n, 4, 2) corners on the page.

    It is as wide as the cell, and twice as high as the writing; the whole cell where that is large.
    """
    corners = np.array([cell.corners for cell in cells], np.float64).reshape(-1, 4, 2)
    shares = [_share(look, quad) for quad in look.in_layers(corners)]
    first, last = np.array(shares, np.float64).reshape(-1, 2).T[..., None]
    top_left, top_right, bottom_right, bottom_left = corners.transpose(1, 0, 2)
    left, right = bottom_left - top_left, bottom_right - top_right
    return np.stack(
        [
            top_left + first * left,
            top_right + first * right,
            top_right + last * right,
            top_left + last * left,
        ],
        axis=1,
    )


def _share(look: PageLook, cell: npt.NDArray[np.float64]) -> tuple[float, float]:
    """From where to where its writing stands in a cell, in its heights from its top."""
    low = np.maximum(np.floor(cell.min(axis=0)).astype(int), 0)
    high = np.maximum(np.ceil(cell.max(axis=0)).astype(int) + 1, 0)
    pen = look.pen[low[1] : high[1], low[0] : high[0]].view(np.uint8)
    if not pen.any():
        return 0.0, 1.0
    mask = np.zeros(pen.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(cell - low).astype(np.int32), (1,))
    stats = cv2.connectedComponentsWithStats(pen & mask, connectivity=8)[2]
    tops, tall = stats[1:, cv2.CC_STAT_TOP], stats[1:, cv2.CC_STAT_HEIGHT]
    rows = np.flatnonzero(mask.any(axis=1))
    # Strokes that reach in over a side are a neighbour's.
    inner = (tops > rows[0] + 1) & (tops + tall < rows[-1])
    if not inner.any():
        return 0.0, 1.0
    top, bottom = int(tops[inner].min()), int((tops + tall)[inner].max())
    height = (bottom - top) / _USUAL_WRITING_HEIGHT
    cell_height = float(np.linalg.norm(cell[3] - cell[0]) + np.linalg.norm(cell[2] - cell[1])) / 2
    if bottom - top < _MIN_WRITING_HEIGHT or height > _LARGE_WINDOW * cell_height:
        return 0.0, 1.0
    middle = (top + bottom) / 2 + low[1] - float(cell[:2, 1].mean())
    first = min(max((middle - height / 2) / cell_height, 0.0), 1.0)
    return first, min(first + height / cell_height, 1.0)
