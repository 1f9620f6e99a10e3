"""Loads the table of a scan as a pandas DataFrame, with the right type for each column."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.extensions import ExtensionDtype
from pyarrow import json as arrow_json
from pyarrow import parquet

from formreader.core.errors import NoInputError, UsageError
from formreader.core.field_kinds import NO_KIND, FieldKind, Misfit, as_written, text_of, value_of
from formreader.core.options import Rows
from formreader.core.records import PageReading, Status
from formreader.core.user_files import open_regular, parse_json
from formreader.output.columns import (
    COLUMN_KINDS,
    PAGE_COLUMNS,
    PAGE_KEYS,
    ColumnKind,
    column_kinds,
    is_page_table,
    is_table,
)
from formreader.output.table import TABLES, text_cell
from formreader.output.table_formats import INSTALL_EXCEL, TableFormat, arrow_schema, format_of

_TYPES: dict[ColumnKind, str | ExtensionDtype] = {
    ColumnKind.TEXT: "string",
    ColumnKind.INTEGER: "int64",
    ColumnKind.SHARE: "float64",
    ColumnKind.OPTIONAL_SHARE: "float64",
    ColumnKind.STATUS: pd.CategoricalDtype([status.value for status in Status]),
}

_TEXT_KINDS = (ColumnKind.TEXT, ColumnKind.STATUS)

_EMPTY = {name: [""] for name, kind in COLUMN_KINDS.items() if kind is ColumnKind.OPTIONAL_SHARE}
"""The cells that are missing values: empty ones, of columns that may lack a number."""

_MAX_SHOWN = 80
"""Characters of a wrong cell that a message shows."""

_DECIMALS = re.compile(r"0(?:\.(0+))?")
"""Formats of numbers in the sheets that a scan writes."""

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
"""How Excel files write characters that XML cannot hold (ISO/IEC 29500-1, 22.9.2.19)."""


def frame_of(pages: Iterable[PageReading], rows: Rows) -> pd.DataFrame:
    """Return the table of `pages`, a row per field or digit, as `load_results` does for a file.

    Raises:
        UsageError: rows of pages are asked for.
    """
    if rows == "page":
        raise UsageError("Rows of pages need a template: use `scan` with rows='page'")
    header, page_rows = TABLES[rows]
    columns = header.split(",")
    table = [row for page in pages for row in page_rows(page, "")]
    frame = pd.DataFrame(table, columns=columns, dtype="object")
    return frame.astype(_types(columns))


def load_results(path: Path) -> pd.DataFrame:
    """Read a table that `formreader scan` wrote, of fields, digits or pages, in any format.

    Digits and blanks stay text: pandas alone drops leading zeros, and has missing values. Nested
    pages (JSON Lines) have a column for each field of any of them, as they come.

    Raises:
        NoInputError: the file cannot be read, or is not such a table. An empty JSON Lines file is
            not one: it has no columns.
    """
    kind = format_of(path)
    try:
        open_regular(path).close()  # what is no file may never end
        columns = _columns(path, kind)
        if kind is TableFormat.JSON_LINES and tuple(columns) == PAGE_KEYS:
            return _read_nested(path)
        if not is_table(columns):
            raise NoInputError(f"{path}: not a table that `formreader scan` wrote")
        frame = _READERS[kind](path, columns)
        wrong = frame.loc[~frame["status"].isin([one.value for one in Status]), "status"]
        if not wrong.empty:  # pandas would take it for a missing value
            raise ValueError(f"{str(wrong.iloc[0])[:_MAX_SHOWN]!r} is no status")
        return frame.astype(_types(columns))
    except (OSError, ArithmeticError, TypeError, ValueError, csv.Error) as error:  # bases of others
        raise NoInputError(f"{path}: cannot be read as a table ({error})") from error


def with_numbers(frame: pd.DataFrame, kinds: Mapping[str, FieldKind]) -> pd.DataFrame:
    """A table of pages with columns of numbers, dates and times in place of texts.

    `kinds` are those of the columns. Whole numbers become Int64, decimals float64, dates
    datetime64 and times timedelta64. What is no such value, for review as well, is missing.
    """
    columns = dict[str, Any]()
    for name in frame.columns:
        kind = kinds.get(name, NO_KIND)
        if kind.is_a in _TYPES_OF_KINDS:
            values = [_number(text, kind) for text in frame[name]]
            columns[name] = pd.Series(values, frame.index, _TYPES_OF_KINDS[kind.is_a])
    return frame.assign(**columns)


_TYPES_OF_KINDS = {
    "integer": "Int64", "decimal": "float64", "date": "datetime64[s]", "time": "timedelta64[s]",
}  # fmt: skip
"""What pandas calls the values of each kind."""


def _number(text: str, kind: FieldKind) -> object:
    """What a text stands for; a missing value where it is none of its kind."""
    # 25 is none where 2.5 is expected, though a person may write 25 for 25.0 in a table.
    is_short = kind.is_a == "decimal" and text.isdecimal()
    try:
        value = value_of(text if is_short else as_written(text, kind), kind)
    except Misfit:
        value = None
    if value is None:
        return (
            float("nan") if kind.is_a == "decimal" else pd.NA if kind.is_a == "integer" else pd.NaT
        )
    return float(value) if isinstance(value, Decimal) else value


def _types(columns: Sequence[str]) -> dict[str, str | ExtensionDtype]:
    """Return pandas' type of each column."""
    return {name: _TYPES[kind] for name, kind in column_kinds(columns).items()}


