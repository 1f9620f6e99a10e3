"""Read, check and write templates: one folder a form, with template.toml and page.png.

Errors name the file, the line and the key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from formreader.core.errors import OutputError, TemplateError
from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.core.user_files import open_regular_text, parse_toml, read_regular
from formreader.output.atomic_writing import atomic_stream, atomic_writer
from formreader.output.table import text_cell
from formreader.template.documents import (
    DOCUMENT_KEY,
    document_flaws,
    document_lines,
    document_of,
)
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.rule_keys import (
    FIELD_RULE_KEYS,
    FORM_RULE_KEYS,
    decimal_comma,
    field_rule_lines,
    field_rules,
    form_relations,
    form_rule_lines,
    rule_file_path,
    rules_broken,
    unknown_keys,
)
from formreader.template.usable_values import (
    MAX_BOXES,
    MAX_FIELDS,
    MAX_PLACES,
    MAX_SIDE,
    NUMBER_FAULT,
    form_name_fault,
    found,
    has_unusable_number,
    name_fault,
    place_fault,
)

TEMPLATE_FILE, PAGE_FILE, PRINTED_FILE = "template.toml", "page.png", "printed.png"
"""The files of a template's folder: its fields, the form as scanned, and the form as drawn by
`template print`. At least one of the pictures is there."""

TEMPLATE_FORMAT = 1
"""Version of template.toml, its key `format`."""

RESERVED_NAMES = frozenset(("file", "page", "form", "status", "review", "message"))
"""Columns of the table of pages. No field may have these names."""

_FORM_KEYS = FORM_RULE_KEYS | {"format", "form", "width", "height", "fields", DOCUMENT_KEY}
_FIELD_KEYS = frozenset(("name", "boxes", "cell", *FIELD_RULE_KEYS))

_SUMMARY = "Correct it, or make the template again with `formreader template new`"

_MAX_SHOWN = 80
"""Largest number of characters of a wrong key or value in a message."""

_MAX_FAULTS = 100
"""Largest number of reported faults. Each is looked up in the text, which would take hours for a
million."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a template.toml: its line, 0 if it is about the whole file, and the message."""

    line: int
    message: str


class _Lines:
    """The lines of the keys of a template.toml, which TOML parsers do not report."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._fields = [
            number
            for number, line in enumerate(self._lines, 1)
            if re.match(r"\s*\[\[\s*fields\s*\]\]", line)
        ]

    def of(self, key: str, field: int | None = None) -> int:
        """The line of a key of the form, or of the 0-based `field`; that of its head without it."""
        first, end = 1, len(self._lines) + 1
        if field is None:
            end = self._fields[0] if self._fields else end
        elif field < len(self._fields):
            first = self._fields[field]
            end = self._fields[field + 1] if field + 1 < len(self._fields) else end
        for number in range(first, end):
            if re.match(rf"\s*{_key_pattern(key)}\s*[=.]", self._lines[number - 1]):
                return number
        path = (key,) if field is None else ("fields", key)
        return self._head(path, first, end) or first

    def of_table(self, name: str) -> int:
        """The line of the head of a table of the form; that of its key where it has no head."""
        return self._head((name,), 1, len(self._lines) + 1) or self.of(name)

    def _head(self, path: Sequence[str], first: int, end: int) -> int:
        """The first line in a range that is the head of a table, or of one in it; 0 if none is."""
        names = r"\s*\.\s*".join(map(_key_pattern, path))
        head = re.compile(rf"\s*\[\[?\s*{names}\s*[\].]")
        found = (n for n in range(first, end) if head.match(self._lines[n - 1]))
        return next(found, 0)

    def of_entry(self, key: str, text: str) -> int:
        """The line of a text in the list of a key of the form; that of the key if it is unclear."""
        first = self.of(key)
        found = (n for n in range(first, len(self._lines) + 1) if text in self._lines[n - 1])
        return next(found, first) if text else first


def _key_pattern(key: str) -> str:
    """A regular expression for a key as TOML may write it, with quotes or without."""
    return rf"""["']?{re.escape(key)}["']?"""


def template_folders(place: Path) -> list[Path]:
    """The folders of templates at `place`: itself, or those in it, in the order of their names.

    Raises:
        TemplateError: there is none.
    """
    if place.name == TEMPLATE_FILE:
        place = place.parent
    if (place / TEMPLATE_FILE).is_file():
        return [place]
    found = sorted(path.parent for path in place.glob(f"*/{TEMPLATE_FILE}"))
    if not found:
        raise TemplateError(
            f"{place}: there is no template in it. Make one with `formreader template learn` or "
            "`formreader template new`"
        )
    return found


def read_template(folder: Path) -> FormTemplate:
    """Read the template of a folder.

    Raises:
        TemplateError: it cannot be read or is wrong; the message has all that is.
    """
    file = folder / TEMPLATE_FILE
    return _parsed(read_template_text(folder), file, folder)


def _parsed(text: str, file: Path, folder: Path | None) -> FormTemplate:
    template, faults = parse_template(text, folder)
    if template is None:
        told = [
            f"{file}{f', line {one.line}' if one.line else ''}: {one.message}" for one in faults
        ]
        raise TemplateError("\n".join((*told, _SUMMARY)))
    return template


def read_template_text(folder: Path) -> str:
    """The content of the template.toml of a folder.

    Raises:
        TemplateError: it cannot be read.
    """
    path = folder / TEMPLATE_FILE
    try:
        with open_regular_text(path) as stream:
            return stream.read()
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path}: it is not UTF-8 text ({error.reason})") from error


