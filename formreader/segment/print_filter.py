"""Whether a rectangle holds printed words, seen by the marks in it before anything is cut or read.

Tables are full of cells with printed labels, and to cut and read their letters would take
longer than all digits of the page.
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

_BORDER = 0.07
"""Share of a rectangle's height along its edges in which ink may belong to its lines."""

_DARKEST = 0.002
"""Share of the darkest pixels, which are the pen's or the printer's ink."""

_LEAST_CONTRAST = 40
"""Grey values between ink and paper at least: less is an empty rectangle, or noise."""

_LEAST_MARK, _LEAST_TALLEST = 0.1, 0.25
"""Height of a mark, and of the tallest one, as shares of the rectangle's: what has only smaller
marks is blank."""

_SMALL = 0.3
"""Median height of marks up to which they are too small for handwritten digits."""

_EVEN, _EVEN_COARSE = 0.015, 0.02
"""How far from a line marks end, and by how much heights of letters of one kind differ, as a
share of the rectangle's height: print comes to a pixel of a scan, hands to more than twice this.
In low rectangles a pixel is more: there letters end within one, up to the second share."""

_JUST_OVER = 1.01
"""Makes a pixel a bound for whole pixels that were divided."""

_MOST_SMALL, _MOST_LARGE = 0.7, 0.8
"""Share of the marks that are even in print, where they are too small for digits, and where they
are not: commas, dots and descenders are not even."""

_FEWEST_SMALL, _FEWEST_LARGE = 3, 7
"""Marks from which it is no chance that they are even, where they are too small for digits,
and where they are not: of numbers of seven digits by the evenest hands none in thousands is."""

_FEWEST_WORDS = 11
"""Marks from which large ones are print if they only stand on one line: letters may be of many
heights, and hardly a number has so many digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Connected parts of the ink in a rectangle, in its heights.

    `height` and `bottom` are (n,), the bottom from where the rectangle's border ends;
    `pixel` is the side of a pixel of the page.
    """

    height: npt.NDArray[np.float64]
    bottom: npt.NDArray[np.float64]
    pixel: float


def holds_print(image: GreyImage, frame: DigitBox) -> bool:
    """Whether printed words stand in a rectangle.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        frame: the printed rectangle, in pixels of that page.
    """
    marks = find_marks(image, frame)
    return marks is not None and are_print(marks)


def are_print(marks: Marks) -> bool:
    """Whether marks are letters: most stand on one line, too small for digits or of one height.

    Large ones that stand on one line may be of any height if they are very many.
    """
    height, bottom = marks.height, marks.bottom
    n = len(height)
    if n < _FEWEST_SMALL or height.max() < _LEAST_TALLEST:
        return False
    usual, line = median(height.tolist()), median(bottom.tolist())
    off_line = np.abs(bottom - line)
    on_line = off_line <= min(max(_JUST_OVER * marks.pixel, _EVEN), _EVEN_COARSE)
    if usual < _SMALL:
        return bool(on_line.mean() >= _MOST_SMALL)
    if n >= _FEWEST_WORDS and on_line.mean() >= _MOST_LARGE:
        return True
    alike = np.maximum(off_line, np.abs(height - usual)) <= _EVEN
    return n >= _FEWEST_LARGE and bool(alike.mean() >= _MOST_LARGE)


def find_marks(image: GreyImage, frame: DigitBox) -> Marks | None:
    """The marks within the lines of a rectangle.

    None where some reach the lines, as hands do, and where there is hardly any contrast.
    """
    a, b, c, d = np.array(frame.corners)
    across, down = (b - a + c - d) / 2, (d - a + c - b) / 2
    height = float(np.linalg.norm(down))
    inside = _inside(image, (a + b + c + d) / 4, across, down)
    if inside is None:
        return None
    counts = cv2.calcHist([inside], [0], None, [256], [0, 256]).ravel().cumsum()
    darkest, paper = np.searchsorted(counts, counts[-1] * np.array([_DARKEST, 0.5])).tolist()
    if paper - darkest < _LEAST_CONTRAST:
        return None
    # Halfway, where neighbouring letters are apart.
    dark = cv2.threshold(inside, (darkest + paper) / 2, 255, cv2.THRESH_BINARY_INV)[1]
    left, above, width, rows = cv2.boundingRect(dark)
    written = dark[above : above + rows, left : left + width]
    stats = connected_parts(np.asarray(written, np.uint8))[1][1:]
    marks = stats[stats[:, cv2.CC_STAT_HEIGHT] >= _LEAST_MARK * height].astype(np.float64)
    top, tall = above + marks[:, cv2.CC_STAT_TOP], marks[:, cv2.CC_STAT_HEIGHT]
    if ((top == 0) | (top + tall == len(inside))).any():
        return None
    return Marks(tall / height, (top + tall) / height, 1 / height)


def _inside(image: GreyImage, centre: _Vector, across: _Vector, down: _Vector) -> GreyImage | None:
    """What lies within the lines of a rectangle with these sides, upright, in page pixels."""
    width, height = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    border = _BORDER * height + 1
    size = (round(width - 2 * border), round(height - 2 * border))
    if min(size) < 3:
        return None
    turn = np.column_stack([across / width, down / height])
    first = centre - turn @ ((np.array(size) - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    to_page = np.column_stack([turn, first])
    return np.asarray(cv2.warpAffine(image, to_page, size, flags=flags), np.uint8)
