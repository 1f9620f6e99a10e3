"""Cut what is written in the cells of a page into segments that may be digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.core.classes import CROP_SIDE
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops
from formreader.look.cell_pen import cut_cell_patches
from formreader.look.page_look import PageLook
from formreader.look.pen_strip import strip_of
from formreader.segment.candidates import WrittenCell, cut_written
from formreader.segment.cell_ink import CellPatch


def cut_cells(
    page: Pyramid, look: PageLook, cells: Sequence[DigitBox], names: Sequence[str] = ()
) -> list[FieldCrops]:
    """Cut the numbers in n cells of a page into segments.

    Args:
        page: the page as stored, dark ink on bright paper.
        look: what is written on it.
        cells: the cells, in pixels of that page.
        names: (n,) those of a template's fields; "" for none.

    Returns:
        For each cell a field whose boxes are the segments. If nothing is written, its only box is
        the blank cell; if there are more segments than a number has, it is the cell as if it were
        one digit's.
    """
    corners = np.array([cell.corners for cell in cells], np.float64)
    patches = cut_cell_patches(page, look, corners)
    opened: list[WrittenCell | FieldCrops] = []
    for cell, name, patch in zip(cells, names or [""] * len(cells), patches, strict=True):
        if patch is None:
            opened.append(_blank(cell, name))
            continue
        ink = CellPatch(
            patch.ink, patch.darkness, 0, patch.written, patch.loose_ink, None, patch.to_page
        )
        opened.append(WrittenCell(cell, name, ink, strip_of(patch)))
    cut = iter(cut_written([one for one in opened if isinstance(one, WrittenCell)]))
    return [next(cut) if isinstance(one, WrittenCell) else one for one in opened]


def _blank(cell: DigitBox, name: str) -> FieldCrops:
    """The field of a cell in which nothing is written."""
    black = np.zeros((1, CROP_SIDE, CROP_SIDE), np.uint8)
    return FieldCrops((cell,), black, np.ones(1, np.bool_), cell=cell, name=name)
