"""Names of fields, proposed from what is printed beside or above them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from formreader.core.geometry import Box
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.print_reader import PrintedLine, PrintReader
from formreader.template.template_file import (
    RESERVED_NAMES,
    read_page_picture,
    read_template,
    write_template,
)

_MIN_CONFIDENCE = 0.8
"""Less sure lines are often handwriting, or lines of boxes."""

_MIN_LETTERS = 2
"""Letters that a label has at least; figures and marks alone name nothing."""

_MAX_LENGTH = 40
"""Characters of a name; longer print is an instruction, and its beginning says enough."""

_MAX_ASIDE, _MAX_ABOVE = 15.0, 2.0
"""How far a label may be from its field, in heights of its line."""

_ABOVE_COSTS = 3.0
"""A label above counts as so many times farther: beside a field stands what it is, most often."""

_OVERLAP = 0.5
"""Share of the lower, or narrower, of field and line that must lie side by side."""

_INTO = 0.4
"""How far a line may reach into the field that it labels, in heights of the line."""

_Found: TypeAlias = tuple[float, PrintedLine]
"""A label of a field, after its cost."""

_PROPOSED = re.compile(r"F\d+")
_NUMBERING = re.compile(r"^[\W\d_]+")


def label_templates(folders: Sequence[Path], reader: PrintReader) -> list[FormTemplate]:
    """Give the fields of templates names from their print, and write the templates anew.

    Raises:
        OutputError: a template cannot be written.
        TemplateError: a template cannot be read.
    """
    named = list[FormTemplate]()
    for folder in folders:
        template = read_template(folder)
        page = read_page_picture(folder, template)
        template = replace(template, fields=labelled(template.fields, reader.read(page)))
        write_template(folder, template, page)
        named.append(template)
    return named


def labelled(fields: Sequence[FieldPlace], lines: Sequence[PrintedLine]) -> tuple[FieldPlace, ...]:
    """The fields with names from the lines of print beside or above them.

    Names that are not F01, F02, ... stay; so do those of fields with no print near them. Fields
    that share a label beside them get that of their column as well, or else numbers.
    """
    labels = [line for line in lines if _is_label(line, fields)]
    beside = [_nearest(field.box, labels, _beside) for field in fields]
    above = [_nearest(field.box, labels, _above) for field in fields]
    heads = [_nearest(_column_top(field.box, fields), labels, _above) for field in fields]
    named, taken = list[FieldPlace](), {one.name.casefold() for one in fields}
    for field, side, top, head in zip(fields, beside, above, heads, strict=True):
        name = ""
        if _PROPOSED.fullmatch(field.name):
            shared = side is not None and sum(side[1] is one[1] for one in beside if one) > 1
            if side and head and shared:
                name = _name(f"{side[1].text} {head[1].text}")
            elif best := min((one for one in (side, top) if one), default=head, key=_cost):
                name = _name(best[1].text)
        name = _free(name, taken) if name else field.name
        taken.add(name.casefold())
        named.append(replace(field, name=name))
    return tuple(named)


def _cost(found: _Found) -> float:
    return found[0]


def _is_label(line: PrintedLine, fields: Sequence[FieldPlace]) -> bool:
    """Whether a line may be a label: printed words that stand in no field."""
    letters = sum(one.isalpha() for one in line.text)
    sure = line.confidence >= _MIN_CONFIDENCE and letters >= _MIN_LETTERS
    return sure and not any(field.box.holds(line.box.centre) for field in fields)


def _column_top(box: Box, fields: Sequence[FieldPlace]) -> Box:
    """The topmost field of a column without gaps, in which a field stands: above it is the head."""
    for other in sorted((one.box for one in fields), key=lambda one: -one.top):
        shared = min(box.right, other.right) - max(box.left, other.left)
        stacked = shared >= _OVERLAP * max(box.width, other.width)
        if other.top < box.top and stacked and box.top - other.bottom <= _OVERLAP * box.height:
            box = other
    return box


def _nearest(
    field: Box, labels: Sequence[PrintedLine], distance: Callable[[Box, Box], float | None]
) -> _Found | None:
    """The nearest label in one direction, with its cost; None if there is none."""
    found = [(cost, line) for line in labels if (cost := distance(field, line.box)) is not None]
    return min(found, default=None, key=_cost)


def _beside(field: Box, line: Box) -> float | None:
    """How far a field is right of a line, in heights of the line; None if it is not."""
    gap = (field.left - line.right) / line.height
    shared = min(field.bottom, line.bottom) - max(field.top, line.top)
    if shared < _OVERLAP * min(field.height, line.height) or not -_INTO <= gap <= _MAX_ASIDE:
        return None
    return max(gap, 0.0)


def _above(field: Box, line: Box) -> float | None:
    """How far a field is below a line, as a cost; None if it is not."""
    gap = (field.top - line.bottom) / line.height
    shared = min(field.right, line.right) - max(field.left, line.left)
    if shared < _OVERLAP * min(field.width, line.width) or not -_INTO <= gap <= _MAX_ABOVE:
        return None
    return max(gap, 0.0) * _ABOVE_COSTS


def _name(text: str) -> str:
    """A text as a name: words in small letters, in their own script, joined by underscores."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"\w+", _NUMBERING.sub("", plain))
    return "_".join(_fitting(words))


def _fitting(words: Sequence[str]) -> Iterator[str]:
    """Words from the first on, as many as a name may have."""
    length = 0
    for word in words:
        length += len(word) + 1
        if length > _MAX_LENGTH + 1 and length > len(word) + 1:
            return
        yield word[:_MAX_LENGTH]


def _free(name: str, taken: Collection[str]) -> str:
    """The name, with a number if another field or a column of the table has it."""
    if name not in taken and name not in RESERVED_NAMES:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
