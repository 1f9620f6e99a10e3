"""Rectangles of paper that ruled lines enclose on an upright page.

Ruled lines are long thin runs of ink; without them the paper falls apart into connected
cells, of which those of the right size and shape with ruled sides are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts, draw_parts
from formreader.core.records import GreyImage
from formreader.preprocess.straighten import WORKING_SIDE

Corners: TypeAlias = npt.NDArray[np.float64]
"""(4, 2) corners x, y in pixels, clockwise from the top left."""

Mask: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8, 0 or 255."""

_REDUCTION = 2
"""The search runs on a copy so many times smaller, which keeps the darkest pixels. Lengths below
are in its pixels where its longest side is `WORKING_SIDE`."""

_LINE_WIDTH = 10
_LINE_DARKNESS = 24
"""Most width of a line, and how much darker than the paper beside it it is at least."""

_RUN_ACROSS, _RUN_DOWN = 24, 14
"""Shortest runs of ink that are ruled lines: hardly a stroke of a digit is as long."""

_SURE_RUN_DOWN = 36
"""Length from which a run down is a line even where it meets no line across."""

_GAP_ACROSS, _GAP_DOWN = 26, 6
"""Longest breaks that are bridged; print that touches a line across hides a part of it."""

_LEAST_HEIGHT, _MOST_HEIGHT = 16, 200
_LEAST_ASPECT = 0.8
_MOST_WIDTH_SHARE = 0.85
"""A rectangle nearly as wide as the page is a frame."""

_LEAST_FILL = 0.6
"""Least share of its bounding box that a cell's paper fills: long strokes may cut into it."""

_LEAST_RULED = 0.85
"""Least share of each side that is ruled; round corners and breaks take some."""

_SQUARE_ASPECT = 1.3
_LEAST_SQUARE = 22
"""Height from which a nearly square cell can be a field: check boxes are smaller."""

_TO_LINE = 2
"""How far in reduced pixels the middle of a line lies outside the paper that it leaves."""

_ALONG = np.linspace(0, 1, 48)
"""Where along each side a line is looked for."""


def find_rectangles(
    even: GreyImage, taken: Sequence[Corners]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find rectangles of the size of a field.

    Args:
        even: an upright, evenly lit page, (h, w) uint8, paper near 255.
        taken: (4, 2) corners of what is known already; rectangles keep clear of it.

    Returns:
        (n, 4, 2) corners in pixels of `even`, on the middle of the lines, and (n,) which
        share of the least ruled side is ruled.
    """
    if min(even.shape) < _LEAST_HEIGHT:  # no field fits
        return np.zeros((0, 4, 2)), np.zeros(0)
    small = _darkest(even)
    scale = max(small.shape) / WORKING_SIDE
    known = (np.asarray(taken, np.float64).reshape(-1, 4, 2) + 0.5) / _REDUCTION - 0.5
    lines = _ruled_lines(small, scale)
    outlines = _enclosed_cells(lines, scale, known)
    ruled = _ruled_shares(lines, outlines)
    kept = ruled >= _LEAST_RULED
    return (outlines[kept] + 0.5) * _REDUCTION - 0.5, ruled[kept]


def _darkest(even: GreyImage) -> GreyImage:
    """The page at half its size; each pixel is the darkest of four, so that hairlines stay."""
    height, width = (side // _REDUCTION * _REDUCTION for side in even.shape)
    pairs = np.minimum(even[:height:2, :width], even[1:height:2, :width])
    return np.minimum(pairs[:, ::2], pairs[:, 1::2])


def _ruled_lines(small: GreyImage, scale: float) -> Mask:
    """Long thin runs of ink across and down, with short breaks bridged and corners joined."""
    ink = cv2.threshold(small, 255 - _LINE_DARKNESS, 255, cv2.THRESH_BINARY_INV)[1]
    width = round(_LINE_WIDTH * scale)
    solid = cv2.morphologyEx(ink, cv2.MORPH_OPEN, _block(width))
    # What touches a line across from below or above hides that it is darker than its sides.
    dark_across = cv2.bitwise_or(_darker(small, _bar(width, False)), cv2.subtract(ink, solid))
    across = _runs(dark_across, _RUN_ACROSS * scale, _GAP_ACROSS * scale, True)
    down = _runs(_darker(small, _bar(width, True)), _RUN_DOWN * scale, _GAP_DOWN * scale, False)
    # Where lines cross neither is darker than what is beside it: go on through the ink.
    longer = cv2.bitwise_and(cv2.dilate(down, _bar(width, False)), ink)
    whole = np.asarray(cv2.bitwise_or(down, longer), np.uint8)
    lines = across | _between(whole, across, _SURE_RUN_DOWN * scale)
    return np.asarray(cv2.dilate(lines, _block(3)), np.uint8)


def _darker(small: GreyImage, reach: Mask) -> Mask:
    """What is darker than the paper on both sides of it."""
    darker = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, reach)
    return np.asarray(cv2.threshold(darker, _LINE_DARKNESS, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _runs(dark: cv2.typing.MatLike, run: float, gap: float, across: bool) -> Mask:
    """Runs in one direction of at least `run` pixels, with gaps of up to `gap` pixels bridged."""
    runs = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _bar(round(run), across))
    bridged = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, _bar(round(gap) + 1, across))
    return np.asarray(bridged, np.uint8)


def _between(down: Mask, across: Mask, sure: float) -> Mask:
    """The runs down that go from one line across to another, or are longer than a stroke.

    Strokes of digits are as long as the sides of low boxes but stop short of the lines.
    """
    labels, stats = connected_parts(down)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    table = cv2.integral(across)

    def meets(row: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        first, last = np.maximum(row - 1, 0), np.minimum(row + 1, len(across))
        ends = table[last, right] - table[last, left] - table[first, right] + table[first, left]
        return np.asarray(ends > 0)

    keep = (meets(top) & meets(bottom)) | (bottom - top >= sure)
    keep[0] = False
    return draw_parts(labels, keep)


def _block(side: int) -> Mask:
    return np.ones((max(side, 2) | 1,) * 2, np.uint8)


def _bar(length: int, across: bool) -> Mask:
    length = max(length, 2) | 1  # as in `_block`: an even kernel would move what it opens
    return np.ones((1, length) if across else (length, 1), np.uint8)


def _enclosed_cells(
    lines: Mask, scale: float, taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, 4, 2) corners of the rectangles of paper that lines enclose."""
    cells = _holes(lines)
    width, height = (cells[:, 2:] + 2 * _TO_LINE).T
    fits = (height >= _LEAST_HEIGHT * scale) & (height <= _MOST_HEIGHT * scale)
    fits &= (width >= _LEAST_ASPECT * height) & (width <= _MOST_WIDTH_SHARE * lines.shape[1])
    fits &= (width >= _SQUARE_ASPECT * height) | (height >= _LEAST_SQUARE * scale)
    fits[fits] = ~_are_taken(cells[fits], taken)
    outlines = []
    for left, top, w, h in cells[fits].tolist():
        paper = _paper_across(lines[top : top + h, left : left + w])
        if np.count_nonzero(paper) >= _LEAST_FILL * paper.size:
            outlines.append(_outline(paper) + (left, top))
    return np.array(outlines).reshape(-1, 4, 2)


def _holes(lines: Mask) -> npt.NDArray[np.int64]:
    """(n, 4) left, top, width and height of the connected paper that lines enclose."""
    contours, hierarchy = cv2.findContours(lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 4), np.int64)
    of_holes = np.flatnonzero(np.asarray(hierarchy)[0, :, 3] >= 0)
    around = [cv2.boundingRect(contours[i]) for i in of_holes.tolist()]
    # Contours run on the lines, a pixel outside of the paper.
    return np.array(around, np.int64).reshape(-1, 4) + (1, 1, -2, -2)


