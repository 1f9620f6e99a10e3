"""Rules are checked again where people answer, and over all pages of a batch."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from page_results import PageResult, add_pages

from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitReading,
    FieldReading,
    Status,
    Thumbnail,
)
from formreader.recognise.risk_control import Thresholds
from formreader.review.job_results import answer_gains, write_results
from formreader.review.rule_checks import check_rules
from formreader.rules.expressions import parse_relations
from formreader.rules.form_rules import FieldRules, FormRules
from formreader.rules.rules_text import rules_of_text, rules_text
from formreader.store.job_store import FileRecord, JobStore, JobView, RunRecord

SUM = "total = a + b"
WRONG = f"6 was read, but total should be 5: please look ({SUM})"
NAMES = ["id", "a", "b", "total"]
RULES = FormRules(
    {"id": FieldRules((1, 2), unique=True, one_of="k.csv", known=frozenset({"7", "8", "9"}))},
    parse_relations("sums", SUM, NAMES),
)
FIRST_KEYS = {
    "digits", "least", "most", "pattern", "one_of", "known", "check", "date", "optional",
    "blank_is", "unique", "leading_marks_blank",
}  # fmt: skip
LIMITS = Thresholds((0.95, float("inf")), 0.9)


def field(name: str, value: str, confidence: float = 0.99, broken: str = "") -> FieldReading:
    row, status = NAMES.index(name), Status.OK if not broken else Status.REVIEW
    digits = tuple(
        DigitReading(Box(40 * i, 40 * row, 40, 40), int(mark), confidence, status)
        for i, mark in enumerate(value)
    )
    told = (broken,) if broken else ()
    read = digits, value, value, confidence ** len(value), status, None, confidence, name
    return FieldReading(*read, told)


@pytest.fixture
def folder(tmp_path: Path, make_page: Callable[..., PageResult], scan_run: RunRecord) -> Path:
    """A job: on b.png the sum is written wrong, c.png has the id of a.png; not checked yet."""
    files = []
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(name.encode())
        there = (tmp_path / name).stat()
        facts = there.st_size, there.st_mtime_ns, name
        files.append(FileRecord(name, str(tmp_path / name), *facts, 1))
    view = JobView(
        str(tmp_path / "results.csv"), "", "field", repr(LIMITS), 0.95, 3, (),
        {"tally": NAMES}, {"tally": rules_text(RULES)},
    )  # fmt: skip
    fields = [field("a", "2"), field("b", "3"), field("total", "5")]
    wrong = [
        field(name, *read, SUM)
        for name, read in {"a": ("2", 0.99), "b": ("3", 0.6), "total": ("6", 0.99)}.items()
    ]
    pages = {"a.png": (field("id", "7"), *fields), "b.png": (field("id", "8"), *wrong)}
    pages["c.png"] = pages["a.png"]
    picture = Thumbnail(b"jpeg", Box(0, 0, 400, 160), 1.0)
    with JobStore.open(tmp_path / "results.sqlite", scan_run, fresh=False) as store:
        store.set_files(files)
        for file, read in pages.items():
            page = make_page(read, picture, file)
            add_pages(store, [replace(page, reading=replace(page.reading, form="tally"))])
        store.set_view(view)
        check_rules(store, view)
        write_results(store, view)
    return tmp_path


def rows(folder: Path, file: str) -> dict[str, tuple[str, str, str]]:
    with (folder / "results.csv").open(newline="", encoding="utf-8") as stream:
        found = [row for row in csv.DictReader(stream) if row["file"] == file]
    return {row["field"]: (row["value"], row["status"], row["message"]) for row in found}


@pytest.fixture
def answer(
    folder: Path,
    save_corrections: Callable[[Path, Iterable[Mapping[str, str]]], Path],
    program: Callable[..., Result],
) -> Callable[..., None]:
    """Answers fields as a whole: file, number of the field, what was read, what is there."""

    def give(*answers: tuple[str, int, str, str], options: Sequence[str] = ()) -> None:
        rows = [
            {
                "file": file, "page": "1", "field": str(number), "box": "0", "x": "0",
                "y": str(40 * (number - 1)), "width": str(40 * len(guess)), "height": "40",
                "guess": guess, "value": said,
            }
            for file, number, guess, said in answers
        ]  # fmt: skip
        saved = save_corrections(folder / "corrections.csv", rows)
        done = program("correct", saved, "--to", folder / "results.csv", *options)
        assert done.exit_code == ExitCode.DONE, done.output

    return give


def test_messages_are_in_the_language_that_was_chosen_last(
    folder: Path, answer: Callable[..., None]
) -> None:
    answer(("b.png", 2, "2", "2"), options=["--language", "de"])
    german = "id: 7 steht auch auf einer anderen Seite"
    assert rows(folder, "a.png")["id"] == ("7", "review", german)
    answer(("b.png", 3, "3", "3"))  # it stays
    assert rows(folder, "c.png")["id"] == ("7", "review", german)


def test_rules_are_kept_as_text() -> None:
    assert rules_of_text(rules_text(RULES)) == RULES
    earlier = json.loads(rules_text(RULES))  # as jobs had it before fields had kinds
    del earlier["columns"]
    for of in earlier["fields"].values():
        for key in set(of) - FIRST_KEYS:
            del of[key]
    assert rules_of_text(json.dumps(earlier)) == RULES
    assert Thresholds.of_text(repr(LIMITS)) == LIMITS
    assert Thresholds.of_text(repr(Thresholds.equal(0.5))) == Thresholds.equal(0.5)


def test_the_same_value_on_two_pages_is_for_review_until_one_is_corrected(
    folder: Path, answer: Callable[..., None]
) -> None:
    assert rows(folder, "a.png")["id"] == ("7", "review", "id: 7 stands on another page as well")
    assert rows(folder, "c.png")["id"] == ("7", "review", "id: 7 stands on another page as well")
    assert rows(folder, "b.png")["id"] == ("8", "ok", "")
    answer(("c.png", 1, "7", "9"))
    assert rows(folder, "a.png")["id"] == ("7", "ok", "")
    assert rows(folder, "c.png")["id"] == ("9", "checked", "")


STEPS = {
    "5": "",
    "4": "",  # the same as before
    "9": "b: 9 was read, and 4 before (last.csv): the step is 5, and should be at most 3",
    "3": "b: 3 was read, and 4 before (last.csv): the step is -1, and should be at least 0",
}


@pytest.mark.parametrize("by", ["id", ""])
@pytest.mark.parametrize("value", STEPS)
def test_a_value_is_looked_at_beside_that_of_an_earlier_table(
    folder: Path, answer: Callable[..., None], by: str, value: str
) -> None:
    """By the number of a meter, as answered in the end, or by file and page."""
    earlier = {"7": "4"} if by else {"a.png (1)": "4"}
    own = FieldRules(
        previous="last.csv", previous_by=by, earlier=earlier, least_step=0, most_step=3
    )
    rules = rules_text(FormRules({"b": own}))
    assert rules_of_text(rules).fields["b"] == own
    with JobStore.open_finished(folder / "results.sqlite") as store:
        view = store.view()
        assert view is not None
        store.set_view(replace(view, rules={"tally": rules}))
    answer(("a.png", 3, "3", value))
    told = f"{STEPS[value]}: please look" if STEPS[value] else ""
    assert rows(folder, "a.png")["b"] == (value, "checked", told)
    # What cannot be compared is told: a number may be misread, and a meter may be new.
    key = "8" if by else "b.png (1)"
    unknown = f"b: last.csv has no value for {key} to compare 3 with: please look"
    assert rows(folder, "b.png")["b"] == ("3", "review", unknown)
    if by:
        answer(("b.png", 1, "8", "07"))
        told = f"{STEPS['3']}: please look"
        assert rows(folder, "b.png")["b"] == ("3", "review", told)
        assert rows(folder, "c.png")["b"] == ("3", "review", told)
        answer(("c.png", 1, "7", "?"))
        assert rows(folder, "c.png")["b"] == ("3", "ok", "")


def test_an_answer_mends_a_sum_or_breaks_one_and_is_taken_back(
    folder: Path, answer: Callable[..., None], program: Callable[..., Result]
) -> None:
    assert rows(folder, "b.png")["total"] == ("6", "review", WRONG)
    answer(("b.png", 4, "6", "5"), ("a.png", 2, "2", "4"))
    mended, broken = rows(folder, "b.png"), rows(folder, "a.png")
    assert mended["total"] == ("5", "checked", "")
    assert mended["a"] == ("2", "ok", "")
    # Its threshold is that of its digit, as if there were no rule.
    assert mended["b"] == ("3", "review", "")
    assert broken["a"] == (
        "4",
        "checked",
        f"5 was read, but total should be 7: please look ({SUM})",
    )
    assert broken["b"] == ("3", "review", broken["a"][2])
    assert program("correct", "--undo", "--to", folder / "results.csv").exit_code == ExitCode.DONE
    assert rows(folder, "b.png")["a"] == ("2", "review", WRONG)
    assert rows(folder, "a.png")["b"] == ("3", "ok", "")


def test_what_completes_a_sum_is_asked_first(
    folder: Path, make_page: Callable[..., PageResult], scan_run: RunRecord
) -> None:
    picture = Thumbnail(b"jpeg", Box(0, 0, 400, 160), 1.0)
    unsure = replace(field("b", "3", 0.6), status=Status.REVIEW)
    unsure = replace(unsure, digits=(replace(unsure.digits[0], status=Status.REVIEW),))
    pages = {  # both are read alike surely; on b.png alone the values of the sum are less sure
        "a.png": (field("a", "2", 0.999), unsure, field("total", "5", 0.999)),
        "b.png": (field("a", "2", 0.96), unsure, field("total", "5", 0.97)),
    }
    view = JobView(
        str(folder / "results.csv"), str(folder / "results.html"), "field", repr(LIMITS), 0.95, 3,
        (), {"tally": NAMES}, {"tally": rules_text(RULES)},
    )  # fmt: skip
    with JobStore.open(folder / "sums.sqlite", scan_run, fresh=False) as store:
        store.set_files([FileRecord(one, str(folder / one), 1, 1, one, 1) for one in pages])
        for file, read in pages.items():
            page = make_page(read, picture, file)
            add_pages(store, [replace(page, reading=replace(page.reading, form="tally"))])
        store.set_view(view)
        gains = answer_gains(store, view)
        assert gains == pytest.approx({("a.png", 0, 1): 0.002, ("b.png", 0, 1): 0.07})
        assert answer_gains(store, replace(view, rules={})) == {}
        write_results(store, view)
    text = (folder / "results.html").read_text(encoding="utf-8")
    entries = re.findall(r'"([ab]\.png)",1,2,"b"', text)
    assert entries == ["b.png", "a.png"]


def test_a_column_without_numbers_is_asked_last(
    folder: Path, make_page: Callable[..., PageResult], scan_run: RunRecord
) -> None:
    """Initials stood before all digits: they are never right as they were read."""
    picture = Thumbnail(b"jpeg", Box(0, 0, 400, 160), 1.0)
    box = DigitReading(Box(0, 0, 40, 40), None, 0.0, Status.REVIEW)
    initials = FieldReading((box,), "?", "?", 0.0, Status.REVIEW, Box(0, 0, 99, 40), 0.0, "id")
    unsure = replace(field("b", "3", 0.9), status=Status.REVIEW)
    unsure = replace(unsure, digits=(replace(unsure.digits[0], status=Status.REVIEW),))
    view = JobView(
        str(folder / "results.csv"), str(folder / "results.html"), "field", repr(LIMITS), 0.95, 2,
        (), {"tally": NAMES},
    )  # fmt: skip
    for other, first in (("?", "b"), ("8", "id")):
        with JobStore.open(folder / "initials.sqlite", scan_run, fresh=True) as store:
            store.set_files([FileRecord(one, str(folder / one), 1, 1, one, 1) for one in "ab"])
            second = initials if other == "?" else field("id", other)
            for file, read in (("a", [initials, unsure]), ("b", [second, unsure])):
                page = make_page(read, picture, file)
                add_pages(store, [replace(page, reading=replace(page.reading, form="tally"))])
            store.set_view(view)
            write_results(store, view)
        text = (folder / "results.html").read_text(encoding="utf-8")
        assert re.findall(r'"[ab]",1,[12],"(\w+)"', text)[0] == first
