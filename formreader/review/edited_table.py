"""A table that a person corrected in a spreadsheet: its differences become corrections."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from formreader.core.errors import NoInputError
from formreader.core.field_kinds import NO_KIND, FieldKind, as_written, same_value
from formreader.core.geometry import Box
from formreader.core.records import FieldReading, PageReading, Status
from formreader.core.user_files import csv_reader
from formreader.output.columns import PAGE_COLUMNS
from formreader.output.columns import is_table as has_columns_of_table
from formreader.output.page_table import Sheet, column_of
from formreader.output.table import digit_text, text_cell, whole_pixels
from formreader.output.table_formats import TableFormat, format_of
from formreader.review.apply_corrections import cell_name
from formreader.review.corrections_file import Correction, check_value, open_corrections, shown
from formreader.review.job_results import as_written_on_forms, form_kinds, job_sheets
from formreader.store.job_store import JobStore, JobView

_AS_NUMBER = re.compile(r"[\d.,]+[eE][+-]?\d+")
"""A long number as spreadsheets show it: 2.8E+07. Its last digits are lost."""


_MAX_FIELD_DIGITS = 9
"""Digits of the number of a field: far more than a page has fields."""


@dataclass(slots=True)
class EditedTable:
    """The corrections that a table's differences from its job come to.

    `zeros_lost` counts values that lack only leading zeros: the spreadsheet took them away, and
    they are no corrections. `problems` name what cannot be told.
    """

    corrections: list[Correction] = field(default_factory=list)
    zeros_lost: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row; `of_forms` are the columns that the table itself has for fields of forms."""

    source: str
    cells: Mapping[str, str]
    of_forms: Collection[str] = ()

    @property
    def page(self) -> tuple[str, int]:
        name = PurePosixPath(self.cells["file"]).as_posix()
        return name, int(self.cells["page"]) - 1


def is_table(path: Path) -> bool:
    """Whether a file is a table of results rather than corrections.

    Raises:
        NoInputError: it cannot be read.
    """
    if format_of(path) is not TableFormat.CSV:
        return True
    return has_columns_of_table(list(_csv_reader(path).fieldnames or ()), more=True)


def read_edited(path: Path, store: JobStore, view: JobView) -> EditedTable:
    """Compare a table of fields, digits or pages with its job.

    Rows may be sorted or left out. A status that a person changed to `checked` confirms its row:
    in a table of pages all fields of the row that are for review.

    Args:
        path: the table.
        store: the job.
        view: how the job was written, with the documents that its pages make.

    Raises:
        NoInputError: it cannot be read, or is not such a table.
    """
    by_page = dict[tuple[str, int], list[_Row]]()
    for row in _rows(path):
        try:
            by_page.setdefault(row.page, []).append(row)
            named = "form" in row.cells  # then fields have names
            numbers = (row.cells.get("box"), None if named else row.cells.get("field"))
            if min(int(one or 0) for one in numbers) < 0:
                raise ValueError("a number below 0")
        except (TypeError, ValueError) as error:
            raise NoInputError(
                f"{row.source}: {shown(str(error))}. Restore its file, page and field"
            ) from error
    edited, kinds = EditedTable(), form_kinds(view)
    labels = {cell_name(file.label): file.label for file in store.files()}
    wanted = {(labels.get(file, file), page) for file, page in by_page}
    if any("field" not in row.cells for rows in by_page.values() for row in rows):
        for sheet in job_sheets(store, view):
            for row in by_page.pop((cell_name(sheet.pages[0].file), sheet.pages[0].number), ()):
                _compare_sheet(edited, sheet, row)
    else:
        for reading in as_written_on_forms(store.readings(pages=wanted), kinds):
            for row in by_page.pop((cell_name(reading.file), reading.number)):
                _compare(edited, reading, row)
    for rows in by_page.values():
        edited.problems += [f"{row.source}: the job has no such page" for row in rows]
    return edited


def _compare(edited: EditedTable, page: PageReading, row: _Row) -> None:
    """Add what a row about a field or a digit says that the job does not."""
    number, box = _field_number(page, row), int(row.cells.get("box") or 0)
    if number == 0:  # a row about the page
        return
    read = page.fields[number - 1] if number is not None and number <= len(page.fields) else None
    if number is None or read is None or box > len(read.digits):
        edited.problems.append(f"{row.source}: the job has no such field or box")
        return
    whole = "value" in row.cells
    if not whole and box == 0:
        edited.problems.append(f"{row.source}: it names no box")
        return
    said = row.cells["value" if whole else "digit"]
    _compare_cell(edited, page, (number, 0 if whole else box), said, row)


def _compare_sheet(edited: EditedTable, sheet: Sheet, row: _Row) -> None:
    """Add what a row about a page or a document says that the job does not."""
    if row.cells["form"].strip() != text_cell(sheet.form):
        edited.problems.append(f"{row.source}: the job has another form there. Restore the form")
        return
    for page in sheet.pages if sheet.form else ():
        for number, read in enumerate(page.fields, 1):
            column = column_of(page.form, read.name, many=sheet.many)
            if (heading := text_cell(column)) in row.cells:
                kind = sheet.kinds.get(column, NO_KIND)
                before = sheet.cell_of(column)
                said = row.cells[heading]
                if same_value(said.strip(), before, kind):
                    said = before  # 7 for 007, 7.50 for 7.5: a spreadsheet writes numbers so
                _compare_cell(edited, page, (number, 0), said, row, (before, kind))
    known = (*PAGE_COLUMNS, "message", *map(text_cell, sheet.fields))
    names = [name for name in row.cells if name not in known]
    edited.problems += [
        f"{row.source}: {shown(name)} is no field of this page"
        for name in names
        if name in row.of_forms and row.cells[name].strip()
    ]


