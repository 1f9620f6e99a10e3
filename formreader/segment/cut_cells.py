"""Cut the cells for whole numbers out of a page: the strip of each, which the number reader reads.

Where the digits stand on a strip the number reader tells, so nothing is cut into digits here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops, GreyImage
from formreader.segment.cell_ink import CellPatch, Flags, cut_cell_patches
from formreader.segment.number_strip import strip_of

_CELLS_AT_ONCE = 100
"""Cells that are cut together, whose pictures take some 15 MB. No measurement on record."""

_MAX_DISTANCE_OF_NEIGHBOUR = 0.35
"""Distance of the edges of two cells that have one line between them, in heights of a cell."""

_SHARE_OF_CELLS_WITH_OTHER_INK = 0.04
"""Share of the cells that may be darker than the pen: they hold print or blots."""


def cut_cell(image: GreyImage, cell: DigitBox) -> FieldCrops:
    """Cut one cell out, see `cut_cells`."""
    (field,) = cut_cells(Pyramid(image), [cell])
    return field


def cut_cells(
    page: Pyramid,
    cells: Sequence[DigitBox],
    names: Sequence[str] = (),
    faint: float = 0.0,
    windows: npt.NDArray[np.float64] | None = None,
) -> list[FieldCrops]:
    """Cut n cells out of a page, faster than one at a time.

    Args:
        page: the page as stored, dark ink on bright paper.
        cells: the cells, in pixels of that page.
        names: (n,) those of a template's fields; "" for none.
        faint: the darkness, as a share of the pen's, up to which a cell holds only marks that are
            all over the page.
        windows: (n, 4, 2) corners of the part of each cell in which its writing stands; None for
            the whole cells.

    Returns:
        For each cell a field with its strip. Its only box is the cell, with a black crop, and is
        blank where there is no ink.
    """
    if windows is None:
        windows = np.array([cell.corners for cell in cells], np.float64)
    sides = _open_sides(cells)
    fields = list[FieldCrops]()
    for start in range(0, len(cells), _CELLS_AT_ONCE):
        part = slice(start, start + _CELLS_AT_ONCE)
        patches = cut_cell_patches(page, windows[part], sides[part])
        limit = faint * _pen(patches) if faint else 0.0
        of_names = names[part] or [""] * len(patches)
        fields += map(_field, cells[part], of_names, patches, [limit] * len(patches))
    return fields


def _open_sides(cells: Sequence[DigitBox]) -> Flags:
    """(n, 2) whether none of n cells is left and right of each, where its number may go on."""
    boxes = [cell.box for cell in cells]
    sides = np.array([(one.left, one.right, one.top, one.bottom) for one in boxes], np.float64)
    left, right, top, bottom = sides.reshape(-1, 4).T
    near = _MAX_DISTANCE_OF_NEIGHBOUR * (bottom - top)[:, None]
    level = np.minimum(bottom[:, None], bottom) > np.maximum(top[:, None], top)
    beside = [
        level & (np.abs(left[:, None] - right) <= near),
        level & (np.abs(right[:, None] - left) <= near),
    ]
    return ~np.stack([one.any(axis=1) for one in beside], axis=1)


def _pen(patches: Sequence[CellPatch]) -> float:
    """The darkness of the pen, from cells most of which may be blank."""
    darkest = sorted((one.darkest for one in patches), reverse=True)
    return darkest[int(_SHARE_OF_CELLS_WITH_OTHER_INK * len(darkest))] if darkest else 0.0


def _field(cell: DigitBox, name: str, patch: CellPatch, limit: float) -> FieldCrops:
    """The field of a cell.

    What is as faint as `limit` is no ink, and the strip of a cell without any other shows nothing.
    """
    strip = strip_of(patch)
    if limit and patch.darkest <= limit:
        nothing = np.zeros_like(strip.darkness)
        strip = replace(strip, darkness=nothing, ink=nothing)
    box = cell
    if strip.has_ink and patch.loose_ink:
        box = replace(cell, loose_ink=True)
    black = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    blank = np.array([not strip.has_ink])
    return FieldCrops((box,), black, blank, cell=cell, strip=strip, name=name)
