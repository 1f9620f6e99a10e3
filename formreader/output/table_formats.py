"""The formats of the table, by its suffix: CSV, JSON Lines, Parquet and Excel; all the same rows.

Numbers are numbers where the format knows them; digits and values are text, so that
leading zeros stay. Confidences have four decimals in all of them.
"""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from formreader.core.errors import OutputError, UsageError
from formreader.core.locations import Place, suffix_of
from formreader.output.atomic_writing import atomic_stream, atomic_writer

if TYPE_CHECKING:
    import pyarrow as pa

Cell: TypeAlias = str | int | float | None
Row: TypeAlias = list[Cell]

_INTEGERS = frozenset(("page", "field", "box", "x", "y", "width", "height"))
_PROBABILITIES = frozenset(("confidence", "second_confidence", "lowest"))

_ROW_GROUP = 16_384
"""Rows of a Parquet file that are in memory at a time: about 10 MB; readers skip by groups."""

_MAX_EXCEL_ROWS = 2**20 - 1
"""Rows below the header that a sheet of Excel has."""

INSTALL_EXCEL = "Excel files need two more packages: pip install 'formreader[excel]'"

_OTHER_FORMATS = frozenset(
    (
        ".arrow", ".db", ".feather", ".gz", ".htm", ".html", ".json", ".ods", ".orc", ".pdf",
        ".sqlite", ".tsv", ".xls", ".xml", ".zip",
    )
)  # fmt: skip
"""Endings that promise what is not written. Any other is a CSV of that name, as ever."""


class TableFormat(Enum):
    """What the file of a table is."""

    CSV = auto()
    JSON_LINES = auto()
    PARQUET = auto()
    EXCEL = auto()


_FORMATS: Mapping[str, TableFormat] = MappingProxyType(
    {
        ".jsonl": TableFormat.JSON_LINES,
        ".ndjson": TableFormat.JSON_LINES,
        ".parquet": TableFormat.PARQUET,
        ".xlsx": TableFormat.EXCEL,
    }
)


def format_of(place: Place) -> TableFormat:
    """The format that the suffix tells; CSV where it tells none."""
    return _FORMATS.get(suffix_of(place), TableFormat.CSV)


def check_format(place: Place) -> None:
    """Find out before any work whether the suffix of the table promises another format.

    Raises:
        UsageError: it does, or the package that writes the format is missing.
    """
    suffix = suffix_of(place)
    if suffix in _OTHER_FORMATS:
        raise UsageError(
            f"{place}: tables are not written as {suffix}. "
            "Give --out a name that ends in .csv, .jsonl, .parquet or .xlsx"
        )
    if format_of(place) is TableFormat.EXCEL and importlib.util.find_spec("xlsxwriter") is None:
        raise UsageError(f"{place}: {INSTALL_EXCEL}")


def write_rows(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table in the format of its suffix, whole or not at all.

    `rows` are taken as they come; at most `_ROW_GROUP` of them are in memory.

    Raises:
        UsageError: the suffix is that of another format.
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
    """The types of the columns in Parquet; only a second confidence may be missing."""
    import pyarrow as pa

    def data_type(name: str) -> pa.DataType:
        if name in _INTEGERS:
            return pa.int32()
        return pa.float64() if name in _PROBABILITIES else pa.string()

    return pa.schema(
        [pa.field(name, data_type(name), name == "second_confidence") for name in columns]
    )


def _write_csv(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with atomic_writer(place) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(map(_csv_cells, rows))


def _csv_cells(row: Row) -> Iterator[Cell]:
    return (f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row)


def _write_json_lines(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """An object a line, in ASCII: some readers take other line ends of Unicode for one."""
    with atomic_writer(place) as stream:
        for row in rows:
            stream.write(f"{json.dumps(dict(zip(columns, row, strict=True)))}\n")


def _write_parquet(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = arrow_schema(columns)
    remaining = iter(rows)
    with atomic_stream(place) as stream, parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(remaining, _ROW_GROUP)):
            arrays = [
                pa.array(cells, kind)
                for cells, kind in zip(zip(*group, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema), _ROW_GROUP)


def _write_excel(place: Place, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """One sheet; values, digits and names are text cells, so leading zeros stay.

    The same rows give the same bytes.
    """
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with atomic_stream(place) as stream, xlsxwriter.Workbook(stream, options) as book:
        book.set_properties({"created": datetime(1980, 1, 1)})
        text, share = (
            book.add_format({"num_format": "@"}),
            book.add_format({"num_format": "0.0000"}),
        )
        sheet = book.add_worksheet("results")
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, columns)
        for number, row in enumerate(rows, 1):
            if number > _MAX_EXCEL_ROWS:
                raise OutputError(
                    f"{place}: a sheet of Excel has room for {_MAX_EXCEL_ROWS:,} rows, and these "
                    "are more. Give --out a name that ends in .csv or .parquet"
                )
            for place_in_row, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place_in_row, cell, text)
                elif cell is not None:
                    sheet.write_number(
                        number, place_in_row, cell, share if isinstance(cell, float) else None
                    )