def _paper_across(lines: Mask) -> npt.NDArray[np.bool_]:
    """(h, w) which pixels are of the connected paper that reaches to all sides of a cut-out."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.bitwise_not(lines), connectivity=4)
    height, width = lines.shape
    size = np.asarray(stats)[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return np.asarray(labels == 1 + (size == (width, height)).all(axis=1).argmax())


def _are_taken(
    cells: npt.NDArray[np.int64], taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which cells lie on known quadrilaterals: the middle of one is in the other.

    Args:
        cells: (n, 4) left, top, width and height.
        taken: (m, 4, 2) corners.

    Returns:
        (n,) bool.
    """
    # x and y come first, in memory too: numpy is slow where the last axis is short.
    low, size = cells.T.reshape(2, 2, -1, 1)  # (2, n, 1)
    known = np.ascontiguousarray(taken.transpose(2, 1, 0))[:, :, None]  # (2, 4, 1, m)
    taken_low, taken_high = known.min(axis=1), known.max(axis=1)
    middle, taken_middle = low + size / 2, (taken_low + taken_high) / 2
    inside = ((taken_low < middle) & (middle < taken_high)).all(axis=0)
    around = ((low < taken_middle) & (taken_middle < low + size)).all(axis=0)
    return np.asarray((inside | around).any(axis=1))


def _outline(cell: npt.NDArray[np.bool_]) -> Corners:
    """The corners of the lines around a cell, from its pixels farthest out in the diagonals."""
    y, x = np.nonzero(cell)
    fall, rise = x + y, x - y
    ends = [fall.argmin(), rise.argmax(), fall.argmax(), rise.argmin()]
    inside = np.column_stack([x[ends], y[ends]])
    return np.asarray(
        inside + _TO_LINE * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), np.float64
    )


def _ruled_shares(lines: Mask, corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) share of the worst side of each quadrilateral, (n, 4, 2), that runs on lines."""
    ends = np.roll(corners, -1, axis=1)
    points = corners + _ALONG[:, None, None, None] * (ends - corners)  # (samples, n, 4, 2)
    x, y = np.rint(points).astype(np.int64).transpose(3, 0, 1, 2)
    height, width = lines.shape
    on_line = lines[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 0
    return np.asarray(np.count_nonzero(on_line, axis=0).min(axis=1) / len(_ALONG))
