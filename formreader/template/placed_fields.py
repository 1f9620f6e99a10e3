"""The fields of a form on a page: where the form has them, refined on the page's own lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from formreader.core.geometry import Box, map_points, quads_of
from formreader.core.records import DigitBox, mark_boxes
from formreader.detect.line_snapping import snap_quads_to_lines, snap_rows_to_lines
from formreader.detect.loose_ink import loose_ink
from formreader.detect.rows import Row
from formreader.preprocess.straighten import StraightPage
from formreader.template.form_book import Recognised
from formreader.template.landmarks import Floats
from formreader.template.page_alignment import Alignment

_QUARTER = np.pi / 2
"""A quarter turn, in radians."""


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field of a form in pixels of a page as stored: its name, and its boxes or its cell."""

    name: str
    boxes: tuple[DigitBox, ...] = ()
    cell: DigitBox | None = None


def quarters_turned(alignment: Alignment) -> int:
    """Quarter turns clockwise that bring the page upright, as its form lies on it."""
    middle = alignment.places.mean(axis=0)
    here, beside = alignment.page_map.map([middle, middle + (1, 0)])
    x, y = beside - here
    return -round(float(np.arctan2(y, x)) / _QUARTER) % 4


def place_fields(straight: StraightPage, found: Recognised) -> list[PlacedField]:
    """Find the fields of a recognised form on an upright page, in the order of the template."""
    fields = found.form.template.fields
    in_boxes = [field for field in fields if field.cell is None]
    rows = [
        Row(_corners(found.alignment, field.boxes), np.ones(len(field.boxes))) for field in in_boxes
    ]
    rows = snap_rows_to_lines(straight.image, rows)
    loose = loose_ink(straight.image, rows) if rows else []
    boxes = {
        field.name: mark_boxes(_on_page(straight, row.corners), ink)
        for field, row, ink in zip(in_boxes, rows, loose, strict=True)
    }
    in_cells = [field for field in fields if field.cell is not None]
    places = [field.cell for field in in_cells if field.cell is not None]
    corners, _ = snap_quads_to_lines(straight.image, _corners(found.alignment, places))
    cells = dict(zip((f.name for f in in_cells), _on_page(straight, corners), strict=True))
    return [PlacedField(f.name, boxes.get(f.name, ()), cells.get(f.name)) for f in fields]


def _corners(alignment: Alignment, boxes: Sequence[Box]) -> Floats:
    """(n, 4, 2) corners of boxes of the reference page, on the page that is aligned with it."""
    corners = [
        ((b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom)) for b in boxes
    ]
    return alignment.map(np.array(corners, np.float64)).reshape(-1, 4, 2)


def _on_page(straight: StraightPage, corners: Floats) -> tuple[DigitBox, ...]:
    return tuple(DigitBox(quad) for quad in quads_of(map_points(straight.to_page, corners)))
