"""The table of pages: one row a page, or a document of several, and one column a field.

JSON Lines have it nested, with the values of the page's own form only. The other formats have a
column for each field of all forms, which is empty on pages of others.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from formreader.core.locations import Place
from formreader.core.records import FieldReading, PageReading, Status
from formreader.output.atomic_writing import atomic_writer
from formreader.output.columns import PAGE_COLUMNS
from formreader.output.table import file_cell, text_cell
from formreader.output.table_formats import Row, TableFormat, format_of, write_rows


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one row is about: the `pages` of a document that are there, or a single page.

    `form` is the form of the document's first page, "" for none. `missing` names the pages that a
    document lacks.
    """

    form: str
    pages: tuple[PageReading, ...]
    missing: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, FieldReading]:
        """The fields by their names; none on a page of no known form."""
        known = (page for page in self.pages if page.form and not page.error)
        return {field.name: field for page in known for field in page.fields}

    @property
    def doubtful(self) -> list[str]:
        """The names of the fields to look at: also of blank ones that break a rule by that."""
        return [name for name, field in self.fields.items() if _is_doubtful(field)]

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
    def message(self) -> str:
        """What is to be said: what is missing, remarks, broken rules, where readings come from."""
        remarks = (page.remark.reason for page in self.pages if page.remark is not None)
        rules = (text for field in self.fields.values() for text in field.broken)
        origins = (page.origin for page in self.pages)
        said = dict.fromkeys((*self.missing, *remarks, *rules, *origins))
        return text_cell("; ".join(filter(None, said)))


def sheets_of(
    pages: Iterable[PageReading],
    documents: Mapping[str, Sequence[str]],
    single: Container[str] = (),
) -> Iterator[Sheet]:
    """Put pages that follow one another together as documents; others stay alone.

    A document is of one file, or of files in one folder with one page each. A page of another kind
    in between, or one that could not be recognised, ends it: what comes after may be another's.

    Args:
        pages: the pages, in order.
        documents: the forms of the pages of each document, in order, by that of the first page.
        single: the names of the files that have one page.
    """
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


def write_page_table(place: Place, sheets: Iterable[Sheet], names: Sequence[str]) -> None:
    """Write a row for each of `sheets`; the suffix of `place` decides the format.

    Args:
        place: the file.
        sheets: what the rows are about.
        names: the fields that have columns, where the format has columns.

    Raises:
        OutputError: the file cannot be written; what was there before is kept.
        UsageError: the suffix is that of an unsupported format.
    """
    if format_of(place) is TableFormat.JSON_LINES:
        with atomic_writer(place) as stream:
            for sheet in sheets:
                stream.write(f"{json.dumps(_object(sheet))}\n")
        return
    columns = [*PAGE_COLUMNS, *map(text_cell, names), "message"]
    write_rows(place, columns, (_row(sheet, names) for sheet in sheets))


def _row(sheet: Sheet, names: Sequence[str]) -> Row:
    """The cells of `PAGE_COLUMNS`, the values of the fields `names`, the message."""
    fields = sheet.fields
    values = [fields[name].value if name in fields else "" for name in names]
    return [*_head(sheet), text_cell("; ".join(sheet.doubtful)), *values, sheet.message]


def _object(sheet: Sheet) -> dict[str, object]:
    """What JSON says of a row."""
    head = dict(zip(PAGE_COLUMNS, _head(sheet), strict=False))
    values = {name: field.value for name, field in sheet.fields.items()}
    return {**head, "review": sheet.doubtful, "values": values, "message": sheet.message}


def _head(sheet: Sheet) -> Row:
    first = sheet.pages[0]
    return [file_cell(first.file), first.number + 1, text_cell(sheet.form), sheet.status.value]


def _is_doubtful(field: FieldReading) -> bool:
    return field.status is Status.REVIEW or (field.status is Status.BLANK and bool(field.broken))


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
        f"page {number} ({form}) is missing"
        for number, form in enumerate(forms, 1)
        if form not in there
    )
    return Sheet(forms[0], tuple(pages), tuple(missing))