def page_files(folder: Path) -> list[Path]:
    """The pictures of a template's folder: of the form as scanned, then as printed."""
    found = [folder / name for name in (PAGE_FILE, PRINTED_FILE) if (folder / name).is_file()]
    return found or [folder / PAGE_FILE]


def read_page_picture(folder: Path, template: FormTemplate) -> GreyImage:
    """Read the reference page of a template, (height, width) uint8: of scans if there are some.

    Raises:
        TemplateError: it cannot be read, or its size is not the template's.
    """
    return _read_picture(page_files(folder)[0], template)


def read_page_pictures(folder: Path, template: FormTemplate) -> dict[str, GreyImage]:
    """Read all reference pages of a template, by the names of their files, as `page_files`.

    Raises:
        TemplateError: as `read_page_picture`.
    """
    return {path.name: _read_picture(path, template) for path in page_files(folder)}


def _read_picture(path: Path, template: FormTemplate) -> GreyImage:
    try:
        data = np.frombuffer(read_regular(path), np.uint8)
    except OSError as error:
        raise TemplateError(f"{path}: cannot be read ({error.strerror}). {_SUMMARY}") from error
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
    if image is None:
        raise TemplateError(f"{path}: it is no picture that can be read. {_SUMMARY}")
    width, height = template.size
    if image.shape != (height, width):
        raise TemplateError(
            f"{path}: it has {image.shape[1]} x {image.shape[0]} pixels, but {TEMPLATE_FILE} says "
            f"{width} x {height}. {_SUMMARY}"
        )
    return np.asarray(image, np.uint8)


def write_template(folder: Path, template: FormTemplate, page: GreyImage) -> None:
    """Write a template with its reference page, (height, width) uint8, into a folder.

    Raises:
        OutputError: it cannot be written.
        TemplateError: it could not be read again.
    """
    content = template_text(template)
    _parsed(content, folder / TEMPLATE_FILE, None)  # the files of its rules may come later
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
    with atomic_stream(folder / PAGE_FILE) as stream:
        stream.write(cv2.imencode(".png", page)[1].tobytes())
    with atomic_writer(folder / TEMPLATE_FILE) as text:
        text.write(content)


def replace_template_texts(texts: Mapping[Path, str]) -> None:
    """Replace the template.toml of folders; all texts are checked before the first is written.

    Raises:
        OutputError: one cannot be written.
        TemplateError: one is wrong, or does not fit the reference page.
    """
    for folder, text in texts.items():
        read_page_picture(folder, _parsed(text, folder / TEMPLATE_FILE, folder))
    for folder, text in texts.items():
        with atomic_writer(folder / TEMPLATE_FILE) as stream:
            stream.write(text)


