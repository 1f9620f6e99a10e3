"""The strip of a cell: its writing as a grey picture of one height, for the number reader.

The strip shows what the scan shows. Nothing is cut or removed from it, lines and patterned paper
neither, so that it does not share the mistakes of `cell_ink` and of the cuts; of these it takes
only where the writing stands.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import scaling
from formreader.core.records import DigitBox, GreyImage, NumberStrip
from formreader.segment.cell_ink import CellInk, CellPatch, cut_cell_patch, quantile
from formreader.segment.cell_parts import Extent

Strip: TypeAlias = npt.NDArray[np.uint8]
"""(STRIP_HEIGHT, w) uint8 darkness, 0 for paper and 255 for the darkest ink."""

STRIP_HEIGHT = 32
"""Height of a strip in pixels: digits are about as large in it as in MNIST's images."""

MAX_STRIP_WIDTH = 512
"""Wider strips are squeezed. Twelve digits far apart have 400 pixels."""

_MIN_STRIP_OF_CELL = 0.42
"""Least height of what a strip shows, in heights of the cell: a dash or a dot stays a small one.
No record of a measurement."""

_ROW_MARGIN, _COLUMN_MARGIN = 0.14, 0.35
"""Margins above and below the writing, and left and right of it, as shares of its height: strokes
that `cell_ink` missed, and some of the paper. No record of a measurement."""

_MAX_BESIDE_CELL = 0.1
"""How far beyond the cell's left and right edges a strip reaches, in heights of the cell: enough
for strokes that cross the line, and little of the next cell's digits, some of which were read."""

_MARGIN_OF_BLANK = 0.05
"""Margin around a cell without writing, as a share of its height."""

_STRIP_INK_SHARE = 0.985
"""Quantile of the darkness in a strip that is taken for full ink: strokes cover more than the
rest of it."""

_MIN_FULL_INK = 36.0
"""Darkness in grey values that counts as full ink at least: noise of blank paper stays faint."""


def cut_strip(image: GreyImage, cell: DigitBox) -> Strip:
    """Cut the strip of a cell from its page, (h, w) uint8, dark ink on bright paper."""
    return strip_of(cut_cell_patch(image, np.array(cell.corners, np.float64))).darkness


def strip_of(patch: CellPatch) -> NumberStrip:
    """The strip of a cell, given the cell's patch before it is trimmed to its ink."""
    shown = shown_part(patch)
    part = patch.darkness[shown.slices]
    height, width = part.shape
    wide = min(max(round(width * STRIP_HEIGHT / height), 1), MAX_STRIP_WIDTH)
    method = cv2.INTER_AREA if height > STRIP_HEIGHT else cv2.INTER_LINEAR
    strip = np.asarray(cv2.resize(part, (wide, STRIP_HEIGHT), interpolation=method), np.uint8)
    full = max(quantile(strip, _STRIP_INK_SHARE), _MIN_FULL_INK)
    darkness = np.asarray(cv2.convertScaleAbs(strip, alpha=255.0 / full), np.uint8)
    moved = np.array([[1, 0, shown.left], [0, 1, shown.top], [0, 0, 1]], np.float64)
    ink = cv2.resize(patch.ink[shown.slices], (wide, STRIP_HEIGHT), interpolation=method)
    to_page = patch.to_page @ moved @ scaling(width / wide, height / STRIP_HEIGHT)
    return NumberStrip(darkness, np.asarray(ink, np.uint8), to_page)


def shown_part(cell: CellInk) -> Extent:
    """The part of a cell's patch that its strip shows: the writing and a margin, or the cell."""
    rows, columns = cell.darkness.shape
    tall = rows - 2 * cell.margin
    if cell.written is None:
        margin = round(_MARGIN_OF_BLANK * tall)
        edge = cell.margin - margin
        return Extent(edge, edge, columns - edge, rows - edge)
    found = cell.written
    height = found.bottom - found.top
    above = max(_ROW_MARGIN * height, (_MIN_STRIP_OF_CELL * tall - height) / 2)
    beside = _COLUMN_MARGIN * max(height, _MIN_STRIP_OF_CELL * tall)
    hidden = max(cell.margin - round(_MAX_BESIDE_CELL * tall), 0)
    return Extent(
        max(round(found.left - beside), hidden),
        max(round(found.top - above), 0),
        min(round(found.right + beside), columns - hidden),
        min(round(found.bottom + above), rows),
    )
