"""The template of a form: its fields with their names, in pixels of its reference page."""

from __future__ import annotations

from dataclasses import dataclass

from formreader.core.geometry import Box


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field of a form: its name, and either its boxes, left to right, or its cell.

    Places are pixels of the reference page.

    Raises:
        ValueError: it has both boxes and a cell, or neither.
    """

    name: str
    boxes: tuple[Box, ...] = ()
    cell: Box | None = None

    def __post_init__(self) -> None:
        if bool(self.boxes) == (self.cell is not None):
            raise ValueError(f"field {self.name} needs either boxes or a cell")

    @property
    def parts(self) -> tuple[Box, ...]:
        """Its boxes, or its cell."""
        return self.boxes if self.cell is None else (self.cell,)

    @property
    def box(self) -> Box:
        """The bounding box of the field."""
        return Box.around(self.parts)


@dataclass(frozen=True, slots=True)
class FormTemplate:
    """A form: its name, the (width, height) of its reference page in pixels, and its fields.

    The order of the fields is that of the columns in a table.
    """

    name: str
    size: tuple[int, int]
    fields: tuple[FieldPlace, ...]
