"""The template of a form: its fields with their names, in pixels of its reference page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from formreader.core.geometry import Box
from formreader.rules.form_rules import (
    DEFAULT_RULES_BROKEN,
    NO_RULES,
    FieldRules,
    FormRules,
    Relation,
)

_MIN_CELLS_OF_COLUMN = 3
"""Least number of cells of a table's column. Fewer are frames that happen to be stacked."""

_MAX_GAP_OF_CELLS, _MAX_SHIFT_OF_CELLS = 0.25, 0.15
"""Largest gap between two cells of a column, in heights, and largest offset of their sides, in
widths. Cells that people draw in the editor are within these."""


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field of a form: its name, either its boxes, left to right, or its cell, and its rules.

    Places are pixels of the reference page.

    Raises:
        ValueError: it has both boxes and a cell, or neither.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    cell: Box | None = None
    rules: FieldRules = NO_RULES

    def __post_init__(self) -> None:
        if bool(self.boxes) == (self.cell is not None):
            raise ValueError(f"field {self.name} needs either boxes or a cell")

    @property
    def parts(self) -> tuple[Box, ...]:
        """Its boxes, or its cell."""
        return self.boxes if self.cell is None else (self.cell,)

    @property
    def ignored(self) -> bool:
        """Whether it is not read. Only its place is known, as somebody writes there."""
        return self.rules.kind == "ignore"

    @property
    def box(self) -> Box:
        """The bounding box of the field."""
        return Box.around(self.parts)


def columns_of_cells(fields: Sequence[FieldPlace]) -> tuple[tuple[str, ...], ...]:
    """The names of the fields of each column of cells, stacked without gaps."""
    cells = sorted(
        (field for field in fields if field.cell is not None), key=lambda one: one.box.top
    )
    columns = list[list[FieldPlace]]()
    for cell in cells:
        for column in columns:
            if _is_below(cell.box, column[-1].box):
                column.append(cell)
                break
        else:
            columns.append([cell])
    return tuple(
        tuple(field.name for field in column)
        for column in columns
        if len(column) >= _MIN_CELLS_OF_COLUMN
    )


def _is_below(box: Box, above: Box) -> bool:
    sides = (abs(box.left - above.left), abs(box.right - above.right))
    near = abs(box.top - above.bottom) <= _MAX_GAP_OF_CELLS * above.height
    return near and max(sides) <= _MAX_SHIFT_OF_CELLS * above.width


@dataclass(frozen=True, slots=True)
class FormTemplate:
    """A form: its name, the (width, height) of its reference page in pixels, and its fields.

    The order of the fields is that of the columns in a table. `relations` are the rules between
    fields. `rules_broken` is the share of cases in which people break a rule. `document` names the
    forms of a document's pages if this form is the first one; otherwise (). With `decimal_comma`
    tables with a row a page write decimals with a comma.
    """

    name: str
    size: tuple[int, int]
    fields: tuple[FieldPlace, ...]
    relations: tuple[Relation, ...] = ()
    rules_broken: float = DEFAULT_RULES_BROKEN
    document: tuple[str, ...] = ()
    decimal_comma: bool = False

    @property
    def rules(self) -> FormRules:
        """All rules of the form."""
        read = (field for field in self.fields if field.rules != NO_RULES and not field.ignored)
        own = {field.name: replace(field.rules, comma=self.decimal_comma) for field in read}
        columns = columns_of_cells([field for field in self.fields if not field.ignored])
        return FormRules(own, self.relations, self.rules_broken, columns)

    @property
    def columns(self) -> list[str]:
        """The names of the fields that are read, in their order."""
        return [field.name for field in self.fields if not field.ignored]
