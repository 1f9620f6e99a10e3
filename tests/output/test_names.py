"""Whatever a file is called: one row and one line everywhere, and another name for each file."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from formreader.batch.page_log import PageFigures, open_page_log
from formreader.cli.progress import print_message
from formreader.core.printable import printable, printable_name
from formreader.core.records import FieldReading, PageCrops, PageReading, PageRemark, Status
from formreader.output.columns import PAGE_COLUMNS
from formreader.output.page_table import Sheet, write_page_table
from formreader.output.report.report import ReportSummary, write_report
from formreader.output.results_frame import load_results
from formreader.output.table import file_cell, text_cell, write_table

AWKWARD = [
    "\r=1+1",
    "a;=1+1",
    "\xa0=1",
    "\udcff",
    "\\xff",
    "\\x5cxff",
    "\x1b[2J",
    "\u202egnp",
    "\x85",
]

names = st.lists(
    st.one_of(
        st.sampled_from(AWKWARD),
        st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=20),
        st.text("ab\\x5cf0u;=+-@\"' \r\n\t\x1b\udcff", min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)

each_name = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Cells(HTMLParser):
    """The text of the cells of a page's tables."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._inside = tag == "td"
        if self._inside:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data


@given(names)
@example(AWKWARD)
def test_names_stay_different_and_printable(given_names: list[str]) -> None:
    labels = [printable_name(name) for name in given_names]
    assert len(set(labels)) == len(labels)
    for label in labels:
        assert label.encode("utf-8")
        assert len(label.splitlines()) == 1
        assert printable(label) == label
        assert not re.search("[\0-\x1f\x7f-\x9f]", label)


@each_name
@given(names)
@example(AWKWARD)
def test_each_table_gives_the_names_back(tmp_path: Path, given_names: list[str]) -> None:
    pages = [PageReading(printable_name(name), 0) for name in given_names]
    cells = [file_cell(page.file) for page in pages]
    for suffix in (".csv", ".jsonl", ".parquet"):
        write_table(tmp_path / f"r{suffix}", pages, "field")
        assert load_results(tmp_path / f"r{suffix}")["file"].tolist() == cells
    text = (tmp_path / "r.csv").read_text(encoding="utf-8")
    assert [row["file"] for row in csv.DictReader(io.StringIO(text, newline=""))] == cells
    lines = (tmp_path / "r.jsonl").read_text(encoding="ascii").splitlines()
    assert [json.loads(line)["file"] for line in lines] == cells


@each_name
@given(names)
@example(AWKWARD)
@example(["a;", ";= @", "=@@;", " @", ';"=', "@\"'"])
def test_no_separator_of_spreadsheets_makes_a_formula(
    tmp_path: Path, given_names: list[str]
) -> None:
    labels = [printable_name(name) for name in given_names]
    pages = [PageReading(label, 0, same_as=label, error="no page") for label in labels]
    write_table(tmp_path / "r.csv", pages, "field")
    text = (tmp_path / "r.csv").read_text(encoding="utf-8")
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not any(cell.lstrip().startswith(tuple("=+-@")) for cell in row), row


@settings(each_name, max_examples=5)
@given(names)
@example(AWKWARD)
@example(["=HYPERLINK(1)", "'=HYPERLINK(1)", "a,b", '"', "a; =1", "_x0041_", "+", "x;=1"])
def test_headings_are_no_formulas_and_are_read_back(tmp_path: Path, given_names: list[str]) -> None:
    """A field is named by whoever made the template; its name heads a column of pages."""
    by_heading = {text_cell(name): " ".join(name.split()) for name in given_names if name.strip()}
    fields = list(by_heading.values())  # as template.toml is checked
    read = tuple(
        FieldReading((), str(i), "", 1.0, Status.OK, lowest=1.0, name=name)
        for i, name in enumerate(fields)
    )
    sheets = [Sheet("form", (PageReading("a.png", 0, read, form="form"),))]
    headings = [*PAGE_COLUMNS, *map(text_cell, fields), "message"]
    for suffix in (".csv", ".jsonl", ".parquet", ".xlsx"):
        write_page_table(tmp_path / f"r{suffix}", sheets, fields)
        frame = load_results(tmp_path / f"r{suffix}")
        assert list(frame.columns) == headings, suffix
        assert frame.iloc[0, 5:-1].tolist() == list(map(str, range(len(fields)))), suffix
    text = (tmp_path / "r.csv").read_text(encoding="utf-8")
    for separator in ",;\t":
        (header, _) = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        assert not any(cell.lstrip().startswith(tuple("=+-@")) for cell in header), header


@each_name
@given(names)
@example(AWKWARD)
def test_log_and_terminal_have_a_line_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given_names: list[str]
) -> None:
    labels = [printable_name(name) for name in given_names]
    crops = [PageCrops(label, 0) for label in labels]
    figures = [PageFigures.of(page, PageReading(page.file, 0)) for page in crops]
    with open_page_log(tmp_path / "log", fresh=True) as log:
        log(figures)
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["file"] for line in lines] == labels
    for name in given_names:
        print_message(name.replace("\n", " "))
    told = capsys.readouterr().err
    assert len(told.splitlines()) == len(given_names)
    assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", told)


def test_the_report_shows_the_names(tmp_path: Path, summary: ReportSummary) -> None:
    labels = [printable_name(name) for name in (*AWKWARD, "</script><b>", "{{ 1 }}", "&amp;")]
    remarks = [PageRemark(label, 0, "no page", failed=True) for label in labels]
    write_report(tmp_path / "r.html", summary, [], remarks)
    cells = Cells()
    cells.feed((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert [file_cell(label) for label in labels] == [
        text for text in cells.texts if text in {file_cell(label) for label in labels}
    ]