def template_text(template: FormTemplate) -> str:
    """The content of a template.toml."""
    width, height = template.size
    lines = [
        "# Names are the columns of the table, in this order. Places are pixels of page.png:",
        "# left, top, width, height; `boxes` has one for each digit, `cell` is for a whole number.",
        f"format = {TEMPLATE_FORMAT}",
        f"form = {_quoted(template.name)}",
        f"width = {width}",
        f"height = {height}",
        *form_rule_lines(
            template.relations, template.rules_broken, _quoted, comma=template.decimal_comma
        ),
    ]
    for field in template.fields:
        lines += ["", "[[fields]]", f"name = {_quoted(field.name)}"]
        lines += field_rule_lines(field.rules, _quoted)
        if field.cell is not None:
            lines.append(f"cell = {_numbers(field.cell)}")
        else:
            lines += ["boxes = [", *(f"  {_numbers(box)}," for box in field.boxes), "]"]
    lines += document_lines(template, _quoted)
    return "\n".join(lines) + "\n"


def parse_template(
    text: str, folder: Path | None = None
) -> tuple[FormTemplate | None, list[Fault]]:
    """The template in the text of a template.toml, or None and its faults (the first ones of many).

    `folder` is that of the template, for the files that its rules name; None to leave them unread.
    """
    try:
        content = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)|\(at end of document\)", str(error))
        line = int(found[1]) if found and found[1] else len(text.splitlines())
        return None, [Fault(line, f"not valid TOML: {str(error).split(' (at')[0]}")]
    except ValueError as error:  # too much of something
        return None, [Fault(0, f"not valid TOML: {error}")]
    lines = _Lines(text)
    faults = list(_number_faults(content, lines)) or list(
        islice(_form_faults(content, lines), _MAX_FAULTS)
    )
    if faults:
        return None, faults
    size = (content["width"], content["height"])
    fields, names = list[FieldPlace](), dict[str, int]()
    for i, entry in enumerate(content["fields"]):
        if len(faults) > _MAX_FAULTS:
            break
        wrong = list(_field_faults(entry, i, size, lines))
        rules, flaws = field_rules(entry, folder)
        wrong += [Fault(lines.of(one.key, i), f"{one.key}: {one.message}") for one in flaws]
        faults += wrong
        if not wrong:
            name = entry["name"]
            if (first := names.setdefault(text_cell(name).casefold(), i)) != i:
                line = lines.of("name", first)
                message = f"name: {name!r} is already the name of the field in line {line}"
                faults.append(Fault(lines.of("name", i), message))
            boxes = tuple(Box(*place) for place in entry.get("boxes", ()))
            cell = Box(*entry["cell"]) if "cell" in entry else None
            fields.append(FieldPlace(name, boxes, cell, rules))
    named = [one.get("name") for one in content["fields"] if one.get("kind") != "ignore"]
    relations, flaws = form_relations(content, [one for one in named if isinstance(one, str)])
    faults += [
        Fault(lines.of(one.key, i), f"{one.key}: {one.message}")
        for i, one in unknown_keys(content["fields"], named)
    ]
    broken, more = rules_broken(content)
    comma, further = decimal_comma(content)
    faults += [
        Fault(lines.of_entry(one.key, one.text), f"{one.key}: {one.message}")
        for one in (*flaws, *more, *further)[:_MAX_FAULTS]
    ]
    line = lines.of_table(DOCUMENT_KEY)
    faults += [Fault(line, f"{DOCUMENT_KEY}: {told}") for told in document_flaws(content)]
    if faults:
        return None, sorted(faults, key=lambda fault: fault.line)
    made = content["form"], size, tuple(fields), relations, broken, document_of(content), comma
    return FormTemplate(*made), []


def files_of_rules(folder: Path, template: FormTemplate) -> list[Path]:
    """The files that the rules of the template in a folder name, each once."""
    names = dict.fromkeys(name for field in template.fields for name in field.rules.files)
    return [rule_file_path(folder, name) for name in names]


