"""The table that a scan wrote as a pandas table, with every column of the type that it means."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pandas.api.extensions import ExtensionDtype
from pyarrow import json as arrow_json
from pyarrow import parquet

from formreader.core.errors import NoInputError
from formreader.core.options import Rows
from formreader.core.records import PageReading, Status
from formreader.output.table import TABLES
from formreader.output.table_formats import TableFormat, arrow_schema, format_of

_TYPES: dict[str, str | ExtensionDtype] = {
    "file": "string", "page": "int64", "field": "int64", "box": "int64", "value": "string",
    "confidence": "float64", "cells": "string", "digit": "string",
    "x": "int64", "y": "int64", "width": "int64", "height": "int64",
    "second": "string", "second_confidence": "float64",
    "status": pd.CategoricalDtype([status.value for status in Status]),
}  # fmt: skip


def frame_of(pages: Iterable[PageReading], rows: Rows) -> pd.DataFrame:
    """The rows of pages, of fields or of digits, as `load_results` gives them of a file."""
    header, page_rows = TABLES[rows]
    columns = header.split(",")
    table = [row for page in pages for row in page_rows(page)]
    frame = pd.DataFrame(table, columns=columns, dtype="object")
    return frame.astype({name: _TYPES[name] for name in columns})


def load_results(path: Path) -> pd.DataFrame:
    """Read a table that `formreader scan` wrote, of fields or of digits, in any format.

    Read with its defaults, pandas takes digits for numbers and drops their leading zeros,
    and takes a blank for a missing value. Here they stay text.

    Raises:
        NoInputError: the file cannot be read, or is no such table. JSON Lines of no rows are
            none: they have no columns.
    """
    kind = format_of(path)
    try:
        columns = _columns(path, kind)
        if ",".join(columns) not in {header for header, _ in TABLES.values()}:
            raise NoInputError(f"{path}: not a table that `formreader scan` wrote")
        return _READERS[kind](path, columns).astype({name: _TYPES[name] for name in columns})
    except (OSError, TypeError, ValueError) as error:  # pandas and pyarrow derive theirs
        raise NoInputError(f"{path}: cannot be read as a table ({error})") from error


def _columns(path: Path, kind: TableFormat) -> list[str]:
    """The names of the columns, from the beginning of the file."""
    if kind is TableFormat.PARQUET:
        return list(parquet.read_schema(path).names)
    with path.open(encoding="utf-8", newline="") as stream:
        first = stream.readline().rstrip("\r\n")
    return list(json.loads(first)) if kind is TableFormat.JSON_LINES else first.split(",")


def _read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(
        path,
        encoding="utf-8",
        dtype={name: _TYPES[name] for name in columns},
        keep_default_na=False,
        na_values={"second_confidence": [""]},
    )


def _read_json_lines(path: Path, columns: list[str]) -> pd.DataFrame:
    options = arrow_json.ParseOptions(arrow_schema(columns), unexpected_field_behavior="error")
    table: pd.DataFrame = arrow_json.read_json(path, parse_options=options).to_pandas()
    return table


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    table: pd.DataFrame = parquet.ParquetFile(path).read(columns).to_pandas()
    return table


_READERS = {
    TableFormat.CSV: _read_csv,
    TableFormat.JSON_LINES: _read_json_lines,
    TableFormat.PARQUET: _read_parquet,
}
