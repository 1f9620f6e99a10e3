"""Find rectangles of paper that ruled lines enclose on an upright page.

Ruled lines are long thin runs of ink. They divide the paper into connected components; those of
the right size and shape with ruled sides are kept. The thresholds were adjusted while looking at
the real forms used in development (tallies, electoral records, sudokus).
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

_SEARCH_REDUCTION = 2
"""Factor by which the searched copy is smaller than the page. The lengths below are in pixels of a
copy whose longest side is `WORKING_SIDE`; they are scaled to others."""

_MAX_LINE_WIDTH = 10
_MIN_LINE_CONTRAST = 24
"""Width of a ruled line in pixels, and grey levels by which it is darker than its sides."""

_MIN_RUN_ACROSS, _MIN_RUN_DOWN = 24, 14
"""Lengths in pixels of runs of ink that may be ruled lines: few strokes of digits are as long."""

_MIN_UNATTACHED_RUN_DOWN = 36
"""Length in pixels from which a run down is a line even where it meets no line across."""

_MAX_BREAK_ACROSS, _MAX_BREAK_DOWN = 26, 6
"""Lengths in pixels of breaks that are bridged: print that touches a line across hides a part."""

_MIN_RECTANGLE_HEIGHT, _MAX_RECTANGLE_HEIGHT = 16, 200
"""Height of a rectangle in pixels."""

_MIN_RECTANGLE_ASPECT = 0.8
"""Width of a rectangle divided by its height."""

_MAX_RECTANGLE_WIDTH = 0.85
"""Width of a rectangle as a share of the page's: a wider one is a frame around the form."""

_MIN_OBLONG_ASPECT = 1.3
_MIN_SQUARE_HEIGHT = 22
"""Aspect from which a rectangle may have any height, and height in pixels of one that is nearer to
a square: check boxes are lower."""

_MIN_PAPER_SHARE = 0.6
"""Share of its bounding box that a rectangle's paper fills: long strokes may cut into it."""

_MIN_RULED_SHARE = 0.85
"""Share of each side that is ruled; round corners and breaks take some."""

_PAPER_TO_LINE = 2
"""Distance from the outermost pixels of paper to the middle of the line, in pixels, not scaled."""

_SIDE_SAMPLES = np.linspace(0, 1, 48)
"""Points along each side, as shares of its length, at which a line is looked for."""


