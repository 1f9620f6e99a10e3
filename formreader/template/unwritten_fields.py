"""Find fields in which hardly anybody writes, on the reference page of a form.

On a single page a blank field looks like any frame. The reference page is the median of the pages:
it has no writing, and its lines are whole. The fields that were found on most pages tell what the
fields of this form look like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.detect.field_finder import find_fields
from formreader.detect.line_snapping import find_edges
from formreader.preprocess.straighten import StraightPage
from formreader.template.form_template import FieldPlace

_MIN_SCORE = 0.7
"""Least score of a cell on the reference page. On the drawn form that this was tried on all 33 true
cells have at least 0.79, and two false ones at most 0.55."""

_MAX_DIFFERENCE = 0.15
"""Largest relative difference of a cell's height, or a box's side, from that of known ones."""

_LEFT_OUT_AT_EDGES, _MIN_CONTRAST, _MAX_INK_OF_BLANK = 0.16, 40.0, 0.01
"""Share of the sides that is skipped at the edges; least contrast of ink with paper, in grey
levels; largest share of ink in a blank place, as the median leaves specks of writing."""

_MIN_LINE_OF_FOUND = 0.3
"""Least confidence of the line at each edge of a cell or a box on the reference page. A part of a
frame for words has an edge without a line."""

_SAME_CELL = 0.9
"""Least intersection over union of a cell found on the pages and the same cell on the reference
page."""

_MIN_COVERED_BY_PARTS = 0.6
"""Least share of a cell's width that its known parts cover."""

_MEETING = 3.0
"""Largest distance in pixels of sides that are one line: those that no line has placed are farther
apart."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The cells and the rows of boxes on the reference page."""

    cells: tuple[Box, ...]
    rows: tuple[tuple[Box, ...], ...]


def with_unwritten(
    reference: GreyImage, fields: Sequence[FieldPlace], found: Sequence[Box] = ()
) -> tuple[FieldPlace, ...]:
    """The fields of a form, with those added that are blank on most pages.

    Only places that look like known fields are added: a cell as high as a known one, or boxes as
    large as known ones. Parts of a cell, and boxes without lines in it, are replaced by the whole
    cell: a long one may be found in two parts on most pages, and even on the reference page.

    Args:
        reference: the median of a form's pages, (h, w) uint8.
        fields: the fields that were found on most pages.
        found: the cells that were found on any page, whole or in part.
    """
    shown = _shown(reference)
    fields = _whole_cells(reference, fields, shown.cells, found)
    heights = [one.cell.height for one in fields if one.cell is not None]
    sizes = [(box.width, box.height) for one in fields for box in one.boxes]
    added = list[FieldPlace]()

    def is_free(box: Box) -> bool:
        taken = (part for one in (*fields, *added) for part in one.parts)
        return not any(part.overlap(box) or part.holds(box.centre) for part in taken)

    for cell in shown.cells:
        like = any(_similar(cell.height, height) for height in heights)
        if like and is_free(cell) and _is_blank(reference, cell):
            added.append(FieldPlace("-", cell=cell))
    for row in shown.rows:
        like = all(
            any(_similar(box.width, w) and _similar(box.height, h) for w, h in sizes) for box in row
        )
        if like and all(is_free(box) and _is_blank(reference, box) for box in row):
            added.append(FieldPlace("-", row))
    return (*fields, *added)


def _shown(reference: GreyImage) -> _Shown:
    found = find_fields(StraightPage(reference, np.eye(3), 0.0))
    cells = _ruled(reference, [cell.box for cell in found.cells if cell.score >= _MIN_SCORE])
    rows = [row for row in found.rows if np.mean([box.score for box in row]) >= _MIN_SCORE]
    places = (tuple(box.box for box in row) for row in rows)
    return _Shown(cells, tuple(row for row in places if _has_lines(reference, row).all()))


