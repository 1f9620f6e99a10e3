"""Tables of fields with kinds: numbers and dates in every format, edited ones as corrections."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import Result
from page_results import PageResult, add_pages

from formreader import load_results
from formreader.core.errors import ExitCode, NoInputError
from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, Status, Thumbnail
from formreader.recognise.risk_control import Thresholds
from formreader.review.job_results import write_results
from formreader.review.rule_checks import check_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules, FormRules
from formreader.rules.rules_text import rules_of_text, rules_text
from formreader.store.job_store import FileRecord, JobStore, JobView, RunRecord

MakePage = Callable[..., PageResult]

RULES: dict[str, FieldRules] = {
    "day": FieldRules(date="DDMMYYYY"),
    "start": FieldRules(kind="time"),
    "hours": FieldRules(kind="decimal"),
    "meter": FieldRules(kind="decimal", decimals=(1, 1), separator=",", boxes=6),
    "count": FieldRules(kind="integer"),
    "staff": FieldRules(kind="code"),
}
PAGES = (
    {
        "day": "24112026", "start": "0830", "hours": "7.5", "meter": "077660", "count": "007",
        "staff": "007",
    },
    {"day": "3.4.26", "start": "2570", "hours": "5", "meter": ".77665", "count": "", "staff": "12"},
)  # fmt: skip


def field(row: int, name: str, text: str) -> FieldReading:
    boxed = name == "meter"
    marks = text if boxed else text.replace(".", "") or "."
    digits = tuple(
        DigitReading(
            Box(20 * i, 40 * row, 20, 40),
            None if mark == "." else int(mark),
            0.99,
            Status.BLANK if mark == "." else Status.OK,
        )
        for i, mark in enumerate(marks)
    )
    value = text.replace(".", "") if boxed else text
    frame = None if boxed else Box(0, 40 * row, 200, 40)
    status = Status.OK if value else Status.BLANK
    return FieldReading(digits, value, marks, 0.99, status, frame, 0.99, name)


@pytest.fixture
def make(tmp_path: Path, make_page: MakePage, scan_run: RunRecord) -> Callable[..., Path]:
    """Writes the table of a job of `PAGES` in a format, with rules of its form."""

    def write(suffix: str, rows: str = "page", rules: FormRules | None = None) -> Path:
        out = tmp_path / f"results{suffix}"
        text = rules_text(FormRules(RULES) if rules is None else rules)
        assert rules_of_text(text) == (rules or FormRules(RULES))
        view = JobView(
            str(out), "", rows, repr(Thresholds.equal(0.5)), 0.5, 2, (), {"sheet": list(RULES)},
            {"sheet": text},
        )  # fmt: skip
        picture = Thumbnail(b"jpeg", Box(0, 0, 400, 400), 1.0)
        with JobStore.open(tmp_path / "results.sqlite", scan_run, fresh=True) as store:
            labels = [f"{number}.png" for number in range(len(PAGES))]
            store.set_files([FileRecord(one, f"/gone/{one}", 1, 1, one, 1) for one in labels])
            for label, values in zip(labels, PAGES, strict=True):
                fields = [field(i, name, text) for i, (name, text) in enumerate(values.items())]
                page = make_page(fields, picture, label)
                add_pages(store, [replace(page, reading=replace(page.reading, form="sheet"))])
            store.set_view(view)
            check_rules(store, view)
            write_results(store, view)
        return out

    return write


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def values_of(row: Mapping[str, str]) -> list[str]:
    return [row[name] for name in RULES]


FIRST = ["2026-11-24", "08:30", "7.5", "7766.0", "7", "007"]
SECOND = ["2026-04-03", "2570", "5", "7766.5", "", "12"]


def test_a_row_a_page_has_values_of_one_form(make: Callable[..., Path]) -> None:
    first, second = rows_of(make(".csv"))
    assert (values_of(first), values_of(second)) == (FIRST, SECOND)
    assert first["status"] == "ok"
    assert (second["review"], second["message"]) == ("start", "start: 2570 is no time of the day")
    (one, two) = map(json.loads, make(".jsonl").read_text().splitlines())
    assert (list(one["values"].values()), list(two["values"].values())) == (FIRST, SECOND)
    assert load_results(make(".parquet"))["meter"].tolist() == ["7766.0", "7766.5"]


def test_decimals_stand_behind_a_comma_where_the_template_says_so(
    make: Callable[..., Path],
) -> None:
    rules = FormRules({name: replace(one, comma=True) for name, one in RULES.items()})
    table = make(".csv", rules=rules)
    assert values_of(rows_of(table)[0])[2:4] == ["7,5", "7766,0"]
    assert load_results(table, numbers=True)["hours"].tolist() == [7.5, 5.0]


def test_rows_of_fields_have_values_as_written(make: Callable[..., Path]) -> None:
    rows = rows_of(make(".csv", "field"))
    written = ["24112026", "0830", "7.5", "07766,0", "007", "007", "3.4.26", "2570", "5", "7766,5"]
    assert [row["value"] for row in rows][:10] == written
    assert [row["cells"] for row in rows if row["field"] == "meter"] == ["077660", ".77665"]


def test_excel_has_numbers_dates_and_texts(make: Callable[..., Path]) -> None:
    table = make(".xlsx")
    _, first, second = openpyxl.load_workbook(table)["results"].iter_rows(min_col=6, max_col=11)
    assert [cell.value for cell in first] == [
        datetime(2026, 11, 24), timedelta(hours=8, minutes=30), 7.5, 7766, 7, "007",
    ]  # fmt: skip
    assert first[3].number_format == "0.0"
    assert [cell.value for cell in second][1] == "2570"  # no time: as it was written
    frame = load_results(table)
    assert [frame[name][0] for name in RULES] == FIRST


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_numbers_are_loaded_as_such(make: Callable[..., Path], suffix: str) -> None:
    table = make(suffix)
    frame = load_results(table, numbers=True)
    assert frame["day"].tolist() == [pd.Timestamp(2026, 11, 24), pd.Timestamp(2026, 4, 3)]
    assert frame["start"][0] == pd.Timedelta(hours=8, minutes=30) and pd.isna(frame["start"][1])
    assert frame["meter"].tolist() == [7766.0, 7766.5]
    assert frame["count"][0] == 7 and pd.isna(frame["count"][1])
    assert frame["staff"].tolist() == ["007", "12"]
    if suffix == ".csv":  # the table of one of several forms
        part = table.rename(table.with_name("results.sheet.csv"))
        assert load_results(part, numbers=True)["meter"].tolist() == [7766.0, 7766.5]
        part.rename(table)
    table.with_suffix(".sqlite").unlink()
    with pytest.raises(NoInputError, match="job"):
        load_results(table, numbers=True)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_edited_table_is_a_correction(
    make: Callable[..., Path], tmp_path: Path, program: Callable[..., Result], suffix: str
) -> None:
    table = make(suffix)
    frame = load_results(table)
    frame["count"] = frame["count"].str.replace("7", "07")  # the same number
    said = {"day": "2026-11-25", "start": "17:05", "meter": "7766.5", "hours": "7.50"}
    for name, text in said.items():
        frame.loc[frame["file"] == "0.png", name] = text
    frame.loc[frame["file"] == "1.png", "start"] = "8:15"
    edited = tmp_path / "edited.csv"
    frame.to_csv(edited, index=False)
    done = program("correct", edited, "--to", table)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "4 answers" in done.output, done.output
    after = load_results(table)
    assert [after[name][0] for name in RULES] == [
        "2026-11-25", "17:05", "7.5", "7766.5", "7", "007",
    ]  # fmt: skip
    assert (after["start"][1], after["review"][1], after["message"][1]) == ("08:15", "", "")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx"])
def test_a_field_named_like_a_formula_has_a_kind(
    make: Callable[..., Path], tmp_path: Path, program: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch, suffix: str,
) -> None:  # fmt: skip
    """Its heading is escaped, in tables as in edited ones."""
    monkeypatch.setitem(globals(), "RULES", {"=1+1": RULES["day"]})
    monkeypatch.setitem(globals(), "PAGES", ({"=1+1": "24112026"},))
    table = make(suffix)
    frame = load_results(table)
    assert frame["'=1+1"].tolist() == ["2026-11-24"]
    assert load_results(table, numbers=True)["'=1+1"].tolist() == [pd.Timestamp(2026, 11, 24)]
    edited = tmp_path / "edited.csv"
    frame.assign(**{"'=1+1": "2026-11-25"}).to_csv(edited, index=False)
    done = program("correct", edited, "--to", table)
    assert done.exit_code == ExitCode.DONE, done.output
    assert load_results(table)["'=1+1"].tolist() == ["2026-11-25"]


def test_a_sum_of_decimals_marks_its_own_fields(make: Callable[..., Path]) -> None:
    names = list(RULES)
    for text, told in (
        ("meter = 1034 * hours + 11 * count - 66", ""),
        ("meter = 1035 * hours", "07766,0 was read, but meter should be 7762.5: please look"),
    ):
        rules = FormRules(RULES, parse_relations("sums", text, names))
        first, _ = rows_of(make(".csv", rules=rules))
        assert first["review"] == ("hours; meter" if told else "")
        assert first["message"] == (f"{told} ({text})" if told else "")
