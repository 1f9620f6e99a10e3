"""Pages of a scan as pages of a pile, of which forms are learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.core.form_fields import FormField
from formreader.core.geometry import Box, Transform, map_points
from formreader.core.records import FieldCrops, PageCrops
from formreader.template.drawn_lines import OF_FORM_FIELDS, OF_FOUND, on_drawn_lines
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
        return _on_lines(map_points(back, points).reshape(-1, 4, 2), lines)

    lines = map_points(back, page.copy.lines).reshape(-1, 4)
    fields = tuple((corners(field), field.cell is not None) for field in page.fields)
    cells = (map_points(back, [cell.corners])[None] for cell in page.copy.blank_cells)
    blank = tuple(_on_lines(cell, lines)[0] for cell in cells)
    form_fields = tuple(_mapped(back, one, lines) for one in page.copy.form_fields)
    label = page_label(page.file, page.number)
    return PilePage(label, page.copy.png, fields, blank, form_fields=form_fields)


def _on_lines(corners: Floats, lines: Floats) -> Floats:
    """Corners (n, 4, 2) of boxes on a copy, on the lines (m, 4) that its PDF draws."""
    if not len(lines):
        return corners
    pairs = ((0, 3), 0), ((0, 1), 1), ((1, 2), 0), ((2, 3), 1)  # left, top, right, bottom
    sides = np.stack([corners[:, ends, axis].mean(axis=1) for ends, axis in pairs], axis=1)
    return on_drawn_lines(sides, lines, OF_FOUND)[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]


def _mapped(back: Transform, field: FormField, lines: Floats) -> FormField:
    """A field of a PDF in pixels of the page's copy, with its sides on `lines`, (m, 4)."""
    corners = [((one.left, one.top), (one.right, one.bottom)) for one in field.boxes]
    ends = map_points(back, corners).reshape(-1, 2, 2)
    sides = on_drawn_lines(np.hstack([ends.min(axis=1), ends.max(axis=1)]), lines, OF_FORM_FIELDS)
    sides[:, 2:] -= sides[:, :2]
    return replace(field, boxes=tuple(Box(*one) for one in sides.tolist()))
