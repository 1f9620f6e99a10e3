"""Pages of a scan as pages of a pile, of which forms are learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.core.form_fields import FormField
from formreader.core.geometry import Box, Transform, map_points
from formreader.core.records import FieldCrops, PageCrops
from formreader.store.job_store import PageCopy
from formreader.template.page_map import Floats
from formreader.template.pile_page import PilePage


def page_label(file: str, number: int) -> str:
    """The name of the 0-based page of a file in messages."""
    return file if number == 0 else f"{file}, page {number + 1}"


def pile_page(page: PageCrops) -> PilePage:
    """What sorting needs of a page that was read and has a copy."""
    assert page.copy is not None
    back = np.asarray(np.linalg.inv(page.copy.to_page), np.float64)

    def corners(field: FieldCrops) -> Floats:
        points = [box.corners for box in field.outer_boxes]
        return map_points(back, points).reshape(-1, 4, 2)

    fields = tuple((corners(field), field.cell is not None) for field in page.fields)
    blank = tuple(map_points(back, [cell.corners]).reshape(4, 2) for cell in page.copy.blank_cells)
    form_fields = tuple(_mapped(back, one) for one in page.copy.form_fields)
    label = page_label(page.file, page.number)
    return PilePage(label, page.copy.png, fields, blank, form_fields=form_fields)


def _mapped(back: Transform, field: FormField) -> FormField:
    """A field of a PDF in pixels of the page's copy."""
    corners = [((one.left, one.top), (one.right, one.bottom)) for one in field.boxes]
    ends = map_points(back, corners).reshape(-1, 2, 2)
    sides = np.hstack([ends.min(axis=1), np.ptp(ends, axis=1)])
    return replace(field, boxes=tuple(Box(*one) for one in sides.tolist()))


def copy_to_keep(page: PageCrops) -> PageCopy | None:
    """What a job keeps of a page whose form is not known yet; None of other pages."""
    if page.copy is None:
        return None
    kept = pile_page(page)
    return PageCopy(page.file, page.number, kept.png, kept.fields_text())


def kept_page(copy: PageCopy) -> PilePage:
    """The page of the pile of which a job kept a copy."""
    return PilePage.of_text(page_label(copy.file, copy.number), copy.png, copy.fields)
