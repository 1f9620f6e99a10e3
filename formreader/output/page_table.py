"""The table of pages: one row a page, or a document of several, and one column a field.

JSON Lines have it nested, with the values of the page's own form only. The other formats have a
column for each field of all forms, which is empty on pages of others.
"""

from __future__ import annotations

import json
import re
from collections import ChainMap, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from formreader.core.doubts import Doubt, all_of, reason
from formreader.core.field_kinds import FieldKind, Misfit, text_of, value_of, written_value
from formreader.core.locations import Place
from formreader.core.records import FieldReading, PageReading, Status
from formreader.output.atomic_writing import atomic_writer
from formreader.output.columns import PAGE_COLUMNS
from formreader.output.table import file_cell, text_cell
from formreader.output.table_formats import Row, TableFormat, TypedText, format_of, write_rows
from formreader.output.wording import sentence

_UNNAMED = re.compile(r"F\d\d+")
"""Names that fields are given which nobody has named."""

NO_FORM_KINDS: Mapping[str, Mapping[str, FieldKind]] = {}
"""The kinds of the fields of each form where no template tells any."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one row is about: the `pages` of a document that are there, or a single page.

    `form` is the form of the document's first page, "" for none. `missing` has a reason for each
    page that a document lacks. `kinds` are those of the fields by their names, as far as templates
    tell them. `many`: the table is of several forms; fields that nobody named then have the name
    of their form as well, form-1.F02.
    """

    form: str
    pages: tuple[PageReading, ...]
    missing: tuple[str, ...] = ()
    kinds: Mapping[str, FieldKind] = field(default_factory=dict)
    many: bool = False

    @property
    def fields(self) -> dict[str, FieldReading]:
        """The fields by their names; none on a page of no known form."""
        known = (page for page in self.pages if page.form and not page.error)
        return {
            column_of(page.form, field.name, many=self.many): field
            for page in known
            for field in page.fields
        }

    @property
    def doubtful(self) -> list[str]:
        """The fields to look at, also blank ones that break a rule which nobody has settled."""
        fields, states = self.fields, defaultdict[str, set[Status]](set)
        for one in fields.values():
            for text in one.broken:
                states[text].add(one.status)
        settled = {
            text
            for text, of in states.items()
            if Status.CHECKED in of and of <= {Status.CHECKED, Status.BLANK}
        }
        return [
            name
            for name, one in fields.items()
            if one.status is Status.REVIEW
            or (one.status is Status.BLANK and not settled.issuperset(one.broken))
        ]

    def cell_of(self, name: str) -> str:
        """The value of a field as this table has it, typed if it fits its kind; "" for no field."""
        read, kind = self.fields.get(name), self.kinds.get(name)
        if read is None or kind is None:
            return "" if read is None else read.value
        written = written_value(read.value, read.cells, kind)
        try:
            value = value_of(written, kind)
        except Misfit:
            return written
        if value is None or isinstance(value, str):
            return written
        return TypedText(text_of(value, written, comma=kind.comma), value)

    @property
    def status(self) -> Status:
        """That of the page as a whole, else what its fields come to."""
        remarks = {page.remark.status for page in self.pages if page.remark is not None}
        if Status.ERROR in remarks:
            return Status.ERROR
        if remarks or self.missing or self.doubtful:
            return Status.REVIEW
        blank = all(field.status is Status.BLANK for field in self.fields.values())
        return Status.BLANK if blank else Status.OK

    @property
    def reasons(self) -> str:
        """What is to be said: what is missing, remarks, broken rules, where readings come from."""
        remarks = (page.remark.reason for page in self.pages if page.remark is not None)
        rules = (text for field in self.fields.values() for text in field.broken)
        origins = (page.origin for page in self.pages)
        return all_of(*dict.fromkeys((*self.missing, *remarks, *rules, *origins)))


