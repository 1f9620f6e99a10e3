"""Tables of pages: documents, one table a form, nested JSON, and edited ones as corrections."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from page_results import PageResult, add_pages

from formreader import load_results
from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, PageReading, Status, Thumbnail
from formreader.output.page_table import Sheet
from formreader.review.job_results import write_results
from formreader.store.job_store import FileRecord, JobStore, JobView, RunRecord

MakePage = Callable[..., PageResult]
Rows = list[dict[str, str]]

FORMS = {"front/1": ["votes", "total"], "back": ["invalid"], "Front_1": ["votes", "year"]}
FORMULA = "=HYPERLINK(1)"
PAGES = (
    ("a.png", "front/1", {"votes": "007", "total": "12?"}),
    ("b.png", "back", {"invalid": "5"}),
    ("c.png", "", {"": "33"}),
    ("d.png", "front/1", {"votes": "8", "total": "9"}),
    ("e.png", "Front_1", {"votes": "1", "year": "2019"}),
    ("f/a.png", "front/1", {"votes": "2", "total": "4"}),
    ("g/b.png", "back", {"invalid": "6"}),
)
"""File, form and values; a digit before a question mark is for review."""


def field(row: int, name: str, text: str) -> FieldReading:
    digits = list[DigitReading]()
    for i, mark in enumerate(text):
        if mark == "?":
            digits[-1] = replace(digits[-1], confidence=0.5, status=Status.REVIEW)
        else:
            digits.append(DigitReading(Box(20 * i, 40 * row, 20, 40), int(mark), 0.99, Status.OK))
    value = text.replace("?", "")
    status = Status.REVIEW if "?" in text else Status.OK
    return FieldReading(tuple(digits), value, value, 0.9, status, lowest=0.5, name=name)


@pytest.fixture
def make(tmp_path: Path, make_page: MakePage, scan_run: RunRecord) -> Callable[..., JobView]:
    """Writes the results of a job of `PAGES`; returns its view. A call may change the view."""
    picture = Thumbnail(b"jpeg", Box(0, 0, 400, 400), 1.0)

    def write(name: str = "results.csv", fresh: bool = False, **view: object) -> JobView:
        files, results = [], []
        for label, form, values in PAGES:
            fields = [field(i, name, text) for i, (name, text) in enumerate(values.items())]
            result = make_page(fields, picture, label)
            results.append(replace(result, reading=replace(result.reading, form=form)))
            files.append(FileRecord(label, f"/gone/{label}", 1, 1, label, 1))
        out = tmp_path / name
        options = {"documents": {"front/1": ("front/1", "back")}, **view}
        with JobStore.open(out.with_suffix(".sqlite"), scan_run, fresh=fresh) as store:
            before = store.view() or store.replaced
            parts = before.parts if before else ()
            made = JobView(str(out), "", "page", "", 0.95, 7, (), FORMS, parts=parts)
            store.set_files(files)
            add_pages(store, results)
            store.set_view(replace(made, **options))  # type: ignore[arg-type]
            write_results(store, replace(made, **options))  # type: ignore[arg-type]
        return made

    return write


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def save(path: Path, rows: Rows, changes: Mapping[str, Mapping[str, str]]) -> Path:
    """Save rows as a person edited them: file -> column -> text."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | changes.get(row["file"], {}) for row in reversed(rows))
    return path


def test_pages_that_follow_one_another_make_a_row(
    make: Callable[..., JobView], tmp_path: Path
) -> None:
    make()
    first, strange, second, other, third, fourth = rows_of(tmp_path / "results.csv")
    assert list(first) == [
        *("file", "page", "form", "status", "review"),
        *("votes", "total", "invalid", "year", "message"),
    ]
    assert list(first.values()) == [
        *("a.png", "1", "front/1", "review", "total", "007", "12", "5", "", ""),
    ]
    assert (strange["file"], strange["form"], strange["votes"]) == ("c.png", "", "")
    assert (second["status"], second["message"]) == ("review", "page 2 (back) is missing")
    assert (other["form"], other["status"], other["year"]) == ("Front_1", "ok", "2019")
    assert (third["file"], third["message"]) == ("f/a.png", "page 2 (back) is missing")
    assert (fourth["file"], fourth["form"]) == ("g/b.png", "front/1")  # of another folder
    assert (fourth["invalid"], fourth["message"]) == ("6", "page 1 (front/1) is missing")


