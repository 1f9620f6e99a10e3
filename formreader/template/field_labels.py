"""Propose names for fields from the print beside or above them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from formreader.core.geometry import Box
from formreader.template.field_tables import FieldTables
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.print_reader import PrintedLine, PrintReader
from formreader.template.template_file import (
    RESERVED_NAMES,
    read_page_picture,
    read_template,
    write_template,
)

_MIN_CONFIDENCE = 0.8
"""Least confidence of a line of print. Others are often handwriting, or the lines of boxes."""

_MIN_LETTERS = 2
"""Least number of letters of a label. Figures and marks alone only name rows and columns of
tables."""

_MAX_LENGTH = 40
"""Largest length of a name in characters. Longer print is an instruction, and is cut off."""

_MAX_ASIDE, _MAX_ABOVE = 15.0, 2.0
"""Largest distance of a label from its field, beside it and above it, in heights of its line."""

_ABOVE_COSTS = 3.0
"""Factor of the distance of labels above a field, as most labels are beside it."""

_OVERLAP = 0.5
"""Least overlap of field and line, as a share of the lower (or narrower) of the two."""

_INTO = 0.4
"""Largest overlap of a line with the field that it labels, in heights of the line."""

_Found: TypeAlias = tuple[float, PrintedLine]
"""The cost of a label of a field, and the label."""

_PROPOSED = re.compile(r"F\d+")
_NUMBERING = re.compile(r"^[\W\d_]+")


def label_templates(folders: Sequence[Path], reader: PrintReader) -> list[FormTemplate]:
    """Name the fields of templates after their print, and write the templates again.

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

    Names other than F01, F02, ... are kept, and so are names of fields without print near them. In
    a table the name is the label of the row and the heading of the column. Names that are taken get
    numbers.
    """
    texts = _Texts([field.box for field in fields], lines)
    named, taken = list[FieldPlace](), {one.name.casefold() for one in fields}
    for field in fields:
        name = texts.of(field.box) if _PROPOSED.fullmatch(field.name) else ""
        name = free_name(name, taken) if name else field.name
        taken.add(name.casefold())
        named.append(replace(field, name=name))
    return tuple(named)


class _Texts:
    """The print at the fields of a form, as names."""

    def __init__(self, fields: Sequence[Box], lines: Sequence[PrintedLine]) -> None:
        self._tables = FieldTables(fields)
        self._print = [line for line in lines if _is_label(line, fields, letters=0)]
        self._labels = [line for line in self._print if _is_label(line, fields)]
        self._same = Counter(usable_name(line.text) for line in self._print)
        self._groups = dict[Box, dict[Box, str]]()

    def of(self, box: Box) -> str:
        """The name of a field; "" if nothing is printed near it."""
        top = self._tables.top(box)
        if self._tables.hold(box):  # figures are headings as well
            row = self._text(_nearest(self._tables.start(box), self._print, _beside))
            head = self._text(_nearest(top, self._print, _above))
            if group := self._group(top):
                head = _cut([*group.split("_"), *head.split("_")], _MAX_LENGTH)
            if row or head:
                room = _MAX_LENGTH - len(head) - 1
                return "_".join(one for one in (_cut(row.split("_"), room), head) if one)
        nearest = (_nearest(box, self._labels, _beside), _nearest(box, self._labels, _above))
        found = min((one for one in nearest if one), default=None, key=_cost)
        return self._text(found or _nearest(top, self._labels, _above))

    def _group(self, top: Box) -> str:
        """The heading of the group of columns that a column belongs to, by its topmost field."""
        start = self._tables.start(top)
        if start not in self._groups:
            self._groups[start] = self._grouped(self._tables.row(start))
        return self._groups[start].get(top, "")

    def _grouped(self, columns: Sequence[Box]) -> dict[Box, str]:
        """The headings of groups of columns, left to right, each centred over its group.

        They are used if several groups have the same headings below them.
        """
        heads = [one for top in columns if (one := _nearest(top, self._print, _above))]
        names = [self._text(head) for head in heads]
        if len(names) < len(columns) or len(set(names)) == len(names):
            return {}
        over = [line for line in self._print if any(_is_over(line, head) for _, head in heads)]
        groups, rest = dict[Box, str](), list(columns)
        for line in sorted(over, key=lambda one: one.box.left):
            right = 2 * line.box.centre[0] - rest[0].left if rest else 0.0
            group = [one for one in rest if one.centre[0] < right]
            if not group or abs(group[-1].right - right) > _OVERLAP * group[-1].width:
                return {}
            groups |= dict.fromkeys(group, self._text((0.0, line)))
            del rest[: len(group)]
        return groups

    def _text(self, found: _Found | None) -> str:
        """A label as a name. Its number is kept if two labels differ only by their numbers."""
        if found is None:
            return ""
        name = usable_name(found[1].text)
        return name if self._same[name] == 1 else usable_name(found[1].text, numbered=True)


def _is_over(line: PrintedLine, head: PrintedLine) -> bool:
    """Whether a line is anywhere in the row of print right above a heading."""
    gap = (head.box.top - line.box.bottom) / line.box.height
    return -_INTO <= gap <= _MAX_ABOVE


def _cost(found: _Found) -> float:
    return found[0]


def _is_label(line: PrintedLine, fields: Sequence[Box], letters: int = _MIN_LETTERS) -> bool:
    """Whether a line may be a label: print with enough letters that is in no field."""
    enough = sum(one.isalpha() for one in line.text) >= letters
    sure = line.confidence >= _MIN_CONFIDENCE and any(one.isalnum() for one in line.text)
    return enough and sure and not any(field.holds(line.box.centre) for field in fields)


def _nearest(
    field: Box, labels: Sequence[PrintedLine], distance: Callable[[Box, Box], float | None]
) -> _Found | None:
    """The nearest label in one direction, with its cost; None if there is none."""
    found = [(cost, line) for line in labels if (cost := distance(field, line.box)) is not None]
    return min(found, default=None, key=_cost)


def _beside(field: Box, line: Box) -> float | None:
    """Distance from a line to a field on its right, in heights of the line; None if it is not."""
    gap = (field.left - line.right) / line.height
    shared = min(field.bottom, line.bottom) - max(field.top, line.top)
    if shared < _OVERLAP * min(field.height, line.height) or not -_INTO <= gap <= _MAX_ASIDE:
        return None
    return max(gap, 0.0)


def _above(field: Box, line: Box) -> float | None:
    """Cost of a line above a field, by its distance; None if it is elsewhere."""
    gap = (field.top - line.bottom) / line.height
    shared = min(field.right, line.right) - max(field.left, line.left)
    if shared < _OVERLAP * min(field.width, line.width) or not -_INTO <= gap <= _MAX_ABOVE:
        return None
    return max(gap, 0.0) * _ABOVE_COSTS


def usable_name(text: str, *, numbered: bool = False) -> str:
    """A text as a name: words in small letters, in their own script, joined by underscores.

    Figures and marks before the first letter are numbering. They are left out, unless there are no
    letters or `numbered` is set.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"\w+", plain if numbered else _NUMBERING.sub("", plain) or plain)
    return _cut(words, _MAX_LENGTH)


def _cut(words: Sequence[str], most: int) -> str:
    """A name of as many words as fit into `most` characters; a single long word is cut."""
    name = words[0][: max(most, 1)] if words else ""
    for word in words[1:]:
        if len(name) + 1 + len(word) > most:
            break
        name += f"_{word}"
    return name


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number if another field or a column of the table has it."""
    if name not in taken and name not in RESERVED_NAMES:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
