"""Cut a strip out of each cell for a whole number: its text line.

The strip shows the scan as it is, with lines, print and patterned paper. The number network reads
what a pen wrote there, and locates each digit.

The constants below, and those of `writing_map`, were measured together, with the networks that
ship, on composed cells of held-out writers: of 8,772 numbers 6,752 are read right, and 3,325 are
accepted, 34 of them wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE
from formreader.core.geometry import map_points, scaling
from formreader.core.image_pyramid import Pyramid, paper_under_ink
from formreader.core.records import DigitBox, FieldCrops, NumberStrip
from formreader.crop.normaliser import MIN_INK_GREY
from formreader.crop.writing_map import WritingMap

Strip: TypeAlias = npt.NDArray[np.uint8]
"""(STRIP_HEIGHT, w) uint8 darkness, 0 for paper and 255 for the darkest ink."""

STRIP_HEIGHT = 32
"""Height of a strip in pixels. Digits are about as large in it as in MNIST's images."""

MAX_STRIP_WIDTH = 512
"""Largest width of a strip in pixels. Wider ones are squeezed. Twelve widely spaced digits take 400
pixels."""

_MIN_PART = 3
"""Least area of a part of a number, in pixels of the map (0.5 mm on a page). Smaller parts, such as
points, are in the strip if they are beside larger ones."""

_MIN_SHARE_IN_CELL = 0.5
"""A part with a smaller share inside the cell belongs to another cell."""

_MIN_PEN_SHARE = 0.25
"""A part is writing, not print, from this share of written pixels on."""

_MIN_LOOSE_HEIGHT = 0.3
"""A part that belongs to another cell may be a digit of this one if its height inside this cell is
at least this share of the cell's height."""

_MIN_WRITING_HEIGHT = 3.0
"""Writing lower than this, in pixels of the map, is a dash. A dash does not show the height of the
text line."""

_MIN_STRIP_OF_CELL = 0.42
"""Least height of the part of the page that a strip shows: this share of the cell's height, or of
twice the height of the writing if that is less. So a dash or a dot stays small in its strip."""

_ROW_MARGIN, _COLUMN_MARGIN = 0.14, 0.35
"""Margins above and below the writing, and left and right of it, as shares of the writing's
height."""

_MAX_BESIDE_CELL = 0.1
"""How far a strip reaches beyond the left and right edge of its cell, in heights of the strip. This
is enough for strokes that cross the line, and shows little of the next cell's digits."""

_MARGIN_OF_BLANK = 0.05
"""Margin around a cell without writing, as a share of its height."""

_PAPER_CLOSING = 0.6
"""Side of the morphological closing that estimates the paper, in heights of the strip. It is wider
than any stroke."""

_STRIP_INK_SHARE = 0.985
"""Quantile of the darkness in a strip that is taken for full ink. Strokes cover more than the rest
above it."""

_MIN_FULL_INK = 36.0
"""Least darkness of full ink in grey values, so that the noise of blank paper stays faint."""

_MIN_INK_OF_STRIP = 2 * MIN_INK_GREY
"""Least darkness in a strip of a digit's ink, for its crop."""

_MAX_STEP = 0.75
"""Largest distance between neighbouring samples of a strip, in pixels of the page. Above it the
page is sampled twice as densely, and then reduced."""


def cut_cells(
    page: Pyramid, writing: WritingMap, cells: Sequence[DigitBox], names: Sequence[str] = ()
) -> list[FieldCrops]:
    """Cut n cells out of a page.

    Args:
        page: the page as stored, dark ink on bright paper.
        writing: where there is ink on it.
        cells: the cells, in pixels of that page.
        names: (n,) names of a template's fields; "" for none.

    Returns:
        For each cell a field with its strip. Its only box is the cell, with a black crop; it is
        blank if there is no ink.
    """
    corners = np.array([cell.corners for cell in cells], np.float64).reshape(-1, 4, 2)
    to_map = np.asarray(np.linalg.inv(writing.to_page), np.float64)
    on_map = map_points(to_map, corners.reshape(-1, 2)).reshape(-1, 4, 2)
    # Each side is the mean of its two corners.
    left, right = on_map[:, [0, 3], 0].mean(axis=1), on_map[:, [1, 2], 0].mean(axis=1)
    top, bottom = on_map[:, :2, 1].mean(axis=1), on_map[:, 2:, 1].mean(axis=1)
    sides = np.stack([left, top, right, bottom], axis=1).tolist()
    black = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    fields = []
    for cell, name, of_cell in zip(cells, names or [""] * len(cells), sides, strict=True):
        found = _find_line(writing, _Part(*of_cell))
        strip = _strip(page, writing, found)
        box = replace(cell, loose_ink=True) if found.loose else cell
        blank = np.array([not found.has_ink])
        fields.append(FieldCrops((box,), black, blank, cell=cell, strip=strip, name=name))
    return fields


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle of the map: left, top, right and bottom edge, in its pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class _Line:
    """The part of the map that a strip shows, whether it has ink, and whether it has loose ink."""

    shown: _Part
    has_ink: bool
    loose: bool