def test_json_is_nested_and_loads_as_the_other_formats_do(
    make: Callable[..., JobView], tmp_path: Path
) -> None:
    make("results.jsonl")
    make("results.csv")
    make("results.parquet")
    first, strange, *_ = map(json.loads, (tmp_path / "results.jsonl").read_text().splitlines())
    assert first == {
        "file": "a.png", "page": 1, "form": "front/1", "status": "review", "review": ["total"],
        "values": {"votes": "007", "total": "12", "invalid": "5"}, "message": "",
    }  # fmt: skip
    assert strange["values"] == {} and strange["review"] == []
    nested, flat = load_results(tmp_path / "results.jsonl"), load_results(tmp_path / "results.csv")
    assert nested[list(flat.columns)].equals(flat)
    assert load_results(tmp_path / "results.parquet").equals(flat)
    (tmp_path / "bad.jsonl").write_text(json.dumps(first) + "\n[1]\n")
    with pytest.raises(Exception, match="line 2: not a page"):
        load_results(tmp_path / "bad.jsonl")


def test_one_table_a_form(
    make: Callable[..., JobView], tmp_path: Path, program: Callable[..., Result]
) -> None:
    (tmp_path / "results.mine.csv").write_text("my own")
    make(split=True, documents={})
    tables = {path.name for path in tmp_path.glob("*.csv")} - {"results.mine.csv"}
    front, other = "results.front_1.csv", "results.Front_1-2.csv"
    assert tables == {"results.csv", front, other, "results.back.csv"}
    assert [row["file"] for row in rows_of(tmp_path / front)] == ["a.png", "d.png", "f/a.png"]
    assert list(rows_of(tmp_path / front)[0])[5:] == ["votes", "total", "message"]
    assert [row["year"] for row in rows_of(tmp_path / other)] == ["2019"]
    assert [row["file"] for row in rows_of(tmp_path / "results.csv")] == ["c.png"]
    edited = save(tmp_path / "edited.csv", rows_of(tmp_path / front), {"d.png": {"total": "19"}})
    done = program("correct", edited, "--to", tmp_path / "results.csv")
    assert done.exit_code == ExitCode.DONE, done.output
    assert [row["total"] for row in rows_of(tmp_path / front)] == ["12", "19", "4"]
    make(split=True)  # now back is a page of a document
    assert not (tmp_path / "results.back.csv").exists()
    assert rows_of(tmp_path / front)[0]["invalid"] == "5"
    make(fresh=True)  # and all in one table
    assert {path.name for path in tmp_path.glob("*.csv")} == {
        "results.csv", "results.mine.csv", "edited.csv",
    }  # fmt: skip
    assert len(rows_of(tmp_path / "results.csv")) == 6


TWO_FORMS = {"front/1": ["F01", "total"], "back": ["F01", "invalid"], "Front_1": ["votes", "F02"]}