def _number_faults(content: Mapping[str, Any], lines: _Lines) -> Iterator[Fault]:
    """The keys whose numbers are out of all ranges. They must be found before other checks."""
    fields = content.get("fields")
    own = [one for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    tables = [(None, {key: value for key, value in content.items() if key != "fields" or not own})]
    for at, table in (*tables, *enumerate(own)):
        for key, value in table.items():
            if has_unusable_number(value):
                yield Fault(lines.of(key, at), f"{key[:_MAX_SHOWN]}: {NUMBER_FAULT}")


def _form_faults(content: Mapping[str, Any], lines: _Lines) -> Iterator[Fault]:
    for key in content:
        if key not in _FORM_KEYS:
            yield Fault(lines.of_table(key), _unknown(key, _FORM_KEYS))
    for key in ("format", "width", "height"):
        value = content.get(key)
        if type(value) is not int or not 1 <= value <= MAX_SIDE:
            wanted = f"must be a whole number from 1 to {MAX_SIDE:,}"
            yield Fault(lines.of(key), f"{key}: {wanted}. {found(value)}")
    if type(content.get("format")) is int and content["format"] > TEMPLATE_FORMAT:
        message = f"format: {content['format']} is of a newer version of formreader"
        yield Fault(lines.of("format"), message)
    if fault := form_name_fault(content.get("form")):
        yield Fault(lines.of("form"), f"form: the form's name {fault}")
    fields = content.get("fields")
    if (
        not isinstance(fields, list)
        or not fields
        or not all(isinstance(one, dict) for one in fields)
    ):
        yield Fault(0, "fields: there must be at least one [[fields]]")
    elif len(fields) > MAX_FIELDS:
        yield Fault(0, f"fields: there may be at most {MAX_FIELDS:,}. Found: {len(fields):,}")
    elif (places := sum(map(_places_of, fields))) > MAX_PLACES:
        most = f"their boxes may be at most {MAX_PLACES:,} in all"
        yield Fault(0, f"fields: {most}. Found: {places:,}")


def _places_of(entry: Mapping[str, Any]) -> int:
    boxes = entry.get("boxes")
    return len(boxes) if isinstance(boxes, list) else 1


def _field_faults(
    entry: Mapping[str, Any], i: int, size: tuple[int, int], lines: _Lines
) -> Iterator[Fault]:
    for key in entry:
        if key not in _FIELD_KEYS:
            yield Fault(lines.of(key, i), _unknown(key, _FIELD_KEYS))
    name = entry.get("name")
    if fault := name_fault(name):
        yield Fault(lines.of("name", i), f"name: {fault}")
    elif str(name).casefold() in RESERVED_NAMES:
        message = f"name: {name!r} is a column of the table; choose another name"
        yield Fault(lines.of("name", i), message)
    if ("boxes" in entry) == ("cell" in entry):
        yield Fault(lines.of("", i), "a field needs either boxes or cell")
        return
    key = "boxes" if "boxes" in entry else "cell"
    places = entry["boxes"] if key == "boxes" else [entry["cell"]]
    if not isinstance(places, list) or not places:
        wanted = "boxes: must be a list of places, each [left, top, width, height]"
        yield Fault(lines.of(key, i), f"{wanted}. {found(places)}")
        return
    if len(places) > MAX_BOXES:
        wanted = f"boxes: a field has at most {MAX_BOXES}"
        yield Fault(lines.of(key, i), f"{wanted}. Found: {len(places):,}")
        return
    for place in places:
        if message := place_fault(place, size):
            yield Fault(lines.of(key, i), f"{key}: {message}")


def _unknown(key: str, known: frozenset[str]) -> str:
    return f"{key[:_MAX_SHOWN]}: unknown key. Known keys are {', '.join(sorted(known))}"


def _quoted(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    plain = (one if one.isprintable() else f"\\U{ord(one):08x}" for one in escaped)
    return f'"{"".join(plain)}"'


def _numbers(box: Box) -> str:
    sides: Sequence[float] = (box.left, box.top, box.width, box.height)
    return f"[{', '.join(f'{side:.1f}' for side in sides)}]"
