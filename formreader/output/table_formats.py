"""The formats of the table, chosen by its suffix: CSV, JSON Lines, Parquet and Excel.

All have the same rows. Coordinates, counts and confidences are numbers if the format has numbers;
digits and values are text, so that leading zeros stay. Confidences have four decimals.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from formreader.core.errors import OutputError, UsageError
from formreader.core.field_kinds import Typed
from formreader.core.locations import Place, suffix_of
from formreader.core.packages import is_installed
from formreader.output.atomic_writing import atomic_stream, atomic_writer
from formreader.output.columns import ColumnKind, column_kinds

if TYPE_CHECKING:
    import pyarrow as pa


class TypedText(str):
    """A text that `stands_for` a number, a date or a time, which Excel has as such."""

    stands_for: Typed

    def __new__(cls, text: str, stands_for: Typed) -> Self:
        made = super().__new__(cls, text)
        made.stands_for = stands_for
        return made


Cell: TypeAlias = str | int | float | None
Row: TypeAlias = list[Cell]

_MAX_GROUP_ROWS = 16_384
"""Rows in a group of a Parquet file. A group is in memory as a whole, about 10 MB, and readers can
skip it. A choice; no record of a measurement."""

_MAX_EXCEL_ROWS = 2**20 - 1
"""Rows below the header that fit on a sheet of Excel."""

INSTALL_EXCEL = "Excel files need two more packages: pip install 'formreader[excel]'"


class TableFormat(Enum):
    """The format of a table's file."""

    CSV = auto()
    JSON_LINES = auto()
    PARQUET = auto()
    EXCEL = auto()


_FORMATS: Mapping[str, TableFormat] = {
    ".jsonl": TableFormat.JSON_LINES,
    ".ndjson": TableFormat.JSON_LINES,
    ".parquet": TableFormat.PARQUET,
    ".xlsx": TableFormat.EXCEL,
}


_CSV = ("", ".csv", ".txt")
"""Suffixes of CSV files."""


def format_of(place: Place) -> TableFormat:
    """Return the format of a suffix; CSV if the suffix is unknown: people rename tables."""
    return _FORMATS.get(suffix_of(place), TableFormat.CSV)


def check_format(place: Place) -> None:
    """Check before any work that the table can be written in the format of its suffix.

    Raises:
        UsageError: the format is not supported, or the package that writes it is missing.
    """
    suffix = suffix_of(place)
    if suffix not in _FORMATS and suffix not in _CSV:
        raise UsageError(
            f"{place}: tables cannot be written as {suffix}. "
            "Give --out a name that ends in .csv, .jsonl, .parquet or .xlsx"
        )
    if format_of(place) is TableFormat.EXCEL and not is_installed("xlsxwriter"):
        raise UsageError(f"{place}: {INSTALL_EXCEL}")


def write_rows(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table in the format of its suffix, whole or not at all.

    At most `_MAX_GROUP_ROWS` of the `rows` are in memory at a time.

    Raises:
        UsageError: the suffix is that of an unsupported format.
        OutputError: the file cannot be written; what was there before is kept.
    """
    check_format(place)
    match format_of(place):
        case TableFormat.CSV:
            _write_csv(place, columns, rows)
        case TableFormat.JSON_LINES:
            _write_json_lines(place, columns, rows)
        case TableFormat.PARQUET:
            _write_parquet(place, columns, rows)
        case TableFormat.EXCEL:
            _write_excel(place, columns, rows)


def arrow_schema(columns: Sequence[str]) -> pa.Schema:
    """Return the types of the columns in Parquet."""
    import pyarrow as pa

    share = pa.float64()
    types = {
        ColumnKind.INTEGER: pa.int32(),
        ColumnKind.SHARE: share,
        ColumnKind.OPTIONAL_SHARE: share,
    }
    kinds = column_kinds(columns)
    return pa.schema(
        [
            pa.field(name, types.get(kind, pa.string()), kind is ColumnKind.OPTIONAL_SHARE)
            for name, kind in kinds.items()
        ]
    )


def _write_csv(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write the rows; those of files with `;`, a separator in some countries, in quotes."""
    with atomic_writer(place) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(columns)
        for row in rows:
            cells = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row]
            (quoting if ";" in str(row[0]) else writer).writerow(cells)


def _write_json_lines(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one object per line, in ASCII: some readers treat other characters as line ends."""
    with atomic_writer(place) as stream:
        for row in rows:
            stream.write(f"{json.dumps(dict(zip(columns, row, strict=True)))}\n")


def _write_parquet(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = arrow_schema(columns)
    remaining = iter(rows)
    with atomic_stream(place) as stream, parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(remaining, _MAX_GROUP_ROWS)):
            arrays = [
                pa.array(cells, kind)
                for cells, kind in zip(zip(*group, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema), _MAX_GROUP_ROWS)


def _write_excel(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write one sheet: text cells, so that leading zeros stay, and typed values as such.

    The same rows give the same bytes.
    """
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with atomic_stream(place) as stream, xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"created": datetime(1980, 1, 1)})
        formats = cache(lambda code: book.add_format({"num_format": code}))
        text, share = formats("@"), formats("0.0000")
        sheet = book.add_worksheet("results")
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, columns)
        for number, row in enumerate(rows, 1):
            if number > _MAX_EXCEL_ROWS:
                raise OutputError(
                    f"{place}: the table has more than the {_MAX_EXCEL_ROWS:,} rows that fit on a "
                    "sheet of Excel. Give --out a name that ends in .csv or .parquet"
                )
            for column, cell in enumerate(row):
                if isinstance(cell, TypedText):
                    _write_typed(sheet, (number, column), cell, formats)
                elif isinstance(cell, str):
                    sheet.write_string(number, column, cell, text)
                elif cell is not None:
                    sheet.write_number(
                        number, column, cell, share if isinstance(cell, float) else None
                    )


_MAX_EXCEL_DIGITS = 15
"""Digits of a number that Excel keeps."""

_FIRST_EXCEL_YEAR = 1901
"""Excel has no days before 1900, and one in that year that never was."""


def _write_typed(
    sheet: Any, at: tuple[int, int], cell: TypedText, formats: Callable[[str], Any]
) -> None:
    """Write a value as a number, a date or a time; as text where Excel cannot hold it."""
    match cell.stands_for:
        case date() as day if day.year >= _FIRST_EXCEL_YEAR:
            sheet.write_datetime(*at, datetime(day.year, day.month, day.day), formats("yyyy-mm-dd"))
        case timedelta() as time:
            sheet.write_number(*at, time / timedelta(days=1), formats("[hh]:mm"))
        case int() | Decimal() as number if len(str(number)) <= _MAX_EXCEL_DIGITS:
            _, point, behind = str(number).partition(".")
            code = f"0.{'0' * len(behind)}" if point else "0"
            sheet.write_number(*at, float(number), formats(code))
        case _:
            sheet.write_string(*at, str(cell), formats("@"))
