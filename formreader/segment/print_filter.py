"""Decide from the marks in a cell whether it holds printed words, before it is cut and read.

Tables are full of cells with printed labels. To cut and read their letters would take longer
than all digits of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import connected_parts
from formreader.core.records import DigitBox, GreyImage

_Vector: TypeAlias = npt.NDArray[np.float64]
"""(2,) pixels of the page to the right and down."""

_CELL_BORDER = 0.07
"""Width of the border along a cell's edges in which ink may belong to its lines, in heights of the
cell. No measurement on record."""

_MIN_INSIDE_SIDE = 3
"""Pixels between the borders of a cell, across and down, that are enough to look for marks."""

_DARKEST_SHARE_OF_CELL = 0.002
"""Share of the darkest pixels in a cell that show how dark its ink is. No measurement on record."""

_MIN_CELL_CONTRAST = 40
"""Grey values between ink and paper: with less contrast a cell counts as empty. No measurement on
record."""

_MIN_MARK_HEIGHT, _MIN_TALLEST_MARK = 0.1, 0.25
"""In heights of the cell: lower components are not counted as marks; a cell whose tallest mark is
lower than the second limit counts as blank. No measurement on record."""

_MIN_MEDIAN_MARK_HEIGHT = 0.3
"""Marks of a smaller median height, in heights of the cell, are too small for handwritten digits.
No measurement on record."""

_MAX_PRINT_OFFSET, _MAX_PRINT_OFFSET_OF_COARSE = 0.015, 0.02
"""Distance of printed letters' bottoms from one line, and difference of the heights of letters of
one kind, in heights of the cell. Print was seen at up to a pixel of the scan, handwriting at more
than twice this limit; on how many cells is not on record. In low cells, where a pixel is more than
the first limit, bottoms may differ by a pixel, up to the second limit."""

_PIXEL_TOLERANCE = 1.01
"""Factor on the size of a pixel, so that rounding does not exclude a difference of one pixel."""

_MIN_EVEN_SHARE_OF_SMALL, _MIN_EVEN_SHARE_OF_LARGE = 0.7, 0.8
"""Share of the marks in print that are regular: small ones (too small for digits) stand on one
line, large ones also have one height. Commas, dots and descenders are not regular. The second share
was raised so that even handwriting is kept; the figures are not on record."""

_MIN_SMALL_MARKS, _MIN_LARGE_MARKS = 3, 7
"""Marks, small and large, from which they are not regular by chance: of thousands of seven-digit
numbers in the evenest handwriting none was regular."""

_MIN_MARKS_OF_WORDS = 11
"""So many large marks are print if they stand on one line, whatever their heights: hardly a number
has so many digits, and letters have many heights. No measurement on record."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Connected components of the ink in a cell, in heights of the cell.

    `height` and `bottom` are (n,), the bottoms measured from the inner end of the cell's border;
    `pixel` is the side of a pixel of the page.
    """

    height: npt.NDArray[np.float64]
    bottom: npt.NDArray[np.float64]
    pixel: float


def holds_print(image: GreyImage, cell: DigitBox) -> bool:
    """Return whether a cell holds printed words.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        cell: the cell, in pixels of that page.
    """
    marks = find_marks(image, cell)
    return marks is not None and are_print(marks)


def are_print(marks: Marks) -> bool:
    """Return whether marks are print: most stand on one line, and are small or of one height.

    Small is too small for handwritten digits. Very many marks on one line may have any heights.
    """
    height, bottom = marks.height, marks.bottom
    n = len(height)
    if n < _MIN_SMALL_MARKS or height.max() < _MIN_TALLEST_MARK:
        return False
    usual, line = median(height.tolist()), median(bottom.tolist())
    off_line = np.abs(bottom - line)
    on_line = off_line <= min(
        max(_PIXEL_TOLERANCE * marks.pixel, _MAX_PRINT_OFFSET), _MAX_PRINT_OFFSET_OF_COARSE
    )
    if usual < _MIN_MEDIAN_MARK_HEIGHT:
        return bool(on_line.mean() >= _MIN_EVEN_SHARE_OF_SMALL)
    if n >= _MIN_MARKS_OF_WORDS and on_line.mean() >= _MIN_EVEN_SHARE_OF_LARGE:
        return True
    alike = np.maximum(off_line, np.abs(height - usual)) <= _MAX_PRINT_OFFSET
    return n >= _MIN_LARGE_MARKS and bool(alike.mean() >= _MIN_EVEN_SHARE_OF_LARGE)


def find_marks(image: GreyImage, cell: DigitBox) -> Marks | None:
    """Find the marks within the lines of a cell.

    Returns:
        The marks, or None if some touch the lines, as handwriting may, or if the contrast is low.
    """
    a, b, c, d = np.array(cell.corners)
    across, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    height = float(np.linalg.norm(down))
    inside = _inside(image, (a + b + c + d) / 4, across, down)
    if inside is None:
        return None
    counts = cv2.calcHist([inside], [0], None, [256], [0, 256]).ravel().cumsum()
    darkest, paper = np.searchsorted(
        counts, counts[-1] * np.array([_DARKEST_SHARE_OF_CELL, 0.5])
    ).tolist()
    if paper - darkest < _MIN_CELL_CONTRAST:
        return None
    # A threshold halfway separates neighbouring letters.
    dark = cv2.threshold(inside, (darkest + paper) / 2, 255, cv2.THRESH_BINARY_INV)[1]
    left, above, width, rows = cv2.boundingRect(dark)
    written = dark[above : above + rows, left : left + width]
    stats = connected_parts(np.asarray(written, np.uint8))[1][1:]
    marks = stats[stats[:, cv2.CC_STAT_HEIGHT] >= _MIN_MARK_HEIGHT * height].astype(np.float64)
    top, tall = above + marks[:, cv2.CC_STAT_TOP], marks[:, cv2.CC_STAT_HEIGHT]
    if ((top == 0) | (top + tall == len(inside))).any():
        return None
    return Marks(tall / height, (top + tall) / height, 1 / height)


def _inside(image: GreyImage, centre: _Vector, across: _Vector, down: _Vector) -> GreyImage | None:
    """Cut out what lies within the lines of a cell with these sides, upright, in page pixels."""
    width, height = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    border = _CELL_BORDER * height + 1
    size = (round(width - 2 * border), round(height - 2 * border))
    if min(size) < _MIN_INSIDE_SIDE:
        return None
    turn = np.column_stack([across / width, down / height])
    first = centre - turn @ ((np.array(size) - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    to_page = np.column_stack([turn, first])
    return np.asarray(cv2.warpAffine(image, to_page, size, flags=flags), np.uint8)
