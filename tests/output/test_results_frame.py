"""results.csv in pandas: digits stay digits."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from formreader.core.errors import NoInputError, UsageError
from formreader.core.geometry import Box
from formreader.core.options import Rows
from formreader.core.records import DigitReading, FieldReading, PageReading, Status
from formreader.output.columns import FIELD_HEADER
from formreader.output.results_frame import frame_of, load_results
from formreader.output.table import TABLES, write_table
from formreader.output.table_formats import Row, write_rows


def page() -> PageReading:
    """A field that reads 07 with a blank between."""
    box = Box(10, 20, 30, 40)
    digits = (
        DigitReading(box, 0, 0.99, Status.OK, 6, 0.005),
        DigitReading(box, None, 1.0, Status.BLANK),
        DigitReading(box, 7, 0.5, Status.REVIEW, 1, 0.3),
    )
    field = FieldReading(digits, "07", "0.7", 0.495, Status.REVIEW, lowest=0.5)
    return PageReading("NA", 0, (field,))


def test_fields_keep_their_leading_zeros(tmp_path: Path) -> None:
    write_table(tmp_path / "r.csv", [page(), PageReading("b", 1, error="empty")], "field")
    table = load_results(tmp_path / "r.csv")
    assert table["value"].tolist() == ["07", ""]
    assert table["message"].tolist() == ["", "empty"]
    assert table["lowest"].tolist() == [0.5, 0]
    assert table["cells"].tolist() == ["0.7", ""]
    assert table["file"].tolist() == ["NA", "b"]
    assert table["confidence"].tolist() == [0.495, 0]
    assert table["status"].tolist() == ["review", "error"]
    assert table["page"].sum() == 3


def test_digits_of_blank_boxes_are_empty_text(tmp_path: Path) -> None:
    write_table(tmp_path / "r.csv", [page()], "digit")
    table = load_results(tmp_path / "r.csv")
    assert table["digit"].tolist() == ["0", "", "7"]
    assert table["second"].tolist() == ["6", "", "1"]
    assert table["second_confidence"].isna().tolist() == [False, True, False]
    assert table.loc[table["status"] == "review", "digit"].tolist() == ["7"]


@pytest.mark.parametrize("rows", list(TABLES))
@pytest.mark.parametrize("name", ["r.csv", "r.parquet", "r.xlsx"])
def test_a_table_without_rows_has_its_columns(tmp_path: Path, rows: Rows, name: str) -> None:
    write_table(tmp_path / name, [], rows)
    table = load_results(tmp_path / name)
    assert table.empty
    assert "confidence" in table.columns


OLD_FIELDS = "file,page,field,value,confidence,status,cells,x,y,width,height"
OLD_DIGITS = "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables_of_fields_of_version_0_5_are_read(tmp_path: Path, suffix: str) -> None:
    rows: list[Row] = [
        ["a.png", 1, 1, "07", 0.495, "review", "0.7", 10, 20, 30, 40],
        ["b.png", 1, 0, "the file is empty", 0.0, "error", "", 0, 0, 0, 0],
    ]
    write_rows(tmp_path / f"r{suffix}", OLD_FIELDS.split(","), rows)
    table = load_results(tmp_path / f"r{suffix}")
    assert ",".join(table.columns) == OLD_FIELDS
    assert table.to_numpy().tolist() == rows


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables_of_digits_of_version_0_5_are_read(tmp_path: Path, suffix: str) -> None:
    rows: list[Row] = [
        ["a.png", 1, 1, 1, 10, 20, 30, 40, "0", 0.99, "ok", "6", 0.005],
        ["a.png", 1, 1, 2, 10, 20, 30, 40, "", 1.0, "blank", "", None],
    ]
    write_rows(tmp_path / f"r{suffix}", OLD_DIGITS.split(","), rows)
    table = load_results(tmp_path / f"r{suffix}")
    assert ",".join(table.columns) == OLD_DIGITS
    assert table["second_confidence"].isna().tolist() == [False, True]
    assert table.drop(columns="second_confidence").to_numpy().tolist() == [r[:-1] for r in rows]


def test_half_of_the_new_columns_is_no_version_at_all(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"{OLD_FIELDS},lowest\n", encoding="utf-8")
    with pytest.raises(NoInputError, match="not a table"):
        load_results(tmp_path / "r.csv")


def test_excel_without_the_package_that_reads_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "r.xlsx", [page()], "field")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(NoInputError, match=r"r\.xlsx: .*pip install 'formreader\[excel\]'"):
        load_results(tmp_path / "r.xlsx")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\xff", '{"a": 1}\n', "3\n", "[[]]"])
@pytest.mark.parametrize("name", ["other.csv", "other.jsonl", "other.parquet", "other.xlsx"])
def test_other_files_are_refused(tmp_path: Path, content: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="latin-1")
    with pytest.raises(NoInputError, match=name):
        load_results(path)


def test_rows_of_pages_need_a_scan() -> None:
    with pytest.raises(UsageError, match="need a template"):
        frame_of([], "page")


def test_a_status_that_is_none_is_refused_and_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(f"{FIELD_HEADER}\na.png,1,1,42,0.9,okay,42,1,2,3,4,0.9,\n")
    with pytest.raises(NoInputError, match="'okay' is no status"):
        load_results(path)
