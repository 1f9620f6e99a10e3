"""Names of fields from the print beside and above them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image, ImageDraw, ImageFont

from formreader.core import packages
from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.template.field_labels import label_templates
from formreader.template.form_template import FieldPlace, FormTemplate
from formreader.template.print_reader import PrintedLine, RapidReader
from formreader.template.template_file import read_template, write_template


class FakeReader:
    """A reader that knows the lines of every page."""

    def __init__(self, *lines: PrintedLine) -> None:
        self.lines = lines

    def read(self, page: GreyImage) -> list[PrintedLine]:
        return list(self.lines)


def line(text: str, left: float, top: float, confidence: float = 1.0) -> PrintedLine:
    return PrintedLine(text, Box(left, top, 8 * len(text), 12), confidence)


def names(tmp_path: Path, cells: list[Box], *lines: PrintedLine) -> list[str]:
    """The names that cells get from lines of print, as the template has them afterwards."""
    fields = tuple(FieldPlace(f"F{i:02d}", cell=cell) for i, cell in enumerate(cells, 1))
    page = np.full((500, 600), 255, np.uint8)
    write_template(tmp_path, FormTemplate("form", (600, 500), fields), page)
    label_templates([tmp_path], FakeReader(*lines))
    return [field.name for field in read_template(tmp_path).fields]


def test_print_beside_and_above_gives_names(tmp_path: Path) -> None:
    cells = [Box(200, 100, 80, 20), Box(200, 160, 80, 20), Box(200, 400, 80, 20)]
    found = names(
        tmp_path, cells,
        line("17. Größe (cm):", 60, 104), line("Total amount", 205, 142),
        line("A far heading", 205, 300),
    )  # fmt: skip
    assert found == ["grösse_cm", "total_amount", "F03"]


def test_what_is_no_label_names_nothing(tmp_path: Path) -> None:
    cells = [Box(200, 100, 80, 20), Box(200, 200, 80, 20), Box(200, 300, 80, 20)]
    found = names(
        tmp_path, cells,
        line("scribble", 120, 104, 0.5), line("12 - 4", 130, 204),
        line("written", 205, 304), line("below", 205, 124),
    )  # fmt: skip
    assert found == ["F01", "F02", "F03"]


def test_a_table_has_names_of_rows_and_columns(tmp_path: Path) -> None:
    cells = [Box(x, y, 80, 20) for y in (100, 120, 142) for x in (200, 280)]
    heads = [line("Votes", 210, 86), line("Seats", 290, 86)]
    rows = [line("Party A", 130, 104), line("Party B", 130, 124)]  # the third has no label
    found = names(tmp_path, cells, *heads, *rows)
    rows_of_two = ["party_a_votes", "party_a_seats", "party_b_votes", "party_b_seats"]
    assert found == [*rows_of_two, "votes", "seats"]


def test_figures_are_headings_of_a_table_and_rows_are_labelled_far_away(tmp_path: Path) -> None:
    cells = [Box(200 + 95 * x, 100 + 24 * y, 90, 22) for y in range(2) for x in range(4)]
    heads = [line(f"{8 + 4 * x:02d}:00", 220 + 95 * x, 84) for x in range(4)]
    rows = [line("Temperature", 60, 104), line("2. Wind", 60, 128)]
    found = names(tmp_path, cells, *heads, *rows)
    hours = ["08_00", "12_00", "16_00", "20_00"]
    assert found == [f"{row}_{hour}" for row in ("temperature", "wind") for hour in hours]


def test_headings_on_two_levels_name_columns_that_are_called_alike(tmp_path: Path) -> None:
    cells = [Box(150 + 70 * x, 140 + 24 * y, 70, 24) for y in range(2) for x in range(5)]
    heads = [
        line(text, 155 + 70 * x, 124) for x, text in enumerate(("In", "Out", "In", "Out", "No"))
    ]
    groups = [line("Morning", 192, 106), line("Evening", 367, 106)]  # of two columns, and of three
    rows = [line("Monday", 90, 146), line("Tuesday", 80, 170)]
    found = names(tmp_path, cells, *heads, *groups, *rows)
    columns = ("morning_in", "morning_out", "evening_in", "evening_out", "evening_no")
    assert found == [f"{day}_{one}" for day in ("monday", "tuesday") for one in columns]


def test_print_above_headings_names_no_columns_that_differ(tmp_path: Path) -> None:
    cells = [Box(150 + 70 * x, 140 + 24 * y, 70, 24) for y in range(2) for x in range(2)]
    heads = [line("In", 155, 124), line("Out", 225, 124)]
    rows = [line("Monday", 90, 146), line("Tuesday", 80, 170)]
    found = names(tmp_path, cells, *heads, *rows, line("Hours worked", 172, 106))
    assert found == ["monday_in", "monday_out", "tuesday_in", "tuesday_out"]


def test_numbers_stay_where_they_alone_tell_labels_apart(tmp_path: Path) -> None:
    cells = [Box(200 + 95 * x, 100 + 24 * y, 90, 22) for y in range(2) for x in range(2)]
    heads = [line("1. week", 220, 84), line("2. week", 315, 84)]
    long = "Number of all valid ballot papers that were"
    rows = [PrintedLine(long, Box(60, 104, 130, 12), 1), line("3) Invalid", 60, 128)]
    found = names(tmp_path, cells, *heads, *rows)
    assert found == [
        "number_of_all_valid_ballot_papers_1_week", "number_of_all_valid_ballot_papers_2_week",
        "invalid_1_week", "invalid_2_week",
    ]  # fmt: skip


def test_names_are_unique_and_no_columns_of_the_table(tmp_path: Path) -> None:
    cells = [Box(200, 100 * i, 80, 20) for i in (1, 2, 3)]
    found = names(
        tmp_path, cells, line("Page", 150, 104), line("F03", 160, 204), line("page", 150, 304)
    )
    assert found == ["page_2", "F02", "page_3"]


def test_names_given_by_people_stay_and_long_print_is_cut(tmp_path: Path) -> None:
    page = np.full((500, 600), 255, np.uint8)
    fields = (
        FieldPlace("votes", cell=Box(400, 100, 80, 20)),
        FieldPlace("F02", cell=Box(400, 200, 80, 20)),
    )
    write_template(tmp_path, FormTemplate("form", (600, 500), fields), page)
    long = PrintedLine("Number of all valid ballot papers in the box", Box(100, 204, 290, 12), 1)
    (template,) = label_templates([tmp_path], FakeReader(line("Other", 350, 104), long))
    assert [field.name for field in template.fields] == [
        "votes", "number_of_all_valid_ballot_papers_in_the",
    ]  # fmt: skip


def test_without_the_package_a_message_says_what_to_install(
    program: Callable[..., Result], tmp_path: Path, form_png: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda _: False)
    result = program("template", "new", form_png, "--out", tmp_path / "form", "--labels")
    assert result.exit_code == ExitCode.USAGE
    assert "pip install 'formreader[labels]'" in result.stderr
    assert not (tmp_path / "form").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="needs the extra `labels`")
def test_rapidocr_reads_print() -> None:
    image = Image.new("L", (320, 96), 255)
    ImageDraw.Draw(image).text((20, 30), "Total votes", 0, ImageFont.load_default(24))
    (read,) = RapidReader().read(np.asarray(image, np.uint8))
    assert read.text == "Total votes" and read.confidence > 0.8
    assert Box(15, 25, 140, 40).holds(read.box.centre)