def sheets_of(
    pages: Iterable[PageReading],
    documents: Mapping[str, Sequence[str]],
    single: Container[str] = (),
    kinds: Mapping[str, Mapping[str, FieldKind]] = NO_FORM_KINDS,
    *,
    many: bool = False,
) -> Iterator[Sheet]:
    """Put pages that follow one another together as documents; others stay alone.

    A document is of one file, or of files of one page each (`single`) in one folder; any other page
    ends it. `documents` are the forms of the pages of each, by that of the first page. `kinds` are
    those of the fields of each form, by name. `many`: the table is of several forms.
    """
    in_columns = {
        form: {column_of(form, name, many=many): kind for name, kind in of.items()}
        for form, of in kinds.items()
    }
    for one in _joined(pages, documents, single):
        own = ChainMap(*(in_columns.get(page.form, {}) for page in one.pages))
        yield replace(one, kinds=own, many=many)


def column_of(form: str, name: str, *, many: bool) -> str:
    """The column of a field in a table; of `many` forms F02 differs by form, and is form-1.F02."""
    return f"{form}.{name}" if many and _UNNAMED.fullmatch(name) else name


def _joined(
    pages: Iterable[PageReading], documents: Mapping[str, Sequence[str]], single: Container[str]
) -> Iterator[Sheet]:
    """Yield the pages as documents, and others alone."""
    kind_of = {form: kind for kind, forms in documents.items() for form in forms}
    begun = list[PageReading]()
    for page in pages:
        kind = kind_of.get(page.form)
        if begun and not (
            kind == kind_of[begun[-1].form]
            and kind is not None
            and _follows(documents[kind], begun[-1], page, single)
        ):
            yield _document(begun, documents[kind_of[begun[-1].form]])
            begun = []
        if kind is None:
            yield Sheet(page.form, (page,))
        else:
            begun.append(page)
    if begun:
        yield _document(begun, documents[kind_of[begun[-1].form]])


def write_page_table(
    place: Place, sheets: Iterable[Sheet], names: Sequence[str], language: str = ""
) -> None:
    """Write a row for each of `sheets`; the suffix of `place` decides the format.

    `names` are the fields with columns, if the format has columns. `language` is that of the
    messages, "" for English.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
        UsageError: the suffix is that of an unsupported format.
    """
    if format_of(place) is TableFormat.JSON_LINES:
        with atomic_writer(place) as stream:
            for sheet in sheets:
                stream.write(f"{json.dumps(_object(sheet, language))}\n")
        return
    columns = [*PAGE_COLUMNS, *map(text_cell, names), "message"]
    write_rows(place, columns, (_row(sheet, names, language) for sheet in sheets))


def _row(sheet: Sheet, names: Sequence[str], language: str) -> Row:
    """The cells of `PAGE_COLUMNS`, the values of the fields `names`, the message."""
    values = [sheet.cell_of(name) for name in names]
    return [*_head(sheet), text_cell("; ".join(sheet.doubtful)), *values, _message(sheet, language)]


def _object(sheet: Sheet, language: str) -> dict[str, object]:
    """What JSON says of a row."""
    head = dict(zip(PAGE_COLUMNS, _head(sheet), strict=False))
    values = {name: sheet.cell_of(name) for name in sheet.fields}
    message = _message(sheet, language)
    return {**head, "review": sheet.doubtful, "values": values, "message": message}


def _message(sheet: Sheet, language: str) -> str:
    return text_cell(sentence(sheet.reasons, language))


def _head(sheet: Sheet) -> Row:
    first = sheet.pages[0]
    return [file_cell(first.file), first.number + 1, text_cell(sheet.form), sheet.status.value]


def _follows(
    forms: Sequence[str], last: PageReading, page: PageReading, single: Container[str]
) -> bool:
    """Whether a page may belong to the document whose last page so far is `last`."""
    if forms.index(page.form) <= forms.index(last.form):
        return False
    if page.file == last.file:
        return page.number == last.number + 1
    same_folder = PurePosixPath(page.file).parent == PurePosixPath(last.file).parent
    return same_folder and page.file in single and last.file in single


def _document(pages: Sequence[PageReading], forms: Sequence[str]) -> Sheet:
    there = {page.form for page in pages}
    missing = (
        reason(Doubt.PAGE_MISSING, number, form)
        for number, form in enumerate(forms, 1)
        if form not in there
    )
    return Sheet(forms[0], tuple(pages), tuple(missing))
