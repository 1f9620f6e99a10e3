"""The text fields of a fillable PDF: their places on the page, and what was typed into them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from formreader.core.field_kinds import NO_KIND, FieldKind
from formreader.core.geometry import Box

_NUMBER = re.compile(r"-?[0-9]+(?:[-., /:]{1,2}[0-9]+)*")
"""Typed text that is a number, a date or a time."""

_DATE = re.compile(r"\d{1,4}([-./ ])\d{1,2}\1\d{1,4}")

_BESIDE_NUMBERS = " \t\r\n\N{NO-BREAK SPACE}€$£%"
"""What may stand before and after a number without being a part of it."""


@dataclass(frozen=True, slots=True)
class FormField:
    """A text field of a fillable PDF, in pixels of the page.

    `name` is that in the PDF. `boxes` are the field, or if `is_row` one box for
    each character, left to right. `kind` is what it asks for, as far as the PDF tells. `value` was
    typed into it; in a row its characters fill the boxes from the left.
    """

    name: str
    boxes: tuple[Box, ...]
    is_row: bool = False
    kind: FieldKind = NO_KIND
    value: str = ""

    @property
    def box(self) -> Box:
        """The bounding box of the field."""
        return Box.around(self.boxes)

    @property
    def number(self) -> str:
        """What was typed, if it is a number, a date or a time; else ""."""
        text = self.value.strip(_BESIDE_NUMBERS).replace("\N{NO-BREAK SPACE}", " ")
        return text if _NUMBER.fullmatch(text) else ""

    def in_boxes(self, boxes: int) -> str:
        """The digits that were typed, one character a box, "." for a blank; "" if they do not fit.

        A date may have marks between its parts: they are printed on the form.
        """
        if self.is_row and len(self.value.rstrip()) <= boxes == len(self.boxes):
            cells = self.value.rstrip().replace(" ", ".")
        else:
            cells = self.number
            if _DATE.fullmatch(cells):
                cells = "".join(filter(str.isdecimal, cells))
                cells = cells if len(cells) == boxes else ""
        digits = cells.replace(".", "") if self.is_row else cells
        fits = digits.isascii() and digits.isdecimal() and len(cells) <= boxes
        return cells.ljust(boxes, ".") if fits else ""