def _compare_cell(
    edited: EditedTable,
    page: PageReading,
    place: tuple[int, int],
    text: str,
    row: _Row,
    of_page: tuple[str, FieldKind] | None = None,
) -> None:
    """Add what a cell says that the job does not.

    `place` is the number of the field on its page and that of the box in it, 0 for the whole field.
    In a table of pages `of_page` is what the table said before, and the kind of the field.
    """
    number, box = place
    read = page.fields[number - 1]
    before = read.value if box == 0 else digit_text(read.digits[box - 1])
    before, kind = of_page or (before, NO_KIND)
    said = text.strip()
    now = said.removeprefix("'")
    as_text = now != said  # the spreadsheet took no zeros from it
    status = read.status if box == 0 else read.digits[box - 1].status
    confirmed = row.cells["status"] == Status.CHECKED and status is Status.REVIEW
    if now == before and not confirmed:
        return
    if now != before and not as_text and _lost_zeros(before, now):
        edited.zeros_lost += 1
        return
    try:
        if _AS_NUMBER.fullmatch(now):
            raise ValueError(f"the spreadsheet has shortened a number to {shown(now)}")
        now = check_value(read.value if of_page and now == before else as_written(now, kind))
        if not as_text and kind.is_a in ("", "code") and _may_lack_zeros(before, now):
            raise ValueError(
                f"{shown(now)} may lack leading zeros, as what was read is {before}. Write it "
                "with a ' before it, or correct it in the report"
            )
        edited.corrections.append(_correction(page, number, box, read, now, row))
    except ValueError as error:
        name = f": {read.name}" if "field" not in row.cells else ""
        edited.problems.append(f"{row.source}{name}: {error}")


def _field_number(page: PageReading, row: _Row) -> int | None:
    """The number of a row's field: given as such, or by its name; None for none of the page.

    On a page of a known form a field goes by its name, which may be a number.
    """
    said = row.cells["field"].strip() or "0"
    if "form" not in row.cells:
        return int(said)
    if page.form and row.cells["width"] != "0":
        names = [text_cell(read.name) for read in page.fields]
        return names.index(said) + 1 if said in names else None
    return int(said) if said.isdecimal() and len(said) <= _MAX_FIELD_DIGITS else None


def _correction(
    page: PageReading, number: int, box: int, read: FieldReading, now: str, row: _Row
) -> Correction:
    place = read.box if box == 0 else read.digits[box - 1].box
    where = cell_name(page.file), page.number, Box(*whole_pixels(place))
    if box == 0:
        return Correction(*where, "", value=now, field=number, source=row.source)
    if len(now) > 1 or now in (".", ",", "-", " "):
        raise ValueError(f"a box holds one digit. Received: {shown(now)}")
    return Correction(*where, now, field=number, box=box, source=row.source)


def _lost_zeros(before: str, now: str) -> bool:
    return before.startswith("0") and now != "" and (before.lstrip("0") or "0") == now


def _may_lack_zeros(before: str, now: str) -> bool:
    """Whether a corrected value may have begun with zeros that a spreadsheet took away."""
    return before.startswith("0") and not now.startswith("0") and 0 < len(now) < len(before)


def _rows(path: Path) -> Iterator[_Row]:
    if format_of(path) is TableFormat.CSV:
        reader = _csv_reader(path)
        names = list(reader.fieldnames or ())
        if not has_columns_of_table(names, more=True):
            raise NoInputError(f"{path}: not a table that `formreader scan` wrote")
        try:
            for row in reader:
                cells = {k: v or "" for k, v in row.items() if k}
                yield _Row(f"{path}, line {reader.line_num}", cells, _form_columns(names))
        except csv.Error as error:
            raise NoInputError(f"{path}, line {reader.line_num}: {error}. Mend the line") from error
        return
    from formreader.output.results_frame import load_results  # pandas takes a second to import

    for line, record in enumerate(load_results(path).to_dict("records"), 2):
        cells = {str(k): str(v) for k, v in record.items()}
        yield _Row(f"{path}, row {line}", cells, _form_columns(list(cells)))


def _form_columns(names: list[str]) -> Collection[str]:
    """The columns of fields in a table of pages; those that a person added come after `message`.

    None where a person has taken that away: then nothing tells them apart.
    """
    known = tuple(names[: len(PAGE_COLUMNS)]) == PAGE_COLUMNS and "message" in names
    return names[len(PAGE_COLUMNS) : names.index("message")] if known else ()


def _csv_reader(path: Path) -> csv.DictReader[str]:
    try:
        with open_corrections(path) as stream:
            text = stream.read()
    except OSError as error:
        raise NoInputError(f"{path}: cannot be read ({error.strerror}). Check its name") from error
    except UnicodeError as error:
        raise NoInputError(f"{path}: cannot be read ({error}). Save it as CSV in UTF-8") from error
    return csv_reader(text)