def _find_line(writing: WritingMap, cell: _Part) -> _Line:
    """Find the text line in a cell."""
    labels, stats = writing.parts
    x0, y0 = max(math.ceil(cell.left), 0), max(math.ceil(cell.top), 0)
    x1, y1 = max(math.floor(cell.right), x0) + 1, max(math.floor(cell.bottom), y0) + 1
    here = np.s_[y0:y1, x0:x1]
    inside = labels[here]
    of_part = inside > 0
    found, which = np.unique(inside[of_part], return_inverse=True)
    count = np.bincount(which, minlength=len(found))
    pen = np.bincount(which[writing.pen[here][of_part]], minlength=len(found))
    large = count >= _MIN_PART
    chosen, count, pen = found[large], count[large], pen[large]
    if not len(chosen):
        margin = _MARGIN_OF_BLANK * cell.height
        around = _Part(
            cell.left - margin, cell.top - margin, cell.right + margin, cell.bottom + margin
        )
        return _Line(around, has_ink=False, loose=False)
    of = stats[chosen]
    own = count >= _MIN_SHARE_IN_CELL * of[:, cv2.CC_STAT_AREA]
    low = of[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]].astype(np.int64)
    high = low + of[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    across = ~own
    low[across] = np.maximum(low[across], (x0, y0))
    high[across] = np.minimum(high[across], (x0 + inside.shape[1], y0 + inside.shape[0]))
    written = pen >= _MIN_PEN_SHARE * count
    if not written.any():
        written[:] = True
    on_line = written | _beside(low[:, 1], high[:, 1], written)
    across &= written & (high[:, 1] - low[:, 1] >= _MIN_LOOSE_HEIGHT * cell.height)
    (left, top), (right, bottom) = low[on_line].min(axis=0), high[on_line].max(axis=0)
    # A pixel of the map covers half a step around its centre.
    text = _Part(left - 0.5, top - 0.5, right - 0.5, bottom - 0.5)
    return _Line(_shown(cell, text), has_ink=True, loose=bool(across.any()))


def _beside(
    top: npt.NDArray[np.int64], bottom: npt.NDArray[np.int64], written: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(n,) the parts that share at least half of their height with the written parts."""
    first, last = top[written].min(), bottom[written].max()
    return np.asarray(2 * (np.minimum(bottom, last) - np.maximum(top, first)) >= bottom - top)


def _shown(cell: _Part, text: _Part) -> _Part:
    """The part of the map that the strip of a cell shows: its text line and a margin."""
    usual = cell.height if text.height < _MIN_WRITING_HEIGHT else min(cell.height, 2 * text.height)
    least = max(_MIN_STRIP_OF_CELL * usual, text.height)
    above = max(_ROW_MARGIN * text.height, (least - text.height) / 2)
    beside, reach = _COLUMN_MARGIN * least, _MAX_BESIDE_CELL * least
    return _Part(
        max(text.left - beside, min(cell.left - reach, text.left)),
        text.top - above,
        min(text.right + beside, max(cell.right + reach, text.right)),
        text.bottom + above,
    )


def _strip(page: Pyramid, writing: WritingMap, line: _Line) -> NumberStrip:
    """Cut the strip of a text line out of a page."""
    shown = line.shown
    step = shown.height / STRIP_HEIGHT
    wide = min(max(round((shown.right - shown.left) / step), 1), MAX_STRIP_WIDTH)
    across = (shown.right - shown.left) / wide
    on_map = np.array(
        [
            [across, 0, shown.left + across / 2],
            [0, step, shown.top + step / 2],
            [0, 0, 1],
        ]
    )
    from_strip = writing.to_page @ on_map
    middle, below = map_points(from_strip, [(wide / 2, 0), (wide / 2, STRIP_HEIGHT)])
    pixels = float(np.linalg.norm(below - middle)) / STRIP_HEIGHT
    finer = 2 if pixels > _MAX_STEP else 1
    halvings = max(round(math.log2(max(pixels / finer, 1.0))), 0)
    to_level = scaling(0.5**halvings, 0.5**halvings) @ from_strip @ scaling(1 / finer, 1 / finer)
    patch = cv2.warpPerspective(
        page.level(halvings), to_level, (wide * finer, STRIP_HEIGHT * finer),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    reach = int(_PAPER_CLOSING * STRIP_HEIGHT * finer) | 1
    paper = paper_under_ink(np.asarray(cv2.GaussianBlur(patch, (3, 3), 0), np.uint8), reach)
    darkness = cv2.subtract(cv2.blur(paper, (reach, reach)), patch)
    if finer > 1:
        darkness = cv2.resize(darkness, (wide, STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
    full = max(_quantile(np.asarray(darkness, np.uint8), _STRIP_INK_SHARE), _MIN_FULL_INK)
    bright = np.asarray(cv2.convertScaleAbs(darkness, alpha=255.0 / full), np.uint8)
    ink = np.zeros_like(bright)
    if line.has_ink:
        seen = cv2.warpAffine(
            writing.ink.view(np.uint8), on_map[:2], bright.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )  # fmt: skip
        np.copyto(ink, bright, where=(seen > 0) & (bright >= _MIN_INK_OF_STRIP))
    return NumberStrip(bright, ink, from_strip)


def _quantile(values: Strip, share: float) -> float:
    """The `share` quantile of the values."""
    passed = cv2.calcHist([values], [0], None, [256], [0, 256]).ravel().cumsum()
    return float(passed.searchsorted(share * float(passed[-1])))
