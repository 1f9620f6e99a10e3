"""Cells that hold printed text are no digit boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.types import GreyImage

# Ink is at least this dark, and at least this share of the page's darker ink.
_LEAST_DARKNESS = 25
_INK_SHARE = 0.24

# More than this percentage of a page is paper; ink is darker than the darkest of it.
_PAPER_PERCENTILE = 85
_PAPER_FACTOR = 1.5
_MOST_ROUGH = 60

# Dashes and dots of a cell's own lines lie this near its border, as a share of its side.
_BORDER = 0.1

# Heights of letters, as shares of a cell's; how many of them are text.
_MIN_PART = 0.08
_LETTER = 0.4
_LETTERS_A_CELL = 4
_LETTERS_A_CELL_OF_A_ROW = 2.1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Connected pieces of ink: centres (n, 2) x, y, widths and heights, each (n,).

    `labels` is (height, width): which piece a pixel belongs to, -1 for none.
    """

    centres: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]
    heights: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int32]


def find_parts(even: GreyImage) -> Parts:
    """The pieces of dark ink on an evenly lit page.

    Ruled lines are pieces as well, and so is what touches them; printed text keeps
    clear of them.
    """
    # A faint pencil breaks into grains at a threshold that suits black ink; the dots of
    # halftone run together at one that suits a pencil.
    darkness = np.sort(255 - even[::4, ::4], axis=None)
    ink = darkness[np.searchsorted(darkness, _LEAST_DARKNESS, "right") :]
    level = float(ink[9 * len(ink) // 10]) if len(ink) else 0.0
    paper = float(darkness[_PAPER_PERCENTILE * len(darkness) // 100])
    rough = min(_PAPER_FACTOR * paper, _MOST_ROUGH)
    threshold = max(_LEAST_DARKNESS, _INK_SHARE * level, rough)
    dark = cv2.threshold(even, 255 - threshold, 255, cv2.THRESH_BINARY_INV)[1]
    _, labels, stats, centres = cv2.connectedComponentsWithStats(dark, connectivity=8)
    sizes = np.asarray(stats[1:, 2:4], np.float64)
    return Parts(
        np.asarray(centres[1:], np.float64),
        sizes[:, 0],
        sizes[:, 1],
        np.asarray(labels - 1, np.int32),
    )


def holds_text(corners: npt.NDArray[np.float64], parts: Parts) -> npt.NDArray[np.bool_]:
    """Which cells of a row hold printed text, (n, 4, 2) corners to (n,) bool.

    Text is many small pieces in a cell; a digit is one or two large ones. A row
    with text in most of its cells holds text as a whole.
    """
    letters = np.array([_count_letters(cell, parts) for cell in corners])
    text = letters >= _LETTERS_A_CELL
    if letters.mean() >= _LETTERS_A_CELL_OF_A_ROW and (letters > 0).mean() > 0.5:
        text[:] = True
    return text


def _count_letters(cell: npt.NDArray[np.float64], parts: Parts) -> int:
    """Small pieces in a cell, if there is none as large as a digit."""
    (left, top), (right, bottom) = cell.min(axis=0), cell.max(axis=0)
    x, y = parts.centres[:, 0], parts.centres[:, 1]
    dx, dy = _BORDER * (right - left), _BORDER * (bottom - top)
    inside = (x > left + dx) & (x < right - dx) & (y > top + dy) & (y < bottom - dy)
    heights = parts.heights[inside] / (bottom - top)
    heights = heights[heights >= _MIN_PART]
    return 0 if (heights > _LETTER).any() else len(heights)
