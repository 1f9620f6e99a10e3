"""Corrections of a report, back to the crops that they are about."""

from __future__ import annotations

import csv
import logging
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from PIL import Image

from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.records import InputFile
from formreader.input.open_page import read_page
from formreader.reading.one_page import crop_task
from formreader.reading.page_task import PageTask
from formreader.review.corrections_file import COLUMNS, read_corrections
from formreader.training.data.corrections import find_files, load_corrections

Row: TypeAlias = dict[str, str | int]

HEADER = ("file", "page", "field", "box", "x", "y", "width", "height", "guess", "digit")
GOOD: Row = {
    "file": "a.png", "page": 2, "field": 1, "box": 3, "x": 10, "y": 20, "width": 30, "height": 40,
    "guess": "7", "digit": "1",
}  # fmt: skip


def write_table(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def true_boxes(samples: Path, file: str) -> list[Row]:
    """The boxes of a sample page in whole pixels, with what stands in them."""
    with (samples / "truth.csv").open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"] == file]
    sides = ("x", "y", "width", "height")
    return [
        {"file": file, "page": 1, "digit": row["digit"]} | {k: round(float(row[k])) for k in sides}
        for row in rows
    ]


@pytest.fixture
def scans(tmp_path: Path, samples: Path) -> Path:
    """A folder with two sample pages."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("blanks_and_crosses.png", "comb.png"):
        shutil.copy(samples / name, folder)
    return folder


def test_the_report_writes_what_is_needed() -> None:
    script = (
        resources.files("formreader.output.report").joinpath("report_model.js").read_text("utf-8")
    )
    (header,) = re.findall(r'"(file,[\w,]+)"', script)
    assert set(COLUMNS) <= set(header.split(","))


def test_digits_are_labels_and_marks_are_no_digits(scans: Path, samples: Path) -> None:
    rows = true_boxes(samples, "blanks_and_crosses.png")
    for row in rows:
        row["digit"] = "?" if row["digit"] in ("X", "-") else row["digit"]
    first_digit = next(row for row in rows if row["digit"] not in ("", "?"))
    first_digit["digit"] = ""  # as if someone had taken a 3 for nothing
    examples = load_corrections(write_table(scans / "corrections.csv", rows))
    written = [row for row in rows if row["digit"] != "" or row is first_digit]
    expected = [10 if row["digit"] in ("", "?") else row["digit"] for row in written]
    assert len(written) < len(rows)
    assert examples.labels.tolist() == list(map(int, expected))
    assert examples.crops.any(axis=(1, 2)).all()


def test_crops_are_those_that_the_scan_read(scans: Path, samples: Path) -> None:
    rows = true_boxes(samples, "comb.png")[::-1]
    page = crop_task(PageTask(InputFile(str(scans / "comb.png"), "comb.png"), 0))
    centres = [box.box.centre for box in page.boxes]
    crops = np.concatenate([field.crops for field in page.fields])
    examples = load_corrections(write_table(scans / "corrections.csv", rows))
    assert len(examples) == len(rows)
    for row, crop in zip(rows, examples.crops, strict=True):
        place = row["x"] + row["width"] / 2, row["y"] + row["height"] / 2
        nearest = np.argmin(np.linalg.norm(np.subtract(centres, place), axis=1))
        np.testing.assert_array_equal(crop, crops[nearest])


def test_a_page_on_its_side_gives_upright_crops(scans: Path, samples: Path) -> None:
    rows = true_boxes(samples, "comb.png")
    upright = load_corrections(write_table(scans / "corrections.csv", rows))
    image = read_page(InputFile(str(scans / "comb.png"), "comb.png"), 0).image
    Image.fromarray(np.rot90(image)).save(scans / "comb.png")
    for row in rows:
        x, y, width, height = (row[k] for k in ("x", "y", "width", "height"))
        row.update(x=y, y=image.shape[1] - x - width, width=height, height=width)
    turned = load_corrections(write_table(scans / "corrections.csv", rows))
    assert turned.labels.tolist() == upright.labels.tolist()
    same, quarter = (
        np.abs(turned.crops.astype(int) - np.rot90(upright.crops, k, axes=(1, 2))).mean()
        for k in (0, 1)
    )
    assert same < quarter / 3


def test_boxes_that_are_not_found_again_are_told_of(
    scans: Path, samples: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = true_boxes(samples, "comb.png")[:3]
    rows[0]["x"] += rows[0]["width"] // 2 + 1
    with caplog.at_level(logging.WARNING, "formreader"):
        examples = load_corrections(write_table(scans / "corrections.csv", rows))
    assert examples.labels.tolist() == [int(row["digit"]) for row in rows[1:]]
    assert "1 of 3 boxes were not found again" in caplog.text


def test_nothing_but_blanks_is_nothing_to_learn_from(scans: Path, samples: Path) -> None:
    rows = true_boxes(samples, "blanks_and_crosses.png")
    blank = [row for row in rows if row["digit"] == ""]
    with pytest.raises(NoInputError, match=f"none of its {len(blank)} boxes is found again"):
        load_corrections(write_table(scans / "corrections.csv", blank))


def test_a_page_that_cannot_be_read_is_named(scans: Path) -> None:
    (scans / "a.png").write_bytes(b"")
    with pytest.raises(NoInputError, match=r"a\.png, page 2: the file is empty"):
        load_corrections(write_table(scans / "corrections.csv", [GOOD]))


def test_rows_are_read(tmp_path: Path) -> None:
    rows = [GOOD, GOOD | {"file": "./=b.png", "page": 1, "digit": ""}, GOOD | {"digit": "?"}]
    read = read_corrections(write_table(tmp_path / "corrections.csv", rows))
    assert [(row.file, row.page, row.label) for row in read] == [
        ("a.png", 1, 1),
        ("=b.png", 0, 10),
        ("a.png", 1, 10),
    ]
    assert {row.place for row in read} == {Box(10, 20, 30, 40)}
    assert {(row.field, row.box, row.guess, row.value) for row in read} == {(1, 3, "7", None)}


def test_the_mark_that_spreadsheets_put_before_utf8_is_no_part_of_the_header(
    tmp_path: Path,
) -> None:
    path = write_table(tmp_path / "corrections.csv", [GOOD])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_corrections(path)) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"page": 0}, "line 3: it names no page"),
        ({"file": ""}, "line 3: it names no page"),
        ({"page": "one"}, "line 3: invalid literal"),
        ({"x": 1.5}, "line 3: invalid literal"),
        ({"width": 0}, "line 3: a box needs positive sides"),
        ({"digit": "10"}, "line 3: `digit` must be 0 to 9"),
        ({"digit": "not a digit"}, "line 3: `digit` must be 0 to 9"),
        ({"digit": "X"}, "line 3: `digit` must be 0 to 9"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, wrong: Row, message: str) -> None:
    path = write_table(tmp_path / "corrections.csv", [GOOD, GOOD | wrong])
    with pytest.raises(NoInputError, match=message):
        read_corrections(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no column file, page, x, y, width, height, digit"),
        (b"file,page,field,box,x,y,digit\na.png,1,1,1,3,4,5\n", "no column width, height"),
        (b"file,page,x,y,width,height,digit\n", "holds no corrections"),
        (b"file,page,x,y,width,height,digit\na.png,1,2,3,4\n", "line 2: "),
        (b"\xff\xfe\x00", "cannot be read"),
        (None, "cannot be read .No such file"),
    ],
)
def test_what_is_no_table_of_corrections(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "corrections.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoInputError, match=f"corrections.csv.*{message}"):
        read_corrections(path)


def make_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_are_found_beside_the_table_or_below(tmp_path: Path) -> None:
    make_files(tmp_path, "a.png", "old/a.png", "march/b/c.png", "march/odd [1].png", "x.dat")
    names = {"a.png", "b/c.png", "odd [1].png", "x.dat"}
    assert {name: file.path for name, file in find_files(tmp_path, names).items()} == {
        "a.png": str(tmp_path / "a.png"),
        "b/c.png": str(tmp_path / "march/b/c.png"),
        "odd [1].png": str(tmp_path / "march/odd [1].png"),
        "x.dat": str(tmp_path / "x.dat"),
    }


def test_files_that_are_missing_are_counted(tmp_path: Path) -> None:
    make_files(tmp_path, "a.png", "b/not_c.png")
    with pytest.raises(NoInputError, match=r"2 of 3 page files.*the first is c\.png"):
        find_files(tmp_path, {"a.png", "d.png", "c.png"})


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="1 of 1 page files"):
        find_files(tmp_path, {"a.png"})


def test_a_file_of_which_there_are_two_is_not_guessed(tmp_path: Path) -> None:
    make_files(tmp_path, "march/a.png", "april/a.png")
    with pytest.raises(NoInputError, match=r"a\.png may be .*april.* or .*march"):
        find_files(tmp_path, {"a.png"})


def test_a_name_that_leads_out_of_the_folder_needs_the_root(tmp_path: Path) -> None:
    make_files(tmp_path, "scans/a.png", "other/b.png", "far/c.png")
    scans, other = tmp_path / "scans", str(tmp_path / "other" / "b.png")
    for name in ("../other/b.png", other, "more/../../other/b.png"):
        with pytest.raises(NoInputError, match=r"it is not in .*scans.*train --root"):
            find_files(scans, {"a.png", name})
    found = find_files(scans, {"a.png", "../other/b.png", other}, tmp_path)
    assert {Path(file.path).resolve() for file in found.values()} == {scans / "a.png", Path(other)}
    with pytest.raises(NoInputError, match=r"it is not in .*other"):
        find_files(scans, {"../far/c.png"}, tmp_path / "other")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "/".join(["x"] * 3000)])
def test_a_name_that_no_file_can_have_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoInputError, match="1 of 1 page files are not there") as caught:
        find_files(tmp_path, {name})
    assert len(str(caught.value)) < 400
