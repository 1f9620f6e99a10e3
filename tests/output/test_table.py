from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from formreader.core.geometry import Box
from formreader.core.options import Rows
from formreader.core.records import PageReading, ReviewField
from formreader.output.table import TABLES, file_cell, text_cell, whole_pixels, write_table

MakeField = Callable[..., ReviewField]


@pytest.fixture
def pages(make_field: MakeField) -> list[PageReading]:
    fields = (
        make_field("12.", [0.99, 0.98, 1]).reading,
        make_field("?7", [0, 0.5]).reading,
        make_field("..", [1, 1]).reading,
    )
    return [
        PageReading("a/scan 1.tif", 0, fields),
        PageReading("a/scan 1.tif", 1, fields[2:], notice="doubtful boxes, look at it"),
        PageReading("b.png", 0, error="the file is empty.\nCopy it again."),
        PageReading("c.png", 0),
    ]


def test_a_row_a_field(pages: list[PageReading], tmp_path: Path) -> None:
    write_table(tmp_path / "results.csv", pages, "field")
    assert (tmp_path / "results.csv").read_bytes().decode() == (
        "file,page,field,value,confidence,status,cells,x,y,width,height,lowest,message\n"
        "a/scan 1.tif,1,1,12,0.9702,ok,12.,100,200,150,50,0.9800,\n"
        "a/scan 1.tif,1,2,?7,0.0000,review,?7,100,200,100,50,0.0000,\n"
        "a/scan 1.tif,1,3,,1.0000,blank,..,100,200,100,50,1.0000,\n"
        'a/scan 1.tif,2,0,,0.0000,review,,0,0,0,0,0.0000,"doubtful boxes, look at it"\n'
        "a/scan 1.tif,2,1,,1.0000,blank,..,100,200,100,50,1.0000,\n"
        "b.png,1,0,,0.0000,error,,0,0,0,0,0.0000,the file is empty. Copy it again.\n"
        "c.png,1,0,,0.0000,review,,0,0,0,0,0.0000,no digit boxes found\n"
    )


def test_a_row_a_digit(pages: list[PageReading], tmp_path: Path) -> None:
    write_table(tmp_path / "results.csv", [pages[0], *pages[2:]], "digit")
    assert (tmp_path / "results.csv").read_bytes().decode() == (
        "file,page,field,box,x,y,width,height,digit,confidence,status,second,second_confidence,"
        "message\n"
        "a/scan 1.tif,1,1,1,100,200,50,50,1,0.9900,ok,2,0.0200,\n"
        "a/scan 1.tif,1,1,2,150,200,50,50,2,0.9800,ok,3,0.0200,\n"
        "a/scan 1.tif,1,1,3,200,200,50,50,,1.0000,blank,,,\n"
        "a/scan 1.tif,1,2,1,100,200,50,50,?,0.0000,review,3,0.0400,\n"
        "a/scan 1.tif,1,2,2,150,200,50,50,7,0.5000,review,8,0.0200,\n"
        "a/scan 1.tif,1,3,1,100,200,50,50,,1.0000,blank,,,\n"
        "a/scan 1.tif,1,3,2,150,200,50,50,,1.0000,blank,,,\n"
        "b.png,1,0,0,0,0,0,0,,0.0000,error,,,the file is empty. Copy it again.\n"
        "c.png,1,0,0,0,0,0,0,,0.0000,review,,,no digit boxes found\n"
    )


@pytest.mark.parametrize("rows", list(TABLES))
def test_rows_of_a_copy_have_its_twins_values_and_name_the_twin(
    pages: list[PageReading], rows: Rows
) -> None:
    header, page_rows = TABLES[rows]
    columns = header.split(",")
    assert columns[-1] == "message"
    for page in pages:
        own = [dict(zip(columns, row, strict=True)) for row in page_rows(page)]
        copy = replace(page, file="copy", same_as="=twin.tif")
        repeated = [dict(zip(columns, row, strict=True)) for row in page_rows(copy)]
        said = "the same content as =twin.tif"
        assert repeated == [
            row
            | {"file": "copy", "message": f"{row['message']}; {said}" if row["message"] else said}
            for row in own
        ]
        assert repeated


@pytest.mark.parametrize("rows", ["field", "digit"])
def test_every_row_has_every_column(pages: list[PageReading], tmp_path: Path, rows: Rows) -> None:
    write_table(tmp_path / "results.csv", pages, rows)
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8") as stream:
        header, *body = csv.reader(stream)
    assert body
    assert {len(row) for row in body} == {len(header)}


def test_pages_are_taken_one_at_a_time(pages: list[PageReading], tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("old")

    def broken() -> Iterator[PageReading]:
        yield pages[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(path, broken(), "field")
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.png", "+1.png", "-1.png", "@sum.png", " =1"])
def test_no_file_name_is_a_formula_and_each_still_names_its_file(name: str, tmp_path: Path) -> None:
    assert file_cell(name) == f"./{name}"
    assert tmp_path / file_cell(name) == tmp_path / name


def test_other_file_names_stay_as_they_are() -> None:
    assert file_cell("a/b=c.png") == "a/b=c.png"
    assert file_cell("Größe/日本.png") == "Größe/日本.png"
    assert file_cell("broken\udcff.png") == "broken\\xff.png"


def test_awkward_names_come_back_from_the_file(make_field: MakeField, tmp_path: Path) -> None:
    names = ['a,"b".png', "semi;colon.png", 'semi;"quoted".png']
    reading = make_field("1", [0.99]).reading
    write_table(tmp_path / "r.csv", [PageReading(name, 0, (reading,)) for name in names], "field")
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        assert [row["file"] for row in csv.DictReader(stream)] == names


def test_reasons_are_one_line_of_plain_text() -> None:
    assert text_cell("=1+1 is\n  no\tpage\r\n") == "'=1+1 is no page"


def test_boxes_that_touch_still_touch_in_whole_pixels() -> None:
    left, right = Box(10.4, 5, 20.2, 30), Box(30.6, 5, 20.2, 30)
    assert whole_pixels(left)[0] + whole_pixels(left)[2] == whole_pixels(right)[0]
    assert whole_pixels(Box(3.1, 3.1, 0.2, 0.2)) == (3, 3, 1, 1)
