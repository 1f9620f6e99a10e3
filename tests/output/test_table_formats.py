"""The same rows in CSV, JSON Lines, Parquet and Excel."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from openpyxl.utils.escape import unescape
from pyarrow import parquet

from formreader.core.errors import ExitCode, OutputError, UsageError
from formreader.core.options import Rows
from formreader.core.records import PageReading, ReviewField
from formreader.output import table_formats
from formreader.output.results_frame import frame_of, load_results
from formreader.output.table import TABLES, write_table
from formreader.output.table_formats import Row, check_format, write_rows

MakeField = Callable[..., ReviewField]


@pytest.fixture
def pages(make_field: MakeField) -> list[PageReading]:
    fields = (
        make_field("07.", [0.99, 0.98, 1]).reading,
        make_field("?7", [0, 1 / 3]).reading,
        make_field("..", [1, 1]).reading,
    )
    return [
        PageReading("=Größe\udcff\u2028.tif", 0, fields),
        PageReading("b.png", 1, error="no file \udcff of\nthis name"),
        PageReading("NA", 0, fields[:1], notice="look at it", same_as="\x07_x0041_\r\n.tif"),
        PageReading("c\x07\r\n.png", 0),
    ]


def as_text(cell: str | float | None) -> str:
    """A cell of another format as the CSV has it."""
    if cell is None:
        return ""
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def sheet_of(path: Path) -> Any:
    """The only sheet of a workbook."""
    (sheet,) = openpyxl.load_workbook(path).worksheets
    return sheet


def of_excel(cell: Any) -> str | float | None:
    """A cell as it was written; control characters are escaped, as XML cannot hold them."""
    if isinstance(cell.value, str):
        assert cell.number_format == "@"
        return str(unescape(cell.value))
    return float(cell.value) if cell.number_format == "0.0000" else cell.value


@pytest.mark.parametrize("rows", list(TABLES))
@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".parquet", ".PARQUET", ".xlsx"])
def test_every_format_has_the_rows_of_the_csv(
    pages: list[PageReading], tmp_path: Path, rows: Rows, suffix: str
) -> None:
    write_table(tmp_path / "r.csv", pages, rows)
    write_table(tmp_path / f"r{suffix}", pages, rows)
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        expected = list(csv.DictReader(stream))
    if suffix.lower() == ".parquet":
        read = parquet.read_table(tmp_path / f"r{suffix}").to_pylist()
    elif suffix == ".xlsx":
        header, *body = sheet_of(tmp_path / f"r{suffix}").iter_rows()
        names = [cell.value for cell in header]
        read = [dict(zip(names, map(of_excel, row), strict=True)) for row in body]
    else:
        text = (tmp_path / f"r{suffix}").read_bytes().decode("ascii")
        read = [json.loads(line) for line in text.splitlines()]
    assert len(expected) >= 7
    assert [{name: as_text(cell) for name, cell in row.items()} for row in read] == expected


def test_json_lines_are_numbers_where_numbers_are_meant(
    pages: list[PageReading], tmp_path: Path
) -> None:
    write_table(tmp_path / "r.jsonl", pages, "digit")
    lines = (tmp_path / "r.jsonl").read_bytes().decode("ascii").split("\n")
    assert lines.pop() == ""
    assert lines[0] == (
        r'{"file": "./=Gr\u00f6\u00dfe\\xff\\u2028.tif", "page": 1, "field": 1, "box": 1, '
        '"x": 100, "y": 200, "width": 50, "height": 50, "digit": "0", "confidence": 0.99, '
        '"status": "ok", "second": "1", "second_confidence": 0.02, "message": ""}'
    )
    assert json.loads(lines[4])["confidence"] == 0.3333
    assert json.loads(lines[2])["second_confidence"] is None


def test_the_columns_of_parquet_have_types(pages: list[PageReading], tmp_path: Path) -> None:
    write_table(tmp_path / "r.parquet", pages, "field")
    schema = parquet.read_schema(tmp_path / "r.parquet")
    types = dict(zip(schema.names, schema.types, strict=True))
    assert types["value"] == types["cells"] == types["status"] == types["file"] == pa.string()
    assert types["message"] == pa.string()
    assert types["confidence"] == types["lowest"] == pa.float64()
    assert {types[name] for name in ("page", "field", "x", "y", "width", "height")} == {pa.int32()}


def test_parquet_is_written_group_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_formats, "_MAX_GROUP_ROWS", 3)
    waiting = 0

    def rows() -> Iterator[Row]:
        nonlocal waiting
        for number in range(8):
            waiting += 1
            assert waiting <= 3
            yield ["a.png", number]

    class Counting(parquet.ParquetWriter):
        def write_table(self, table: pa.Table, row_group_size: int | None = None) -> None:
            nonlocal waiting
            waiting = 0
            super().write_table(table, row_group_size)

    monkeypatch.setattr(parquet, "ParquetWriter", Counting)
    write_rows(tmp_path / "r.parquet", ["file", "page"], rows())
    file = parquet.ParquetFile(tmp_path / "r.parquet")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert sizes == [3, 3, 2]
    assert file.read()["page"].to_pylist() == list(range(8))


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".xlsx"])
def test_a_table_that_breaks_off_leaves_the_old_one(
    pages: list[PageReading], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"r{suffix}"
    path.write_text("old")

    def broken() -> Iterator[PageReading]:
        yield pages[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(path, broken(), "field")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["r.xls", "r.json", "R.ODS", "r.sqlite", "r.csv.gz", "r.foo", "march.2026"]
)
def test_other_formats_are_refused_and_those_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl, \.parquet or \.xlsx") as caught:
        check_format(tmp_path / name)
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(UsageError):
        write_table(tmp_path / name, [], "field")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["table", "table.txt", "table.csv"])
def test_a_name_without_a_suffix_is_a_csv(name: str, tmp_path: Path) -> None:
    check_format(tmp_path / name)
    write_table(tmp_path / name, [], "field")
    assert (tmp_path / name).read_text().startswith("file,page,field,value")


@pytest.mark.parametrize("rows", list(TABLES))
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_pandas_gets_of_each_the_table_that_was_written(
    pages: list[PageReading], tmp_path: Path, rows: Rows, suffix: str
) -> None:
    write_table(tmp_path / f"r{suffix}", pages, rows)
    read = load_results(tmp_path / f"r{suffix}")
    pd.testing.assert_frame_equal(read, frame_of(pages, rows))
    assert read["message"].tolist()[-2].endswith(r"the same content as \x07_x0041_ .tif")


# --- Excel


def test_excel_keeps_leading_zeros_and_takes_nothing_for_a_formula(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.xlsx", ["value", "file"], [["007", "=1+1"], ["", "http://a.b/c"]])
    (_, *values), (_, *files) = sheet_of(tmp_path / "t.xlsx").iter_cols()
    assert [cell.value for cell in values] == ["007", ""]
    assert [cell.value for cell in files] == ["=1+1", "http://a.b/c"]
    assert {cell.data_type for cell in files} == {"s"}
    assert {cell.number_format for cell in (*values, *files)} == {"@"}
    assert not any(cell.hyperlink for cell in files)


def test_the_same_rows_give_the_same_workbook(pages: list[PageReading], tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_table(tmp_path / name, pages, "field")
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.xlsx") as book:  # the two may be of the same second
        assert {part.date_time for part in book.infolist()} == {(1980, 1, 31, 0, 0, 0)}
        dates = re.findall(r">([\d-]+)T[\d:]+Z<", book.read("docProps/core.xml").decode())
    assert dates == ["1980-01-01", "1980-01-01"]


def test_more_rows_than_a_sheet_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_formats, "_MAX_EXCEL_ROWS", 3)
    path = tmp_path / "r.xlsx"
    write_rows(path, ["file"], [["a.png"]] * 3)
    assert sheet_of(path).max_row == 1 + 3
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"r\.xlsx: .*more than the 3 rows.*\.csv or \.parquet"):
        write_rows(path, ["file"], [["a.png"]] * 4)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_excel_without_the_package_that_writes_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_formats, "is_installed", lambda _: False)
    with pytest.raises(UsageError, match=r"r\.xlsx: .*pip install 'formreader\[excel\]'"):
        check_format(tmp_path / "r.xlsx")
    check_format(tmp_path / "r.csv")