def _ruled(page: GreyImage, cells: Sequence[Box]) -> tuple[Box, ...]:
    """The cells with a line at each edge."""
    if not cells:
        return ()
    return tuple(compress(cells, _has_lines(page, cells)))


def _has_lines(page: GreyImage, boxes: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """(n,) whether all edges of each box have lines."""
    corners = [
        ((b.left, b.top), (b.right, b.top), (b.right, b.bottom), (b.left, b.bottom)) for b in boxes
    ]
    edges = find_edges(page, np.array(corners, np.float64).reshape(-1, 4, 2))
    return np.asarray(edges.weight.min(axis=0) >= _MIN_LINE_OF_FOUND, np.bool_)


def _whole_cells(
    reference: GreyImage,
    fields: Sequence[FieldPlace],
    shown: Sequence[Box],
    found: Sequence[Box],
) -> tuple[FieldPlace, ...]:
    """The fields with parts of a cell replaced by the whole cell.

    A part may be a box: a stroke of a pen on many pages looks like its side. A true box has lines.
    What the reference page shows as a cell is sure; what only pages show takes the place of several
    parts without a line between them.
    """
    kept = list(fields)
    for cell in (*shown, *_ruled(reference, found)):
        parts = [
            (one.cell is None, box) for one in kept for box in one.parts if _is_part(box, cell)
        ]
        if not parts or any(box.overlap(cell) >= _SAME_CELL for _, box in parts):
            continue
        covered = sum(box.width for _, box in parts) / cell.width
        # If cells or boxes side by side fill it, the line between them is too faint on the median.
        fill = len(parts) > 1 and _fill([box for _, box in parts], cell)
        is_whole = _has_lines(reference, [box for _, box in parts]).all()
        larger = covered >= _MIN_COVERED_BY_PARTS and not any(is_box for is_box, _ in parts)
        sure = cell in shown
        split = not is_whole and (sure or len(parts) > 1)
        if not fill and (split or (larger and sure)):
            kept = [left for one in kept if (left := _outside(one, cell)) is not None]
            kept.append(FieldPlace("-", cell=cell))
    return tuple(kept)


def _fill(parts: Sequence[Box], cell: Box) -> bool:
    """Whether parts fill a cell, side by side."""
    row = sorted(parts, key=lambda box: box.left)
    ends, begins = (
        [cell.left, *(box.right for box in row)],
        [*(box.left for box in row), cell.right],
    )
    return all(abs(end - begin) <= _MEETING for end, begin in zip(ends, begins, strict=True))


def _outside(field: FieldPlace, cell: Box) -> FieldPlace | None:
    """A field without its parts of a cell; None if nothing is left."""
    left = tuple(box for box in field.parts if not _is_part(box, cell))
    if len(left) == len(field.parts):
        return field
    return replace(field, boxes=left) if left else None


def _is_part(part: Box, cell: Box) -> bool:
    """Whether a cell lies in a wider one of the same row."""
    return (
        part.width <= cell.width
        and _similar(part.height, cell.height)
        and cell.holds(part.centre)
        and abs(part.centre[1] - cell.centre[1]) <= _MAX_DIFFERENCE * cell.height
    )


def _similar(one: float, other: float) -> bool:
    return abs(one - other) <= _MAX_DIFFERENCE * max(one, other)


def _is_blank(page: GreyImage, box: Box) -> bool:
    """Whether hardly any pixel of a place is ink."""
    across, down = _LEFT_OUT_AT_EDGES * box.width, _LEFT_OUT_AT_EDGES * box.height
    across = min(across, down)  # the lines of a wide cell are no thicker
    top, bottom = round(max(box.top + down, 0)), round(box.bottom - down)
    left, right = round(max(box.left + across, 0)), round(box.right - across)
    inside = page[top : max(bottom, top), left : max(right, left)]
    if not inside.size:
        return False
    ink = inside < float(np.median(inside)) - _MIN_CONTRAST
    return float(ink.mean()) <= _MAX_INK_OF_BLANK