def test_a_table_of_several_forms_keeps_their_unnamed_fields_apart(
    make: Callable[..., JobView],
    tmp_path: Path,
    program: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F01 was a count of one form and a year of another, in one column."""
    pages = (
        ("a.png", "front/1", {"F01": "7", "total": "12?"}),
        ("b.png", "back", {"F01": "5?", "invalid": "6"}),
    )
    monkeypatch.setitem(globals(), "PAGES", pages)
    found = ["back", "front/1"]
    make(split=False, documents={}, forms=TWO_FORMS, found=found)
    table = tmp_path / "results.csv"
    first, second = rows_of(table)
    columns = ["front/1.F01", "total", "back.F01", "invalid"]  # none of the form without pages
    assert list(first)[5:-1] == columns
    assert [first[name] for name in columns] == ["7", "12", "", ""]
    assert [second[name] for name in columns] == ["", "", "5", "6"]
    assert (first["review"], second["review"]) == ("total", "back.F01")
    edited = save(tmp_path / "edited.csv", [first, second], {"b.png": {"back.F01": "8"}})
    done = program("correct", edited, "--to", table)
    assert done.exit_code == ExitCode.DONE, done.output
    assert rows_of(table)[1]["back.F01"] == "8"


def test_several_forms_have_a_table_each_unless_one_is_asked_for(
    make: Callable[..., JobView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(**view: object) -> set[str]:
        make(documents={}, forms=TWO_FORMS, **view)
        return {path.name for path in tmp_path.glob("*.csv")}

    every = {"results.csv", "results.back.csv", "results.front_1.csv"}
    pages = (("a.png", "front/1", {"F01": "7"}), ("b.png", "back", {"F01": "5"}))
    monkeypatch.setitem(globals(), "PAGES", pages)
    assert tables(split=None, found=["back", "front/1"]) == every
    assert list(rows_of(tmp_path / "results.back.csv")[0])[5:-1] == ["F01", "invalid"]
    assert tables(split=False, found=["back", "front/1"]) == {"results.csv"}
    monkeypatch.setitem(globals(), "PAGES", pages[:1])
    assert tables(split=None, found=["front/1"], fresh=True) == {"results.csv"}
    assert list(rows_of(tmp_path / "results.csv")[0])[5:-1] == ["F01", "total"]


def test_an_edited_table_of_pages_is_a_correction(
    make: Callable[..., JobView], tmp_path: Path, program: Callable[..., Result]
) -> None:
    make()
    table, edited = tmp_path / "results.csv", tmp_path / "edited.csv"
    before = rows_of(table)

    def correct(changes: Mapping[str, Mapping[str, str]]) -> Result:
        return program("correct", save(edited, before, changes), "--to", table)

    for changes, told in (
        ({"d.png": {"year": "2020"}}, "edited.csv, line 5: year is no field of this page"),
        ({"d.png": {"form": "back"}}, "the job has another form there"),
        ({"d.png": {"total": "9x"}}, "edited.csv, line 5: total: "),
        ({"d.png": {"page": "2"}}, "the job has no such page"),
        ({"a.png": {"votes": "8"}}, "votes: 8 may lack leading zeros"),
    ):
        refused = correct(changes)
        assert refused.exit_code == ExitCode.USAGE and told in refused.output, refused.output
    assert rows_of(table) == before
    done = correct({"a.png": {"votes": "7", "invalid": "55"}, "d.png": {"total": ""}})
    assert done.exit_code == ExitCode.DONE, done.output
    after = rows_of(table)
    assert [after[0][name] for name in ("votes", "total", "invalid")] == ["007", "12", "55"]
    assert (after[2]["votes"], after[2]["total"]) == ("8", "")
    assert after[0]["review"] == "total"
    correct({"a.png": {"status": "checked", "invalid": "55"}, "d.png": {"total": ""}})
    assert (rows_of(table)[0]["review"], rows_of(table)[0]["status"]) == ("", "ok")


@pytest.mark.parametrize("name", ["results.csv", "results.jsonl", "results.parquet"])
def test_an_edited_table_of_named_fields_is_a_correction(
    make: Callable[..., JobView], tmp_path: Path, program: Callable[..., Result], name: str
) -> None:
    make(name, rows="field")
    table, edited = tmp_path / name, tmp_path / f"edited{Path(name).suffix}"
    frame = load_results(table)
    assert frame["field"].tolist()[:3] == ["votes", "total", "invalid"]
    frame.loc[frame["field"] == "total", "value"] = "44"
    frame.loc[frame["form"] == "", "value"] = "35"
    if name.endswith(".csv"):
        frame.to_csv(edited, index=False)
    elif name.endswith(".jsonl"):
        edited.write_text(frame.to_json(orient="records", lines=True))
    else:
        frame.to_parquet(edited)
    done = program("correct", edited, "--to", table)
    assert done.exit_code == ExitCode.DONE, done.output
    now = load_results(table)
    assert now.loc[now["field"] == "total", "value"].tolist() == ["44"] * 3
    assert now.loc[now["form"] == "", "value"].tolist() == ["35"]
    assert now.loc[now["field"] == "votes", "value"].tolist()[0] == "007"
    assert now["status"].tolist().count("checked") == 4


def test_a_wrong_sum_that_a_person_has_checked_leaves_no_blank_field_in_doubt() -> None:
    """Nobody can answer a blank field, so that its page was for review for ever."""
    wrong = "8 was read, but total should be 7.5: please look (total = a + b)"

    def sheet(status: Status, *own: str) -> Sheet:
        digit = DigitReading(Box(0, 0, 9, 9), 8, 1.0, status)
        blank = DigitReading(Box(0, 9, 9, 9), None, 1.0, Status.BLANK)
        total = FieldReading((digit,), "8", "8", 1.0, status, name="total", broken=(wrong,))
        empty = FieldReading((blank,), "", ".", 1.0, Status.BLANK, name="a", broken=(wrong, *own))
        return Sheet("tally", (PageReading("a.png", 0, (total, empty), form="tally"),))

    assert (sheet(Status.REVIEW).doubtful, sheet(Status.CHECKED).doubtful) == (["total", "a"], [])
    assert sheet(Status.CHECKED).status is Status.OK
    assert sheet(Status.CHECKED, "a: it is blank, and should not be").doubtful == ["a"]


@pytest.mark.parametrize("name", ["results.csv", "results.jsonl"])
def test_a_column_whose_name_is_a_formula_is_escaped_and_can_be_corrected(
    make: Callable[..., JobView], tmp_path: Path, program: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch, name: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(globals(), "PAGES", (("a.png", "tally", {FORMULA: "12?"}),))
    make(name, forms={"tally": [FORMULA]}, documents={})
    frame = load_results(tmp_path / name)
    assert frame[f"'{FORMULA}"].tolist() == ["12"]
    edited = tmp_path / "edited.csv"
    frame.assign(**{f"'{FORMULA}": "13"}).to_csv(edited, index=False)
    done = program("correct", edited, "--to", tmp_path / name)
    assert done.exit_code == ExitCode.DONE, done.output
    assert load_results(tmp_path / name)[f"'{FORMULA}"].tolist() == ["13"]
