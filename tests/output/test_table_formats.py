"""The same rows in CSV, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from formreader.core.errors import ExitCode, UsageError
from formreader.core.options import Rows
from formreader.core.records import PageReading, ReviewField
from formreader.output import table_formats
from formreader.output.results_frame import load_results
from formreader.output.table import write_table
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
        PageReading("c.png", 0),
    ]


def as_text(cell: str | float | None) -> str:
    """A cell of another format as the CSV has it."""
    if cell is None:
        return ""
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


@pytest.mark.parametrize("rows", get_args(Rows))
@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".parquet", ".PARQUET"])
def test_every_format_has_the_rows_of_the_csv(
    pages: list[PageReading], tmp_path: Path, rows: Rows, suffix: str
) -> None:
    write_table(tmp_path / "r.csv", pages, rows)
    write_table(tmp_path / f"r{suffix}", pages, rows)
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        expected = list(csv.DictReader(stream))
    if suffix.lower() == ".parquet":
        read = parquet.read_table(tmp_path / f"r{suffix}").to_pylist()
    else:
        text = (tmp_path / f"r{suffix}").read_bytes().decode("ascii")
        read = [json.loads(line) for line in text.splitlines()]
    assert len(expected) >= 5
    assert [{name: as_text(cell) for name, cell in row.items()} for row in read] == expected


def test_json_lines_are_numbers_where_numbers_are_meant(
    pages: list[PageReading], tmp_path: Path
) -> None:
    write_table(tmp_path / "r.jsonl", pages, "digit")
    lines = (tmp_path / "r.jsonl").read_bytes().decode("ascii").split("\n")
    assert lines.pop() == ""
    assert lines[0] == (
        r'{"file": "./=Gr\u00f6\u00dfe\\udcff\u2028.tif", "page": 1, "field": 1, "box": 1, '
        '"x": 100, "y": 200, "width": 50, "height": 50, "digit": "0", "confidence": 0.99, '
        '"status": "ok", "second": "1", "second_confidence": 0.02}'
    )
    assert json.loads(lines[4])["confidence"] == 0.3333
    assert json.loads(lines[2])["second_confidence"] is None


def test_the_columns_of_parquet_have_types(pages: list[PageReading], tmp_path: Path) -> None:
    write_table(tmp_path / "r.parquet", pages, "field")
    schema = parquet.read_schema(tmp_path / "r.parquet")
    types = dict(zip(schema.names, schema.types, strict=True))
    assert types["value"] == types["cells"] == types["status"] == types["file"] == pa.string()
    assert types["confidence"] == pa.float64()
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


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
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


@pytest.mark.parametrize("name", ["r.xlsx", "r.json", "R.ODS", "r.sqlite", "r.csv.gz"])
def test_other_formats_are_refused_and_those_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.jsonl or \.parquet") as caught:
        check_format(tmp_path / name)
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(UsageError):
        write_table(tmp_path / name, [], "field")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["table", "table.txt", "table.csv", "march.2026"])
def test_any_other_name_is_a_csv(name: str, tmp_path: Path) -> None:
    check_format(tmp_path / name)
    write_table(tmp_path / name, [], "field")
    assert (tmp_path / name).read_text().startswith("file,page,field,value")


@pytest.mark.parametrize("rows", get_args(Rows))
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_pandas_gets_the_same_table_of_each(
    pages: list[PageReading], tmp_path: Path, rows: Rows, suffix: str
) -> None:
    write_table(tmp_path / "r.csv", pages, rows)
    write_table(tmp_path / f"r{suffix}", pages, rows)
    pd.testing.assert_frame_equal(
        load_results(tmp_path / f"r{suffix}"), load_results(tmp_path / "r.csv")
    )
