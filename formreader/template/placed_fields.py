"""The fields of a form on a page: mapped from the form, then moved onto the page's own lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.core.geometry import map_points, quads_of
from formreader.core.records import DigitBox, GreyImage, mark_boxes
from formreader.crop.box_crops import NO_EVIDENCE, FormEvidence
from formreader.detect.loose_ink import loose_ink
from formreader.detect.rows import Row
from formreader.preprocess.straighten import StraightPage
from formreader.template.faint_marks import faint_limit
from formreader.template.field_lines import OnLines, on_lines
from formreader.template.form_book import KnownForm, Recognised
from formreader.template.form_template import FieldPlace
from formreader.template.ink_beside import ink_beside
from formreader.template.page_alignment import Alignment
from formreader.template.page_map import Floats

_MIN_CONFIRMED = 0.3
"""Least share of the field's template lines that are found on the page. Of 3,100 fields on 120
drawn pages 31 have fewer, among them all six that registration put off by a quarter of a box or
more."""

_MAX_CUT_OFF = 0.1
"""Largest share of the width or height of a box outside of the page: its line may be outside."""

_QUARTER = np.pi / 2
"""A quarter turn, in radians."""


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field of a form in pixels of a page as stored: its name, and its boxes or its cell.

    `doubt` is a reason why its place may be wrong, or "". `confirmed` is the share of its template
    lines that were found on the page, 0..1. An `ignored` field is not read, but its ink belongs to
    no other field.
    """

    name: str
    boxes: tuple[DigitBox, ...] = ()
    cell: DigitBox | None = None
    doubt: str = ""
    confirmed: float = 1.0
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class PlacedFields:
    """The fields of a form on a page, in the order of its template.

    `known` is what the form tells about their boxes.
    """

    fields: tuple[PlacedField, ...] = ()
    known: FormEvidence = NO_EVIDENCE


def quarters_turned(alignment: Alignment) -> int:
    """Clockwise quarter turns that make the page upright, by its form's registration."""
    middle = alignment.places.mean(axis=0)
    here, beside = alignment.page_map.map([middle, middle + (1, 0)])
    x, y = beside - here
    return -round(float(np.arctan2(y, x)) / _QUARTER) % 4


def place_fields(straight: StraightPage, found: Recognised, shape: tuple[int, ...]) -> PlacedFields:
    """Find the fields of a recognised form on an upright page, stored with this `shape`."""
    fields, form = found.form.template.fields, found.form
    corners = found.alignment.map(form.corners).reshape(-1, 4, 2)
    placed = on_lines(straight.image, corners, form.corners, form.edges, form.owner)
    parts = np.split(placed.corners, np.cumsum([len(field.parts) for field in fields])[:-1])
    rows = [
        Row(part, np.ones(len(part)))
        for field, part in zip(fields, parts, strict=True)
        if field.cell is None
    ]
    loose = iter(loose_ink(straight.image, rows))
    doubts = _doubts(straight.image, form, placed)
    sureness = zip(placed.confirmed.tolist(), doubts, strict=True)
    # Not moved onto lines, unlike the fields: places near print are skipped anyway.
    beside = found.alignment.page_map.map(form.beside)
    faint = faint_limit(straight.image, beside, placed.corners)
    return PlacedFields(
        tuple(
            _marked_if_cut(_placed(straight, *one, loose), shape)
            for one in zip(fields, parts, sureness, strict=True)
        ),
        FormEvidence(faint, form.box_lines if rows else None),
    )


def _doubts(even: GreyImage, form: KnownForm, placed: OnLines) -> list[str]:
    """For each field a reason why its place may be wrong, or ""."""
    is_cell = np.array([field.cell is not None for field in form.template.fields], np.bool_)
    cells = np.flatnonzero(is_cell[form.owner])
    beside = np.zeros(len(is_cell), np.bool_)
    beside[form.owner[cells]] = ink_beside(
        even, placed.corners[cells], form.printed, form.corners[cells], form.free_sides[cells]
    )
    return [
        Doubt.NOT_ON_LINES if share < _MIN_CONFIRMED else Doubt.WRITING_BESIDE if writing else ""
        for share, writing in zip(placed.confirmed.tolist(), beside.tolist(), strict=True)
    ]


def _placed(
    straight: StraightPage,
    field: FieldPlace,
    corners: Floats,
    sureness: tuple[float, str],
    loose: Iterator[npt.NDArray[np.bool_]],
) -> PlacedField:
    """A field with its corners (n, 4, 2) on the upright page.

    `sureness` is the share of its template lines that were found, and its reason for doubt.
    """
    boxes = _on_page(straight, corners)
    if field.cell is not None:
        return PlacedField(field.name, (), boxes[0], sureness[1], sureness[0], field.ignored)
    boxes = mark_boxes(boxes, next(loose))
    return PlacedField(field.name, boxes, None, sureness[1], sureness[0], field.ignored)


def _marked_if_cut(field: PlacedField, shape: tuple[int, ...]) -> PlacedField:
    """The field, for review if a part of it is outside of its page."""
    boxes = [part.box for part in (field.boxes if field.cell is None else (field.cell,))]
    cut = any(
        max(-box.left, box.right - shape[1]) > _MAX_CUT_OFF * box.width
        or max(-box.top, box.bottom - shape[0]) > _MAX_CUT_OFF * box.height
        for box in boxes
    )
    return replace(field, doubt=Doubt.CUT_OFF) if cut else field


def _on_page(straight: StraightPage, corners: Floats) -> tuple[DigitBox, ...]:
    return tuple(DigitBox(quad) for quad in quads_of(map_points(straight.to_page, corners)))
