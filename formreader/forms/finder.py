"""Digit boxes of a page, grouped into fields, in pixels of the page as stored."""

from __future__ import annotations

from dataclasses import dataclass

from formreader.forms.boxes import find_rows
from formreader.forms.fields import group_rows
from formreader.forms.straighten import StraightPage, map_points, quad
from formreader.types import DigitBox, Field

NO_BOXES = "no digit boxes found"


@dataclass(frozen=True, slots=True)
class FoundFields:
    """The fields of a page in reading order, and a reason to look at it, or ""."""

    fields: tuple[Field, ...]
    notice: str = ""


def find_fields(straight: StraightPage) -> FoundFields:
    """Find the digit boxes of a straightened page and group them into fields."""
    fields = []
    for row in group_rows(find_rows(straight.image)):
        corners = map_points(straight.to_page, row.corners).reshape(-1, 4, 2)
        score = min(max(row.score, 0.0), 1.0)
        fields.append(Field(tuple(DigitBox(quad(points), score) for points in corners)))
    return FoundFields(tuple(fields), "" if fields else NO_BOXES)
