"""The strip of a cell: its writing as a grey picture of one height, for the number reader."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.geometry import scaling
from formreader.core.records import NumberStrip
from formreader.look.cell_pen import CellPatch
from formreader.segment.cell_parts import Extent
from formreader.segment.number_strip import MAX_STRIP_WIDTH, STRIP_HEIGHT

_MIN_STRIP_OF_CELL = 0.42
"""Least height of what a strip shows, in heights of the cell: a dash or a dot stays a small one.
No record of a measurement."""

_ROW_MARGIN, _COLUMN_MARGIN = 0.14, 0.35
"""Margins above and below the writing, and left and right of it, as shares of its height. No
record of a measurement."""

_STRIP_INK_SHARE = 0.985
"""Quantile of the darkness in a strip that is taken for full ink: strokes cover more than the
rest of it."""

_MIN_FULL_INK = 36.0
"""Darkness in grey values that counts as full ink at least: noise of blank paper stays faint."""


def strip_of(patch: CellPatch) -> NumberStrip:
    """The strip of a cell, given the patch of what is written in it."""
    shown = shown_part(patch)
    part = patch.darkness[shown.slices]
    height, width = part.shape
    wide = min(max(round(width * STRIP_HEIGHT / height), 1), MAX_STRIP_WIDTH)
    method = cv2.INTER_AREA if height > STRIP_HEIGHT else cv2.INTER_LINEAR
    strip = np.asarray(cv2.resize(part, (wide, STRIP_HEIGHT), interpolation=method), np.uint8)
    full = max(float(np.quantile(strip, _STRIP_INK_SHARE)), _MIN_FULL_INK)
    darkness = np.asarray(cv2.convertScaleAbs(strip, alpha=255.0 / full), np.uint8)
    moved = np.array([[1, 0, shown.left], [0, 1, shown.top], [0, 0, 1]], np.float64)
    return NumberStrip(
        darkness, patch.to_page @ moved @ scaling(width / wide, height / STRIP_HEIGHT)
    )


def shown_part(patch: CellPatch) -> Extent:
    """The part of a cell's patch that its strip shows: the writing and a margin."""
    found, (rows, columns) = patch.written, patch.darkness.shape
    height = found.bottom - found.top
    least = min(_MIN_STRIP_OF_CELL * patch.cell_height, rows)
    above = max(_ROW_MARGIN * height, (least - height) / 2)
    beside = _COLUMN_MARGIN * max(height, least)
    return Extent(
        max(round(found.left - beside), 0),
        max(round(found.top - above), 0),
        min(round(found.right + beside), columns),
        min(round(found.bottom + above), rows),
    )
