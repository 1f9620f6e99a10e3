"""`--max-error`: the threshold that the model's card promises, kept and told, or refused."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from formreader.core.errors import ExitCode
from formreader.core.model_folder import CARD_FILE, model_folder
from formreader.core.options import DEFAULT_MODEL
from formreader.reading import one_page
from formreader.recognise.model_card import CalibrationRow, read_card

RunProgram = Callable[..., Result]
RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

CALIBRATION = (
    CalibrationRow(0.3, 30_000, 28_000, 120, 0.005),
    CalibrationRow(0.4, 30_000, 20_000, 2, 0.00032),
    CalibrationRow(0.6, 30_000, 15_000, 0, 0.0002),
)


STRICT = (
    CalibrationRow(0.5, 30_000, 28_000, 120, 0.005),
    CalibrationRow(0.999, 30_000, 20_000, 2, 0.00032),
)


def with_calibration(model: Path, calibration: tuple[CalibrationRow, ...], folder: Path) -> Path:
    """A copy of a model with an invented calibration."""
    shutil.copytree(model, folder)
    card = replace(read_card(folder), calibration=calibration)
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return folder


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return with_calibration(tiny_model, CALIBRATION, tmp_path / "model")


def statuses(table: Path) -> list[tuple[float, str]]:
    """(confidence, status) of each digit in a table with a row for each."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [
        (float(row["confidence"]), row["status"])
        for row in rows
        if row["status"] in ("ok", "review")
    ]


@pytest.mark.slow
def test_the_promised_threshold_is_the_one_that_is_kept(
    program: RunProgram, form_png: Path, tmp_path: Path
) -> None:
    model = with_calibration(model_folder(DEFAULT_MODEL), STRICT, tmp_path / "model")
    out = tmp_path / "r.csv"
    arguments = ("scan", form_png, "--out", out, "--model", model, "--rows", "digit")
    read = {}
    for choice in (("--max-error", 0.001), ("--review-below", 0.999), ("--max-error", 0.01)):
        assert program(*arguments, *choice, "--fresh").exit_code == ExitCode.DONE
        read[choice] = statuses(out)
    strict, given, lax = read.values()
    assert strict == given != lax
    accepted = [confidence for confidence, status in strict if status == "ok"]
    assert min(accepted) >= 0.999
    assert any(0.5 < confidence < 0.999 for confidence, status in lax if status == "ok")


def test_the_promise_is_told_with_its_counts(
    program: RunProgram, form_png: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.csv"
    promise = "--model", model, "--max-error", "0.001", "--rows", "digit"
    done = program("scan", form_png, "--out", out, *promise)
    assert (
        "Of every 1,000 accepted digits expect at most 0.4 to be wrong; you allowed 1. Numbers in "
        "cells are all for review: that was not shown for them\n"
    ) in done.stderr
    assert "calibration digits" not in done.stderr
    again = program("scan", form_png, "--out", out, *promise, "-v")
    assert (
        "accepted from confidence 0.4: of 30,000 calibration digits 20,000 were, 2 of them wrong; "
        "with 95 % certainty at most 0.032 % are\n"
    ) in again.stderr
    report = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "--max-error" in report
    assert "--review-below" not in report
    assert '"threshold":0.4' in report


def test_without_a_promise_the_counts_at_the_threshold_are_told(
    program: RunProgram, form_png: Path, model: Path, tmp_path: Path
) -> None:
    arguments = ("scan", form_png, "--out", tmp_path / "r.csv", "--model", model)
    plain = program(*arguments).stderr
    assert "Of every 1,000 accepted digits expect at most 0.2 to be wrong\n" in plain
    assert "calibration digits" not in plain
    assert (
        "accepted from confidence 0.6: of 30,000 calibration digits 15,000 were, 0 of them wrong"
    ) in program(*arguments, "--verbose").stderr
    assert "accepted" not in program(*arguments, "--quiet").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--max-error", "0.0001"], ExitCode.MODEL, "37,998 accepted"),
        (["--max-error", "0.0007"], ExitCode.DONE, ""),
        (["--max-error", "0"], ExitCode.USAGE, "--max-error"),
        (["--max-error", "1"], ExitCode.USAGE, "--max-error"),
        (["--max-error", "nan"], ExitCode.USAGE, "--max-error"),
        (["--review-below", "nan"], ExitCode.USAGE, "--review-below"),
        (
            ["--max-error", "0.01", "--review-below", "0.95"],
            ExitCode.USAGE,
            "Give only one of them",
        ),
    ],
)
@pytest.mark.parametrize("command", ["scan", "predict"])
def test_what_cannot_be_promised_is_refused(
    program: RunProgram,
    form_png: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    arguments: list[str],
    code: ExitCode,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = program(command, form_png, "--model", model, *arguments)
    assert done.exit_code == code, done.output
    assert message in done.stderr


def test_a_refusal_comes_before_any_work(
    program: RunProgram,
    forms: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(one_page, "read_file", lambda *_: pytest.fail("work was begun"))
    out = forms.parent / "r.csv"
    done = program("scan", forms, "--out", out, "--model", tiny_model, "--max-error", "0.01")
    assert done.exit_code == ExitCode.MODEL
    assert "model tiny: its calibration cannot promise" in done.stderr
    assert not out.exists()


def test_scanning_does_without_scipy(process: RunProcess) -> None:
    run = process(
        "-c",
        "import sys, formreader.batch.scan_job; print({'scipy', 'sklearn'} & set(sys.modules))",
    )
    assert (run.stdout.strip(), run.stderr) == ("set()", "")
