"""`formreader correct`: answers come into the table whole, once, and only where they belong."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from page_results import PageResult

import formreader
from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitReading,
    FieldReading,
    Status,
    Thumbnail,
    cells_of,
    field_status,
)
from formreader.review import corrections_file
from formreader.review.second_person import cohens_kappa
from formreader.store.job_store import FileRecord, JobStore, RunRecord

RunProgram = Callable[..., Result]
MakePage = Callable[..., PageResult]
MakeJob = Callable[..., None]
SaveCorrections = Callable[..., Path]

SIDE = 40


def digit(column: int, row: int, mark: str, confidence: float) -> DigitReading:
    box = Box(SIDE * column, SIDE * row, SIDE, SIDE)
    if mark == ".":
        return DigitReading(box, None, 1.0, Status.BLANK)
    status = Status.OK if confidence >= 0.95 else Status.REVIEW
    return DigitReading(box, int(mark), confidence, status)


def field(row: int, cells: str, confidences: Sequence[float], value: str = "") -> FieldReading:
    """A field of boxes; with a `value` a cell for a whole number."""
    pairs = enumerate(zip(cells, confidences, strict=True))
    digits = tuple(digit(i, row, mark, confidence) for i, (mark, confidence) in pairs)
    frame = Box(0, SIDE * row, 10 * SIDE, SIDE) if value else None
    product = float(np.prod([one.confidence for one in digits]))
    return FieldReading(
        digits, value or cells_of(digits).replace(".", ""), cells_of(digits), product,
        field_status(digits), frame, min(one.confidence for one in digits),
    )  # fmt: skip


FIELDS = (
    field(0, "0042", [0.99, 0.99, 0.5, 0.99]),
    field(1, "1.7", [0.99, 1, 0.6]),
    field(2, "18014", [0.9] * 5, value="18.014"),
    field(3, "55", [0.99, 0.99]),
)


@dataclass
class Office:
    """A job of two pages in a folder of its own, and who corrects it."""

    folder: Path
    program: RunProgram
    save_corrections: SaveCorrections

    @property
    def table(self) -> Path:
        return self.folder / "results.csv"

    @property
    def job(self) -> str:
        with JobStore.open_finished(self.folder / "results.sqlite") as store:
            return store.name

    def rows(self, table: str = "results.csv") -> list[dict[str, str]]:
        with (self.folder / table).open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def row(self, number: int, file: str = "a.png") -> dict[str, str]:
        return next(r for r in self.rows() if (r["file"], r["field"]) == (file, str(number)))

    def correction(self, number: int, box: int, said: str, **others: str) -> dict[str, str]:
        """A row as the report saves it: of a box, or with box 0 of the whole field."""
        read = FIELDS[number - 1]
        one = read.digits[box - 1] if box else None
        place = one.box if one else read.box
        guess = read.value if one is None else "" if one.digit is None else str(one.digit)
        confidence = read.confidence if one is None else one.confidence
        row = {
            "file": "a.png", "page": "1", "field": str(number), "box": str(box),
            "x": f"{place.left:.0f}", "y": f"{place.top:.0f}", "width": f"{place.width:.0f}",
            "height": f"{place.height:.0f}", "guess": guess, "confidence": f"{confidence:.4f}",
            "digit": said if box else "", "value": "" if box else said, "job": self.job,
        }  # fmt: skip
        return row | others

    def save(self, *rows: dict[str, str], name: str = "corrections.csv") -> Path:
        return self.save_corrections(self.folder / name, rows)

    def correct(self, *arguments: str | Path) -> Result:
        return self.program("correct", *arguments)

    def state(self) -> dict[str, bytes]:
        files = ("results.csv", "results.html", "results.sqlite")
        return {name: (self.folder / name).read_bytes() for name in files}


@pytest.fixture
def office(
    tmp_path: Path,
    program: RunProgram,
    make_page: MakePage,
    make_job: MakeJob,
    save_corrections: SaveCorrections,
) -> Office:
    folder = tmp_path / "office"
    folder.mkdir()
    files, pages = [], []
    picture = Thumbnail(b"jpeg", Box(0, 0, 10 * SIDE, 4 * SIDE), 1.0)
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(name.encode())
        there = (folder / name).stat()
        facts = there.st_size, there.st_mtime_ns, name
        files.append(FileRecord(name, str(folder / name), *facts, 1))
        pages.append(make_page(FIELDS, picture, name))
    make_job(folder, files, pages)
    return Office(folder, program, save_corrections)


def test_answers_come_into_table_and_report(office: Office) -> None:
    before = office.rows()
    saved = office.save(office.correction(1, 3, "1"), office.correction(2, 3, "7"))
    done = office.correct(saved, "--by", "Ann")
    assert done.exit_code == ExitCode.DONE, done.output
    assert "2 answers applied" in done.stderr
    assert done.stdout.split() == [str(office.table), str(office.table.with_suffix(".html"))]
    corrected, confirmed = office.row(1), office.row(2)
    assert (corrected["value"], corrected["status"], corrected["cells"]) == (
        "0012",
        "checked",
        "0012",
    )
    assert (confirmed["value"], confirmed["status"]) == ("17", "checked")
    assert confirmed["lowest"] == "0.9900"  # of what nobody answered
    assert [row for row in office.rows() if row["file"] == "b.png"] == before[4:]
    report = office.table.with_suffix(".html").read_text(encoding="utf-8")
    assert report.count(',"a.png",1,') == 1  # only the number in a cell is left
    assert '"figures.checked"></dt><dd class="figure-number">2</dd>' in report
    with closing(sqlite3.connect(office.folder / "results.sqlite")) as job:
        assert {who for (who,) in job.execute("SELECT given_by FROM answer")} == {"Ann"}


def test_a_field_with_an_open_digit_stays_for_review(office: Office) -> None:
    office.correct(office.save(office.correction(3, 1, "9")))
    assert (office.row(3)["value"], office.row(3)["status"]) == ("98.014", "review")


def test_the_same_corrections_again_change_nothing(office: Office) -> None:
    saved = office.save(office.correction(1, 3, "1"), office.correction(3, 0, "1801"))
    office.correct(saved)
    before = office.table.read_bytes()
    done = office.correct(saved)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "0 answers applied, 2 known already" in done.stderr
    assert office.table.read_bytes() == before


def test_a_number_gets_another_number_of_digits(office: Office) -> None:
    done = office.correct(office.save(office.correction(3, 0, "180.146")))
    assert done.exit_code == ExitCode.DONE, done.output
    row = office.row(3)
    assert (row["value"], row["cells"], row["status"]) == ("180.146", "180146", "checked")
    assert row["confidence"] == "1.0000"


def test_blank_and_no_digit_are_answers(office: Office) -> None:
    office.correct(office.save(office.correction(1, 3, ""), office.correction(2, 3, "?")))
    assert (office.row(1)["value"], office.row(1)["cells"]) == ("002", "00.2")
    assert (office.row(2)["value"], office.row(2)["status"]) == ("1?", "checked")


def test_undo_takes_the_last_answers_back(office: Office) -> None:
    first = office.table.read_bytes()
    office.correct(office.save(office.correction(1, 3, "1")))
    second = office.table.read_bytes()
    done = office.correct(office.save(office.correction(1, 3, "8")), "--replace")
    assert done.exit_code == ExitCode.DONE, done.output
    assert office.row(1)["value"] == "0082"
    for expected in (second, first, first):
        done = office.correct("--undo", "--to", office.table)
        assert done.exit_code == ExitCode.DONE, done.output
        assert office.table.read_bytes() == expected
    assert "0 answers taken back" in done.stderr


def refused(office: Office, message: str, *arguments: str | Path, code: ExitCode) -> None:
    before = office.state()
    done = office.correct(*arguments)
    assert done.exit_code == code, done.output
    assert re.search(message, done.stderr), done.stderr
    assert office.state() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"job": "0123456789abcdef"}, "line 3: it was saved from the report of another job"),
        ({"file": "c.png"}, "line 3: the job has no file c.png"),
        ({"page": "2"}, "line 3: no such page was read"),
        ({"field": "9"}, "line 3: there is no such field"),
        ({"box": "4"}, "line 3: there is no such box"),
        ({"x": "81"}, "line 3: there is no such box"),
        ({"guess": "5"}, "line 3: what was read there has changed"),
        ({"confidence": "0.9000"}, "line 3: what was read there has changed"),
        ({"box": "3", "x": "80", "digit": "8"}, "field 1, box 3: both 1 and 8"),
    ],
)
def test_what_does_not_fit_is_listed_and_nothing_applied(
    office: Office, wrong: dict[str, str], message: str
) -> None:
    good = office.correction(1, 3, "1")
    saved = office.save(good, good | {"digit": "1"} | wrong)
    refused(office, message, saved, "--to", office.table, code=ExitCode.USAGE)


def test_answers_as_a_whole_and_by_boxes_contradict(office: Office) -> None:
    saved = office.save(office.correction(1, 3, "1"), office.correction(1, 0, "0082"))
    refused(office, "both as a whole and box by box", saved, code=ExitCode.USAGE)


def test_an_earlier_answer_is_not_replaced_silently(office: Office) -> None:
    office.correct(office.save(office.correction(1, 3, "1")))
    saved = office.save(office.correction(1, 3, "8"))
    refused(office, "it was answered 1 earlier, and now 8", saved, code=ExitCode.USAGE)


def test_a_file_that_changed_since_is_refused(office: Office) -> None:
    saved = office.save(office.correction(1, 3, "1"))
    (office.folder / "a.png").write_bytes(b"another page")
    refused(office, r"a\.png: the file has changed since", saved, code=ExitCode.USAGE)
    (office.folder / "a.png").unlink()  # moved away: the job has what was read
    assert office.correct(saved).exit_code == ExitCode.DONE


def test_the_job_is_found_by_its_name(office: Office, tmp_path: Path, scan_run: RunRecord) -> None:
    saved = office.save(office.correction(1, 3, "1"))
    other = office.folder / "other.sqlite"
    with JobStore.open(other, scan_run, fresh=False):
        pass
    elsewhere = tmp_path / "corrections.csv"
    elsewhere.write_bytes(saved.read_bytes())
    refused(office, "--to results.csv", elsewhere, code=ExitCode.NO_INPUT)
    assert office.correct(saved).exit_code == ExitCode.DONE
    assert office.correct(elsewhere, "--to", office.table).exit_code == ExitCode.DONE


def test_a_folder_that_was_moved_is_corrected_where_it_is(office: Office, tmp_path: Path) -> None:
    saved = office.save(office.correction(1, 3, "1"))
    office.folder = office.folder.rename(tmp_path / "moved")
    done = office.correct(office.folder / saved.name)
    assert done.exit_code == ExitCode.DONE, done.output
    assert office.row(1)["value"] == "0012"
    assert not (tmp_path / "office").exists()


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ([], "Give the corrections.csv", ExitCode.USAGE),
        (["no.csv"], "no.csv: cannot be read", ExitCode.NO_INPUT),
        (["--undo", "--to", "no.csv"], "no.sqlite: there is no such job", ExitCode.NO_INPUT),
        (["--undo", "x.csv"], "takes no corrections", ExitCode.USAGE),
    ],
)
def test_wrong_usage_is_told(
    office: Office, arguments: list[str], message: str, code: ExitCode
) -> None:
    refused(office, message, *arguments, code=code)


# --- a table that was edited in a spreadsheet


def edit(office: Office, change: Callable[[dict[str, str]], object], delimiter: str = ",") -> Path:
    rows = office.rows()
    for row in rows:
        change(row)
    path = office.folder / "edited.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(reversed(rows))
    return path


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_an_edited_table_is_a_correction(office: Office, delimiter: str) -> None:
    def change(row: dict[str, str]) -> None:
        if row["file"] == "a.png":
            row["value"] = {"17": "71", "18.014": "1.804"}.get(row["value"], row["value"])

    done = office.correct(edit(office, change, delimiter), "--to", office.table)
    assert done.exit_code == ExitCode.DONE, done.output
    assert [office.row(n)["value"] for n in (1, 2, 3, 4)] == ["0042", "71", "1.804", "55"]
    assert [office.row(n)["status"] for n in (1, 2, 3, 4)] == ["review", "checked", "checked", "ok"]
    assert office.row(2)["cells"] == "7.1"


def test_a_status_that_a_person_changed_confirms(office: Office) -> None:
    def change(row: dict[str, str]) -> None:
        row["status"] = "checked" if row["field"] == "2" else row["status"]

    office.correct(edit(office, change), "--to", office.table)
    assert [row["status"] for row in office.rows() if row["field"] == "2"] == ["checked"] * 2


def test_zeros_that_a_spreadsheet_took_are_no_corrections(office: Office) -> None:
    def change(row: dict[str, str]) -> None:
        row["value"] = row["value"].lstrip("0")

    before = office.rows()
    done = office.correct(edit(office, change), "--to", office.table)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "2 values of the edited table lack only their leading zeros" in done.stderr
    assert office.rows() == before


@pytest.mark.parametrize(
    ("value", "message"),
    [("43", "43 may lack leading zeros"), ("1.8E+04", "shortened"), ("4x", "only digits")],
)
def test_what_a_spreadsheet_spoilt_is_refused(office: Office, value: str, message: str) -> None:
    def change(row: dict[str, str]) -> None:
        if row["field"] == "1":
            row["value"] = value

    edited = edit(office, change)
    refused(office, re.escape(message), edited, "--to", office.table, code=ExitCode.USAGE)


# --- two people


def test_only_what_two_people_say_alike_is_applied(office: Office) -> None:
    ann = office.save(
        office.correction(1, 3, "1"), office.correction(2, 3, "7"), office.correction(2, 1, "1"),
        office.correction(3, 1, "1"), name="ann.csv",
    )  # fmt: skip
    ben = office.save(
        office.correction(1, 3, "1"), office.correction(2, 3, "1"), office.correction(2, 1, "1"),
        name="ben.csv",
    )  # fmt: skip
    done = office.correct(ann, "--second", ben)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "2 answers applied" in done.stderr
    # Ann said 1, 7, 1 and Ben 1, 1, 1: alike in 2 of 3, and by chance in 2 of 3.
    assert "Of 3 things that both answered they differ in 1; Cohen's kappa 0.0000" in done.stderr
    assert "each errs in about 17 % of answers" in done.stderr
    assert "1 answers of only one of them were not applied" in done.stderr
    assert (office.row(1)["value"], office.row(1)["status"]) == ("0012", "checked")
    assert office.row(2)["status"] == "review"
    report = (office.folder / "results.disputes.html").read_text(encoding="utf-8")
    (part,) = re.findall(r'json">(.*?)</script>', report)
    statuses = [[box[6] for box in boxes] for (_, boxes, *_), _ in json.loads(part)]
    assert statuses == [["checked", "blank", "review"]]
    assert re.findall(r',"a.png",1,(\d),', report) == ["2"]


def test_two_people_with_nothing_in_common_are_told(office: Office) -> None:
    ann = office.save(office.correction(1, 3, "1"), name="ann.csv")
    ben = office.save(office.correction(2, 3, "1"), name="ben.csv")
    refused(office, "nothing in common", ann, "--second", ben, code=ExitCode.USAGE)
    wrong = office.save(office.correction(1, 3, "1", x="81"), name="wrong.csv")
    refused(office, "no such box", ann, "--second", wrong, code=ExitCode.USAGE)


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [
        ([("1", "1"), ("2", "2")], 1.0),
        ([("1", "2"), ("2", "1")], -1.0),
        ([("1", "1")], None),
        # Cohen's table in Wikipedia: 20 and 15 alike, 5 and 10 not.
        ([("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15, 0.4),
    ],
)
def test_kappa_is_cohens(pairs: list[tuple[str, str]], kappa: float | None) -> None:
    assert cohens_kappa(pairs) == (None if kappa is None else pytest.approx(kappa))


# --- kills

_STOP_AT = """
import os, sys
from formreader.output import atomic_writing
from formreader.store.job_file import JobFile
from formreader.cli.main import main

