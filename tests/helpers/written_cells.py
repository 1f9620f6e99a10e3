"""Cells of drawn pages, cut as scans cut them."""

from __future__ import annotations

from collections.abc import Sequence

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops, GreyImage
from formreader.crop.number_strips import cut_cells
from formreader.look.page_look import look_at
from formreader.preprocess.straighten import straighten


def cut_drawn(page: GreyImage, cells: Sequence[DigitBox]) -> list[FieldCrops]:
    """The fields of cells on an upright page."""
    pyramid = Pyramid(page)
    return cut_cells(pyramid, look_at(straighten(pyramid)).writing, cells)
