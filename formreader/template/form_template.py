"""The template of a form: its fields with their names, in pixels of its reference page."""

from __future__ import annotations

from dataclasses import dataclass, replace

from formreader.core.geometry import Box
from formreader.rules.form_rules import (
    DEFAULT_RULES_BROKEN,
    NO_RULES,
    FieldRules,
    FormRules,
    Relation,
)


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
        """Whether it is not read: it is only known that somebody writes there."""
        return self.rules.kind == "ignore"

    @property
    def box(self) -> Box:
        """The bounding box of the field."""
        return Box.around(self.parts)


@dataclass(frozen=True, slots=True)
class FormTemplate:
    """A form: its name, the (width, height) of its reference page in pixels, and its fields.

    The order of the fields is that of the columns in a table. `relations` are the rules between
    fields, and `rules_broken` is the share of cases in which people break a rule. `document` names
    the forms of the pages of a document that begins with this one; () where it begins none.
    `decimal_comma`: tables with a row a page write decimals with a comma.
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
        return FormRules(own, self.relations, self.rules_broken)

    @property
    def columns(self) -> list[str]:
        """The names of the fields that are read, in their order."""
        return [field.name for field in self.fields if not field.ignored]
