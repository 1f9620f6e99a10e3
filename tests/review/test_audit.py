"""`formreader audit`: a blind sample, and what its answers certify."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from page_results import PageResult

from formreader.core.errors import ExitCode
from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, Status, Thumbnail
from formreader.review.audit_job import same_value
from formreader.store.job_store import FileRecord, JobStore

Moments = Callable[[Path], AbstractContextManager[list[Path]]]
RunProgram = Callable[..., Result]
MakePage = Callable[..., PageResult]
MakeJob = Callable[..., None]
SaveCorrections = Callable[..., Path]

FIELDS = 200


def field(number: int) -> FieldReading:
    """Two digits, the number itself; every tenth is for review."""
    text = f"{number % 100:02}"
    status = Status.OK if number % 10 else Status.REVIEW
    confidence = 0.95 + number / 10_000 if number % 10 else 0.5
    digits = tuple(
        DigitReading(Box(40 * i, 50 * number, 40, 40), int(mark), confidence, status)
        for i, mark in enumerate(text)
    )
    return FieldReading(digits, text, text, confidence**2, status, lowest=confidence)


@dataclass
class Audit:
    """A job of 200 fields, and who audits it."""

    folder: Path
    program: RunProgram
    save: SaveCorrections

    def run(self, *arguments: str | Path | int) -> Result:
        return self.program("audit", self.folder / "results.csv", *arguments)

    def files(self, folder: Path) -> dict[str, bytes]:
        """All files of the audit but what a kill left half written, which has a name of its own."""
        return {
            path.name: path.read_bytes()
            for path in folder.iterdir()
            if path.name.startswith("results") and path.suffix in (".csv", ".html", ".json")
        }

    def sample(self) -> list[dict[str, str]]:
        text = (self.folder / "results.audit.json").read_text(encoding="utf-8")
        return [{k: str(v) for k, v in one.items()} for one in json.loads(text)["fields"]]

    def answer(self, said: Callable[[dict[str, str]], str | None]) -> Path:
        """What the blind report saves, where `said` gives the value of each sampled field."""
        with JobStore.open_finished(self.folder / "results.sqlite") as store:
            job = store.name
        rows = list[dict[str, str]]()
        for one in self.sample():
            field = {name: one[name] for name in ("file", "page", "field")} | {"job": job}
            place = {"x": "0", "y": "0", "width": "9", "height": "9"}
            read = {"guess": "?", "confidence": "0.0000"}
            for box, mark in enumerate(said(one) or "", 1):
                rows.append(field | place | read | {"box": str(box), "digit": mark})
        return self.save(self.folder / "audit.csv", rows)


@pytest.fixture
def audit(
    tmp_path: Path,
    program: RunProgram,
    make_page: MakePage,
    make_job: MakeJob,
    save_corrections: SaveCorrections,
) -> Audit:
    page = make_page(map(field, range(FIELDS)), Thumbnail(b"jpeg", Box(0, 0, 100, 50), 1.0))
    make_job(tmp_path, [FileRecord("a.png", "a.png", 1, 1, "a", 1)], [page])
    return Audit(tmp_path, program, save_corrections)


def test_the_sample_is_of_accepted_fields_and_blind(audit: Audit) -> None:
    done = audit.run("--sample", 60, "--max-error", 0.05)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "60 of 180 accepted fields were drawn" in done.stderr
    assert done.stdout.strip() == str(audit.folder / "results.audit.html")
    sample = audit.sample()
    assert len({one["field"] for one in sample}) == 60
    assert all((int(one["field"]) - 1) % 10 for one in sample)
    assert [sum(one["stratum"] == half for one in sample) for half in "01"] == [30, 30]
    page = (audit.folder / "results.audit.html").read_text(encoding="utf-8")
    (part,) = re.findall(r'json">(.*?)</script>', page)
    records = json.loads(part)
    assert len(records) == 60
    for (_, boxes, _, value, *_), _ in records:
        assert {(guess, second) for *_, guess, _, _, second, _ in boxes} == {("?", "")}
        assert value == ""
    assert "<body data-blind>" in page


def test_no_error_is_certified(audit: Audit) -> None:
    audit.run("--sample", 60)
    table = (audit.folder / "results.csv").read_bytes()
    done = audit.run("--answers", audit.answer(lambda one: one["value"]), "--max-error", 0.05)
    assert done.exit_code == ExitCode.DONE, done.output
    assert "0 of 60 sampled fields are wrong" in done.stderr
    (bound,) = re.findall(r"at most (\d+) \(", done.stderr)
    assert 4 <= int(bound) <= 8  # 7 of 180 in a single stratum
    assert "the batch is accepted" in done.stderr
    page = (audit.folder / "results.certificate.html").read_text(encoding="utf-8")
    for word in ("180 accepted fields", "sample of 60", "digits 3", "ab" * 32, "is accepted"):
        assert word in " ".join(page.split()), word
    assert (audit.folder / "results.csv").read_bytes() == table


def test_errors_are_counted_and_named(audit: Audit) -> None:
    audit.run("--sample", 60)
    first = audit.sample()[0]
    answers = audit.answer(lambda one: "?9" if one == first else one["value"])
    done = audit.run("--answers", answers, "--max-error", 0.02)
    assert done.exit_code == ExitCode.DONE, done.output
    assert f"field {first['field']}: accepted {first['value']}, answered ?9" in done.stderr
    assert "1 of 60 sampled fields are wrong" in done.stderr
    assert "the batch is not accepted" in done.stderr


def test_the_estimates_are_right_on_average(audit: Audit) -> None:
    """Of many samples of a batch with known errors, at most 5 % give a bound below the truth."""
    truly_wrong = {str(number + 1) for number in range(1, FIELDS, 17) if number % 10}
    bounds, estimates = [], []
    for seed in range(12):
        audit.run("--sample", 90, "--seed", seed)
        answers = audit.answer(lambda one: "?" * 2 if one["field"] in truly_wrong else one["value"])
        told = audit.run("--answers", answers).stderr
        bounds.append(int(re.findall(r"at most (\d+) \(", told)[0]))
        estimates.append(float(re.findall(r"fields ([\d.]+) are estimated", told)[0]))
    assert sum(bound < len(truly_wrong) for bound in bounds) <= 2
    assert np.mean(estimates) == pytest.approx(len(truly_wrong), rel=0.35)


def test_a_kill_at_any_moment_leaves_whole_files_and_the_same_command_ends(
    audit: Audit, moments: Moments, program: RunProgram
) -> None:
    audit.run("--sample", 20, "--seed", 3)  # an earlier audit, which is replaced
    with moments(audit.folder) as left:
        assert audit.run("--sample", 60).exit_code == ExitCode.DONE
        drawn = len(left)
        answers = audit.answer(lambda one: one["value"])
        assert audit.run("--answers", answers).exit_code == ExitCode.DONE
    assert drawn > 6 and len(left) > drawn + 3
    whole = [audit.files(left[0]), audit.files(left[drawn]), audit.files(audit.folder)]
    answered = answers.read_bytes()
    for number, folder in enumerate(left):
        for name, content in audit.files(folder).items():
            assert content in [of.get(name) for of in whole], (number, name)
        table = folder / "results.csv"
        assert program("audit", table, "--sample", 60).exit_code == ExitCode.DONE
        (folder / "audit.csv").write_bytes(answered)
        done = program("audit", table, "--answers", folder / "audit.csv")
        assert done.exit_code == ExitCode.DONE, done.output
        assert "0 of 60 sampled fields are wrong" in done.stderr
        assert audit.files(folder)["results.audit.json"] == whole[-1]["results.audit.json"]


def test_fields_left_out_are_refused(audit: Audit) -> None:
    audit.run("--sample", 60)
    first = audit.sample()[0]
    answers = audit.answer(lambda one: None if one == first else one["value"])
    done = audit.run("--answers", answers)
    assert done.exit_code == ExitCode.USAGE
    assert "1 of 60 sampled fields have no complete answer" in done.stderr
    assert f"field {first['field']}" in done.stderr
    assert not (audit.folder / "results.certificate.html").exists()


def test_a_sample_of_other_accepted_fields_is_refused(audit: Audit) -> None:
    audit.run("--sample", 60)
    edited = audit.folder / "edited.csv"
    text = (audit.folder / "results.csv").read_text(encoding="utf-8")
    edited.write_text(text.replace(",01,", ",71,", 1), encoding="utf-8")
    assert audit.program("correct", edited, "--to", audit.folder / "results.csv").exit_code == 0
    done = audit.run("--answers", audit.answer(lambda one: one["value"]))
    assert done.exit_code == ExitCode.USAGE
    assert "has changed since the sample was drawn" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--answers", "a.csv", "--sample", "3"], "Give one of them", ExitCode.USAGE),
        (["--answers", "a.csv"], "Draw one with", ExitCode.NO_INPUT),
    ],
)
def test_wrong_usage_of_audits_is_told(
    audit: Audit, arguments: list[str], message: str, code: ExitCode
) -> None:
    done = audit.run(*arguments)
    assert done.exit_code == code
    assert message in done.stderr


def test_without_a_job_there_is_nothing_to_audit(program: RunProgram, tmp_path: Path) -> None:
    done = program("audit", tmp_path / "results.csv")
    assert done.exit_code == ExitCode.NO_INPUT
    assert "there is no such job" in done.stderr


@pytest.mark.parametrize(
    ("accepted", "said", "same"),
    [
        ("18.014", "18014", True), ("18.014", "18.014", True), ("18.014", "180.14", False),
        ("-5", "5", False), ("-5", "-5", True), ("042", "42", False), ("7", "", False),
    ],
)  # fmt: skip
def test_values_are_compared_as_people_mean_them(accepted: str, said: str, same: bool) -> None:
    assert same_value(accepted, said) is same