def _columns(path: Path, kind: TableFormat) -> list[str]:
    """Return the names of the columns, read from the beginning of the file."""
    if kind is TableFormat.EXCEL:
        return [_unescaped(str(name)) for name in _read_sheet(path, nrows=0).columns]
    if kind is TableFormat.PARQUET:
        return list(parquet.read_schema(path).names)
    with path.open(encoding="utf-8", newline="") as stream:
        if kind is TableFormat.JSON_LINES:
            return list(parse_json(stream.readline()))
        return next(csv.reader(stream), [""])


def _read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(
        path,
        encoding="utf-8",
        dtype=_types(columns) | {"status": "str"},
        keep_default_na=False,
        na_values=_EMPTY,
    )


def _read_json_lines(path: Path, columns: list[str]) -> pd.DataFrame:
    options = arrow_json.ParseOptions(arrow_schema(columns), unexpected_field_behavior="error")
    table: pd.DataFrame = arrow_json.read_json(path, parse_options=options).to_pandas()
    return table


def _read_nested(path: Path) -> pd.DataFrame:
    """Read pages as `write_page_table` nests them; TypeError or ValueError for another line."""
    with path.open(encoding="utf-8") as stream:
        pages = [parse_json(line) for line in stream if line.strip()]
    names = dict[str, None]()
    for number, page in enumerate(pages, 1):
        values = page.get("values") if isinstance(page, dict) else None
        if not isinstance(values, dict) or tuple(page) != PAGE_KEYS:
            raise TypeError(f"line {number}: not a page as `formreader scan` writes it")
        names.update(dict.fromkeys(values))
    columns = [*PAGE_COLUMNS, *map(text_cell, names), "message"]
    table = [
        [
            *(page[name] for name in PAGE_COLUMNS[:-1]),
            "; ".join(page["review"]),
            *(page["values"].get(name, "") for name in names),
            page["message"],
        ]
        for page in pages
    ]
    return pd.DataFrame(table, columns=columns, dtype="object").astype(_types(columns))


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    table: pd.DataFrame = parquet.ParquetFile(path).read(columns).to_pandas()
    return table


def _read_excel(path: Path, columns: list[str]) -> pd.DataFrame:
    if is_page_table(columns):
        return _read_typed_sheet(path, columns)
    kinds = column_kinds(columns)
    text = {name: "str" for name in columns if kinds[name] in _TEXT_KINDS}
    sheet = _read_sheet(path, names=columns, dtype=text, keep_default_na=False, na_values=_EMPTY)
    for name in text:
        sheet[name] = sheet[name].map(_unescaped)
    return sheet


def _read_typed_sheet(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read a sheet whose cells may be numbers, dates and times, as the texts of other formats."""
    import openpyxl  # the columns were read with it: it is there

    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        _, *rows = book.worksheets[0].iter_rows(max_col=len(columns))
        table = [[_text_of_cell(cell.value, cell.number_format) for cell in row] for row in rows]
    return pd.DataFrame(table, columns=columns, dtype="object").astype({"page": "int64"})


def _text_of_cell(value: object, number_format: str) -> str:
    """The text of a cell, with as many decimals as its format shows."""
    match value:
        case None:
            return ""
        case datetime():
            return value.date().isoformat()
        case time():
            return f"{value:%H:%M}"
        case timedelta():
            return text_of(value, "")
        case int() | float() if found := _DECIMALS.fullmatch(number_format):
            return f"{value:.{len(found[1] or '')}f}"
    return _unescaped(str(value))


def _unescaped(text: str) -> str:
    """A text of a sheet with its `_x0007_` as the characters that XML cannot hold."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _read_sheet(path: Path, **options: Any) -> pd.DataFrame:
    """Read the only sheet of a workbook; NoInputError if it is none, or openpyxl is missing."""
    try:
        sheet: pd.DataFrame = pd.read_excel(path, engine="openpyxl", **options)
    except ImportError as error:
        raise NoInputError(f"{path}: {INSTALL_EXCEL}") from error
    except zipfile.BadZipFile as error:
        raise NoInputError(f"{path}: cannot be read as a table ({error})") from error
    return sheet


_READERS = {
    TableFormat.EXCEL: _read_excel,
    TableFormat.CSV: _read_csv,
    TableFormat.JSON_LINES: _read_json_lines,
    TableFormat.PARQUET: _read_parquet,
}