count, stop = 0, int(sys.argv.pop(1))

def stepping(frame, event, argument):
    global count
    if event == "call" and "formreader" in frame.f_code.co_filename:
        count += 1
        if count == stop:
            os.kill(os.getpid(), 9)

sys.setprofile(stepping)
try:
    main(sys.argv[1:], prog_name="formreader")
finally:
    sys.setprofile(None)
    print("calls", count)
"""
"""The program, killed at its n-th call of a function."""


def run_until(stop: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    package = str(Path(formreader.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", _STOP_AT, str(stop), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_table(office: Office) -> None:
    saved = office.save(office.correction(1, 3, "1"), office.correction(2, 3, "1"))
    old = office.state()
    finished = run_until(0, "correct", saved)
    assert finished.returncode == 0, finished.stderr
    calls = int(finished.stdout.split("calls")[1])
    new = office.table.read_bytes()
    seen = set[bytes]()
    for stop in np.linspace(calls // 4, calls - 1, 12).astype(int).tolist():
        for name, content in old.items():
            (office.folder / name).write_bytes(content)
        killed = run_until(stop, "correct", saved)
        assert killed.returncode == -signal.SIGKILL, (stop, killed.stderr)
        seen.add(office.table.read_bytes())
        assert office.correct(saved).exit_code == ExitCode.DONE
        assert office.table.read_bytes() == new
    assert seen <= {old["results.csv"], new}
    assert len(seen) == 2  # some were killed before, some after the table was replaced


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"file": "x" * 5000}, "the job has no file xxx"),
        ({"file": "a\0b"}, "the job has no file a.x00b"),
        ({"file": "../../etc/passwd"}, "the job has no file"),
        ({"page": "9" * 5000}, "4300 digits"),
        ({"page": str(10**9)}, "no such page was read"),
        ({"x": "9" * 4000}, "a number is too large"),
        ({"box": "-1"}, "no such box"),
        ({"confidence": "nan"}, "the confidence is no number"),
        ({"confidence": "sure"}, "could not convert"),
        ({"digit": "5" * 9000}, "`digit` must be 0 to 9"),
        ({"guess": "y" * 200_000}, "field larger than field limit"),
    ],
)
def test_cells_of_any_size_are_one_short_message(
    office: Office, wrong: dict[str, str], message: str
) -> None:
    before = office.state()
    done = office.correct(office.save(office.correction(1, 3, "7") | wrong), "--to", office.table)
    assert done.exit_code in (ExitCode.USAGE, ExitCode.NO_INPUT), done.output
    assert re.search(message, done.stderr)
    assert len(done.stderr) < 800 and "\0" not in done.stderr
    assert office.state() == before


def test_a_file_of_very_many_rows_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections_file, "_MAX_ROWS", 30)
    rows = [office.correction(1, 3, "7", page=str(page)) for page in range(2, 33)]
    done = office.correct(office.save(*rows[:30]))
    assert done.exit_code == ExitCode.USAGE and "and 10 more" in done.stderr
    done = office.correct(office.save(*rows))
    assert done.exit_code == ExitCode.NO_INPUT
    assert "more than 30 corrections" in done.stderr


def test_hostile_cells_of_an_edited_table_are_one_message(office: Office) -> None:
    header, first, *_ = office.table.read_text().splitlines()
    for old, new, message in (
        (",1,1,", ",1,-1,", "a number below 0"),
        (",1,1,", f",{'9' * 4000},1,", "the job has no such page"),
        (",1,1,", f",1,{'9' * 5000},", "4300 digits"),
        ("a.png", "z" * 200_000, "field larger than field limit"),
    ):
        edited = office.folder / "edited.csv"
        edited.write_text("\n".join([header, *[first.replace(old, new, 1)] * 50]))
        done = office.correct(edited, "--to", office.table)
        assert done.exit_code in (ExitCode.USAGE, ExitCode.NO_INPUT), done.output
        assert message in done.stderr and len(done.stderr) < 5000
