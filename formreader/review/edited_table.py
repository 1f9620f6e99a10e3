"""A table that a person corrected in a spreadsheet: its differences become corrections."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.records import FieldReading, PageReading, Status
from formreader.output.columns import DIGIT_HEADER, EARLIER_HEADERS, FIELD_HEADER
from formreader.output.table import digit_text, whole_pixels
from formreader.output.table_formats import TableFormat, format_of
from formreader.review.apply_corrections import cell_name
from formreader.review.corrections_file import Correction, check_is_file, check_value, shown
from formreader.store.job_store import JobStore

_DELIMITERS = ",;\t"
"""What spreadsheets write between cells, by country."""

_AS_NUMBER = re.compile(r"[\d.,]+[eE][+-]?\d+")
"""A long number as spreadsheets show it: 2.8E+07. Its last digits are lost."""


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
    source: str
    cells: Mapping[str, str]

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
    return _is_header(list(_csv_reader(path).fieldnames or ()))


def read_edited(path: Path, store: JobStore) -> EditedTable:
    """Compare a table of fields or digits with its job.

    Rows may be sorted or left out. A status that a person changed to `checked` confirms its row.

    Raises:
        NoInputError: it cannot be read, or is not such a table.
    """
    by_page = dict[tuple[str, int], list[_Row]]()
    for row in _rows(path):
        try:
            by_page.setdefault(row.page, []).append(row)
            if min(int(row.cells["field"] or 0), int(row.cells.get("box") or 0)) < 0:
                raise ValueError("a number below 0")
        except (TypeError, ValueError) as error:
            raise NoInputError(
                f"{row.source}: {shown(str(error))}. Restore its file, page and field"
            ) from error
    edited = EditedTable()
    labels = {cell_name(file.label): file.label for file in store.files()}
    wanted = {(labels.get(file, file), page) for file, page in by_page}
    for reading in store.readings(pages=wanted):
        for row in by_page.pop((cell_name(reading.file), reading.number)):
            _compare(edited, reading, row)
    for rows in by_page.values():
        edited.problems += [f"{row.source}: the job has no such page" for row in rows]
    return edited


def _compare(edited: EditedTable, page: PageReading, row: _Row) -> None:
    """Add what a row says that the job does not."""
    number, box = int(row.cells["field"] or 0), int(row.cells.get("box") or 0)
    if number == 0:  # a row about the page
        return
    read = page.fields[number - 1] if number <= len(page.fields) else None
    if read is None or box > len(read.digits):
        edited.problems.append(f"{row.source}: the job has no such field or box")
        return
    whole = "value" in row.cells
    if not whole and box == 0:
        edited.problems.append(f"{row.source}: it names no box")
        return
    before = read.value if whole else digit_text(read.digits[box - 1])
    said = row.cells["value" if whole else "digit"].strip()
    now = said.removeprefix("'")
    as_text = now != said  # the spreadsheet took no zeros from it
    status = read.status if whole else read.digits[box - 1].status
    confirmed = row.cells["status"] == Status.CHECKED and status is Status.REVIEW
    if now == before and not confirmed:
        return
    if now != before and not as_text and _lost_zeros(before, now):
        edited.zeros_lost += 1
        return
    try:
        if _AS_NUMBER.fullmatch(now):
            raise ValueError(f"the spreadsheet has shortened a number to {shown(now)}")
        check_value(now)
        if not as_text and _may_lack_zeros(before, now):
            raise ValueError(
                f"{shown(now)} may lack leading zeros, as what was read is {before}. Write it "
                "with a ' before it, or correct it in the report"
            )
        edited.corrections.append(_correction(page, number, box, read, now, row))
    except ValueError as error:
        edited.problems.append(f"{row.source}: {error}")


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
        if not _is_header(list(reader.fieldnames or ())):
            raise NoInputError(f"{path}: not a table that `formreader scan` wrote")
        try:
            for row in reader:
                cells = {k: v or "" for k, v in row.items() if k}
                yield _Row(f"{path}, line {reader.line_num}", cells)
        except csv.Error as error:
            raise NoInputError(f"{path}, line {reader.line_num}: {error}. Mend the line") from error
        return
    from formreader.output.results_frame import load_results  # pandas takes a second to import

    for line, record in enumerate(load_results(path).to_dict("records"), 2):
        yield _Row(f"{path}, row {line}", {str(k): str(v) for k, v in record.items()})


def _is_header(names: list[str]) -> bool:
    """Whether the columns are those of a table; a person may have added some at its end."""
    headers = (header.split(",") for header in (FIELD_HEADER, DIGIT_HEADER, *EARLIER_HEADERS))
    return any(names[: len(header)] == header for header in headers)


def _csv_reader(path: Path) -> csv.DictReader[str]:
    try:
        check_is_file(path)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NoInputError(f"{path}: cannot be read ({error.strerror}). Check its name") from error
    except UnicodeError as error:
        raise NoInputError(f"{path}: cannot be read ({error}). Save it as CSV in UTF-8") from error
    lines = text.splitlines(keepends=True)
    first = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=first.count)
    return csv.DictReader(lines, delimiter=delimiter)
