"""Whether a rectangle holds printed words, seen by the marks in it before anything is cut or read.

Tables are full of cells with printed labels, and to cut and read their letters would take
longer than all digits of the page.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.types import Box, DigitBox, GreyImage

_BORDER = 0.12
"""Share of a rectangle's height along its edges in which ink may belong to its lines."""

_DARKEST = 0.002
"""Share of the darkest pixels, which are the pen's or the printer's ink."""

_LEAST_CONTRAST = 40
"""Grey values between ink and paper at least: less is an empty rectangle, or noise."""

_LEAST_MARK, _LEAST_TALLEST = 0.1, 0.25
"""Height of a mark, and of the tallest one, as shares of the rectangle's: what has only smaller
marks is blank."""

_MOST_SMALL = 0.3
"""Median height of marks up to which they are too small for handwritten digits."""

_EVEN = 0.015
"""How far from a line marks end, and by how much heights of letters of one kind differ, as a
share of the rectangle's height: print comes to a pixel of a scan, hands to more than twice this."""

_MOST = 0.7
"""Share of the marks that are even in print: comma, dots and descenders are not."""

_FEWEST_SMALL, _FEWEST_LARGE = 3, 6
"""Marks from which it is no chance that they are even, where they are too small for digits,
and where they are not: of numbers of six digits by the evenest hands one in two thousand is."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Connected parts of the ink in a rectangle, in its heights.

    `height` and `bottom` are (n,); the bottom is measured from the rectangle's slope.
    """

    height: npt.NDArray[np.float64]
    bottom: npt.NDArray[np.float64]


def holds_print(image: GreyImage, frame: DigitBox) -> bool:
    """Whether printed words stand in a rectangle.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        frame: the printed rectangle, in pixels of that page.
    """
    marks = find_marks(image, frame)
    return marks is not None and are_print(marks)


def are_print(marks: Marks) -> bool:
    """Whether marks are letters: most stand on one line, too small for digits or of one height."""
    height, bottom = marks.height, marks.bottom
    n = len(height)
    if n < _FEWEST_SMALL or height.max() < _LEAST_TALLEST:
        return False
    usual = float(np.median(height))
    even = np.abs(bottom - np.median(bottom)) <= _EVEN
    if usual >= _MOST_SMALL:
        even &= np.abs(height - usual) <= _EVEN
        return n >= _FEWEST_LARGE and int(np.count_nonzero(even)) >= _MOST * n
    return int(np.count_nonzero(even)) >= _MOST * n


def find_marks(image: GreyImage, frame: DigitBox) -> Marks | None:
    """The marks within the lines of a rectangle.

    None where some reach the lines, as hands do, and where there is hardly any contrast.
    """
    corners = np.array(frame.corners)
    across = corners[1] - corners[0] + corners[2] - corners[3]
    height = float(np.linalg.norm(corners[3] - corners[0]))
    # The page may lie on its side or upside down.
    quarters = round(float(np.arctan2(across[1], across[0])) / (np.pi / 2)) % 4
    cut = np.rot90(_within(image, frame.box, _BORDER * height + 1), quarters)
    if min(cut.shape) < 3:
        return None
    counts = cv2.calcHist([cut], [0], None, [256], [0, 256]).ravel().cumsum()
    darkest, paper = np.searchsorted(counts, [_DARKEST * cut.size, 0.5 * cut.size]).tolist()
    if paper - darkest < _LEAST_CONTRAST:
        return None
    # Halfway, where neighbouring letters are apart.
    dark = cv2.threshold(cut, (darkest + paper) / 2, 255, cv2.THRESH_BINARY_INV)[1]
    left, top, wide, tall = cv2.connectedComponentsWithStats(dark, connectivity=8)[2][1:, :4].T
    marks = tall >= _LEAST_MARK * height
    if (marks & ((top == 0) | (top + tall == len(cut)))).any():
        return None
    slope = across[1] / across[0] if quarters % 2 == 0 else -across[0] / across[1]
    bottom = top + tall - slope * (left + wide / 2)
    return Marks(tall[marks] / height, bottom[marks] / height)


def _within(image: GreyImage, box: Box, border: float) -> GreyImage:
    """What lies within a box but for a border on all sides, a view."""
    left, top = max(round(box.left + border), 0), max(round(box.top + border), 0)
    right, bottom = max(round(box.right - border), 0), max(round(box.bottom - border), 0)
    return image[top:bottom, left:right]