def find_rectangles(
    even: GreyImage, taken: Sequence[Corners]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find rectangles that are large enough for a number.

    Args:
        even: an upright, evenly lit page, (h, w) uint8, paper near 255.
        taken: (4, 2) corners of boxes already found; rectangles that coincide with one are dropped.

    Returns:
        (n, 4, 2) corners in pixels of `even`, on the middle of the lines, and (n,) the ruled
        share of the side that is ruled least.
    """
    if min(even.shape) < _MIN_RECTANGLE_HEIGHT:  # no rectangle fits
        return np.zeros((0, 4, 2)), np.zeros(0)
    small = _darkest(even)
    scale = max(small.shape) / WORKING_SIDE
    known = (np.asarray(taken, np.float64).reshape(-1, 4, 2) + 0.5) / _SEARCH_REDUCTION - 0.5
    lines = _ruled_lines(small, scale)
    outlines = _enclosed_rectangles(lines, scale, known)
    ruled = _ruled_shares(lines, outlines)
    kept = ruled >= _MIN_RULED_SHARE
    return (outlines[kept] + 0.5) * _SEARCH_REDUCTION - 0.5, ruled[kept]


def _darkest(even: GreyImage) -> GreyImage:
    """The page at half its size; each pixel is the darkest of four, so that hairlines survive."""
    height, width = (side // _SEARCH_REDUCTION * _SEARCH_REDUCTION for side in even.shape)
    pairs = np.minimum(even[:height:2, :width], even[1:height:2, :width])
    return np.minimum(pairs[:, ::2], pairs[:, 1::2])


def _ruled_lines(small: GreyImage, scale: float) -> Mask:
    """Mask of long thin runs of ink across and down, short breaks bridged and corners joined."""
    ink = cv2.threshold(small, 255 - _MIN_LINE_CONTRAST, 255, cv2.THRESH_BINARY_INV)[1]
    width = round(_MAX_LINE_WIDTH * scale)
    solid = cv2.morphologyEx(ink, cv2.MORPH_OPEN, _block(width))
    # Where ink touches a line across, the line is not darker than both its sides: add thin ink.
    dark_across = cv2.bitwise_or(_darker(small, _bar(width, False)), cv2.subtract(ink, solid))
    across = _runs(dark_across, _MIN_RUN_ACROSS * scale, _MAX_BREAK_ACROSS * scale, True)
    dark_down = _darker(small, _bar(width, True))
    down = _runs(dark_down, _MIN_RUN_DOWN * scale, _MAX_BREAK_DOWN * scale, False)
    # Where lines cross, neither is darker than its sides: extend the runs down through the ink.
    longer = cv2.bitwise_and(cv2.dilate(down, _bar(width, False)), ink)
    whole = np.asarray(cv2.bitwise_or(down, longer), np.uint8)
    lines = across | _between(whole, across, _MIN_UNATTACHED_RUN_DOWN * scale)
    return np.asarray(cv2.dilate(lines, _block(3)), np.uint8)


def _darker(small: GreyImage, reach: Mask) -> Mask:
    """Mask of the pixels that are darker than the paper on both sides, within `reach`."""
    darker = cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, reach)
    mask = cv2.threshold(darker, _MIN_LINE_CONTRAST, 255, cv2.THRESH_BINARY)[1]
    return np.asarray(mask, np.uint8)


def _runs(dark: cv2.typing.MatLike, run: float, gap: float, across: bool) -> Mask:
    """Runs in one direction of at least `run` pixels, with gaps of up to `gap` pixels bridged."""
    runs = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _bar(round(run), across))
    bridged = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, _bar(round(gap) + 1, across))
    return np.asarray(bridged, np.uint8)


def _between(down: Mask, across: Mask, long: float) -> Mask:
    """Keep the runs down from one line across to another, and those of at least `long` pixels.

    Strokes of digits may be as long as the sides of low boxes but rarely reach both lines.
    """
    labels, stats = connected_parts(down)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    table = cv2.integral(across)

    def meets(row: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        first, last = np.maximum(row - 1, 0), np.minimum(row + 1, len(across))
        ends = table[last, right] - table[last, left] - table[first, right] + table[first, left]
        return np.asarray(ends > 0)

    keep = (meets(top) & meets(bottom)) | (bottom - top >= long)
    keep[0] = False
    return draw_parts(labels, keep)


def _block(side: int) -> Mask:
    return np.ones((max(side, 2) | 1,) * 2, np.uint8)


def _bar(length: int, across: bool) -> Mask:
    length = max(length, 2) | 1  # odd, as in `_block`: an even kernel would shift the result
    return np.ones((1, length) if across else (length, 1), np.uint8)


def _enclosed_rectangles(
    lines: Mask, scale: float, taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, 4, 2) corners of the rectangles of paper that lines enclose."""
    holes = _holes(lines)
    width, height = (holes[:, 2:] + 2 * _PAPER_TO_LINE).T
    fits = (height >= _MIN_RECTANGLE_HEIGHT * scale) & (height <= _MAX_RECTANGLE_HEIGHT * scale)
    fits &= width >= _MIN_RECTANGLE_ASPECT * height
    fits &= width <= _MAX_RECTANGLE_WIDTH * lines.shape[1]
    fits &= (width >= _MIN_OBLONG_ASPECT * height) | (height >= _MIN_SQUARE_HEIGHT * scale)
    fits[fits] = ~_are_taken(holes[fits], taken)
    outlines = []
    for left, top, w, h in holes[fits].tolist():
        paper = _paper_across(lines[top : top + h, left : left + w])
        if np.count_nonzero(paper) >= _MIN_PAPER_SHARE * paper.size:
            outlines.append(_outline(paper) + (left, top))
    return np.array(outlines).reshape(-1, 4, 2)


def _holes(lines: Mask) -> npt.NDArray[np.int64]:
    """(n, 4) left, top, width and height of the areas of paper that lines enclose."""
    contours, hierarchy = cv2.findContours(lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((0, 4), np.int64)
    of_holes = np.flatnonzero(np.asarray(hierarchy)[0, :, 3] >= 0)
    around = [cv2.boundingRect(contours[i]) for i in of_holes.tolist()]
    # Contours run on the lines, one pixel outside of the paper.
    return np.array(around, np.int64).reshape(-1, 4) + (1, 1, -2, -2)


def _paper_across(lines: Mask) -> npt.NDArray[np.bool_]:
    """(h, w) mask of the connected component of paper that reaches all sides of a cut-out."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.bitwise_not(lines), connectivity=4)
    height, width = lines.shape
    size = np.asarray(stats)[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    return np.asarray(labels == 1 + (size == (width, height)).all(axis=1).argmax())


def _are_taken(
    holes: npt.NDArray[np.int64], taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which holes coincide with a box already found: the middle of one is in the other.

    Args:
        holes: (n, 4) left, top, width and height.
        taken: (m, 4, 2) corners.

    Returns:
        (n,) bool.
    """
    # x and y come first, in memory too: numpy is slow where the last axis is short.
    low, size = holes.T.reshape(2, 2, -1, 1)  # (2, n, 1)
    known = np.ascontiguousarray(taken.transpose(2, 1, 0))[:, :, None]  # (2, 4, 1, m)
    taken_low, taken_high = known.min(axis=1), known.max(axis=1)
    middle, taken_middle = low + size / 2, (taken_low + taken_high) / 2
    inside = ((taken_low < middle) & (middle < taken_high)).all(axis=0)
    around = ((low < taken_middle) & (taken_middle < low + size)).all(axis=0)
    return np.asarray((inside | around).any(axis=1))


def _outline(paper: npt.NDArray[np.bool_]) -> Corners:
    """The corners of the lines around an area of paper: its outermost pixels diagonally."""
    y, x = np.nonzero(paper)
    fall, rise = x + y, x - y
    ends = [fall.argmin(), rise.argmax(), fall.argmax(), rise.argmin()]
    inside = np.column_stack([x[ends], y[ends]])
    return np.asarray(
        inside + _PAPER_TO_LINE * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), np.float64
    )


def _ruled_shares(lines: Mask, corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,) the ruled share of the side that is ruled least, of each quadrilateral, (n, 4, 2)."""
    ends = np.roll(corners, -1, axis=1)
    points = corners + _SIDE_SAMPLES[:, None, None, None] * (ends - corners)  # (samples, n, 4, 2)
    x, y = np.rint(points).astype(np.int64).transpose(3, 0, 1, 2)
    height, width = lines.shape
    on_line = lines[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)] > 0
    return np.asarray(np.count_nonzero(on_line, axis=0).min(axis=1) / len(_SIDE_SAMPLES))
