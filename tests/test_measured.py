"""docs/measured.md is what docs/make_measured.py makes of the result files, all of one version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import formreader

RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]

KEYS = {"benchmark", "command", "version", "date", "machine", "figures"}
OWN_PLACES = re.compile(r"(?<![\w.$])/(work|home|root|tmp|mnt|Users)/")
"""Paths of somebody's machine."""


@pytest.fixture(scope="module")
def benchmarks(root: Path) -> Path:
    return root / "tests" / "benchmarks"


@pytest.fixture
def result_file(benchmarks: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(benchmarks))
    import result_file

    return result_file


def make(process: RunProcess, root: Path, *arguments: str | Path) -> str:
    done = process(root / "docs" / "make_measured.py", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def result(version: str = formreader.__version__, **figures: Any) -> str:
    facts = {"benchmark": "b.py", "command": "b.py", "date": "2026-01-02", "machine": "m"}
    return json.dumps(facts | {"version": version, "figures": figures})


def test_the_page_is_made_of_the_result_files(
    process: RunProcess, root: Path, tmp_path: Path
) -> None:
    make(process, root, "--out", tmp_path / "measured.md")
    committed = (root / "docs" / "measured.md").read_text(encoding="utf-8")
    made = (tmp_path / "measured.md").read_text(encoding="utf-8")
    assert made == committed, "run docs/make_measured.py"


def test_all_results_are_of_this_version(benchmarks: Path) -> None:
    files = sorted((benchmarks / "results").iterdir())
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        read = json.loads(text)
        assert read.keys() == KEYS, path.name
        assert read["version"] == formreader.__version__, f"{path.name}: measure again, or delete"
        assert (benchmarks / read["benchmark"]).is_file(), path.name
        assert not OWN_PLACES.search(text), path.name


def test_the_page_begins_with_forms_of_others(root: Path) -> None:
    head = (root / "docs" / "measured.md").read_text(encoding="utf-8").split("\n## ")[0]
    first = head.split("\n\n")[2]  # after the heading, and the command that makes the page
    assert f"nobody of this project drew, with version {formreader.__version__}" in first
    assert re.search(r"of [\d,]+ values, [\d,]+ \(.*right.*accepted.*wrong", head)


def test_what_was_not_run_is_told_with_its_command(
    process: RunProcess, root: Path, benchmarks: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    make(process, root, "--results", tmp_path / "none", "--out", tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "was not measured" in page
    commands = re.findall(r"`\.venv/bin/python tests/benchmarks/(.*)`", page)
    files = [re.search(r"--json tests/benchmarks/results/(\w+\.json)$", one) for one in commands]
    assert len({file[1] for file in files if file}) == len(commands) > 10
    for command in commands:
        script, *options = command.split()
        known = (benchmarks / script).read_text(encoding="utf-8")
        assert "add_json_option(parser)" in known, script
        for option in options:
            if option.startswith("--") and option != "--json":
                assert f'"{option}"' in known, (script, option)


def test_figures_become_tables(process: RunProcess, root: Path, tmp_path: Path) -> None:
    figures = {
        "time, s": 1234.5678,
        "ratio": 2.7182,
        "words": "yes",
        "clean": {"right": [3, 4], "nothing": [0, 0]},
        "fax": {"right": [1995, 2000], "nothing": None},
        "unknown": {"right": None, "nothing": None},
        "A table": {"row": {"boxes": 1200}},
        "An empty table": {"row": {"boxes": [0, 0]}},
    }
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "speed.json").write_text(result(**figures), encoding="utf-8")
    make(process, root, "--results", tmp_path / "results", "--out", tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    for line in (
        "| time, s | 1,235 |",
        "| ratio | 2.72 |",
        "| words | yes |",
        "|  | right |",
        "| clean | 3 of 4 (75.0 %) |",
        "| fax | 1,995 of 2,000 (99.75 %) |",
        "### A table",
        "| row | 1,200 |",
    ):
        assert f"\n{line}\n" in page
    assert "unknown" not in page
    assert "An empty table" not in page
    assert "benchmarks/b.py" in page.split("## Not run")[0]
    assert "speed.py" not in page.split("## Not run")[1]


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [("speed.json", "0.1.0", "of version 0.1.0"), ("else.json", formreader.__version__, "section")],
)
def test_a_result_of_another_version_or_kind_is_refused(
    process: RunProcess, root: Path, tmp_path: Path, name: str, version: str, said: str
) -> None:
    (tmp_path / name).write_text(result(version, time=1), encoding="utf-8")
    done = process(
        *(root / "docs" / "make_measured.py", "--results", tmp_path, "--out", tmp_path / "page.md")
    )
    assert done.returncode == 1
    assert name in done.stderr and said in done.stderr
    assert not (tmp_path / "page.md").exists()


def test_a_result_says_how_it_was_measured_and_not_where(
    result_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORMREADER_SHARED", str(tmp_path / "shared"))
    file = tmp_path / "new" / "speed.json"
    given = ["--data", str(tmp_path / "shared" / "digits"), str(tmp_path / "own"), "--runs", "3"]
    monkeypatch.setattr(sys, "argv", ["/anywhere/speed.py", *given, "--json", str(file)])
    result_file.write_result(file, {"share": 1 / 3, "row": {"right": [3, 4], "none": None}})
    text = file.read_text(encoding="utf-8")
    read = json.loads(text)
    assert read.keys() == KEYS
    assert read["benchmark"] == "speed.py"
    assert read["command"] == (
        "tests/benchmarks/speed.py --data $FORMREADER_SHARED/digits own --runs 3"
    )
    assert read["version"] == formreader.__version__
    assert read["figures"] == {"share": 0.333333, "row": {"right": [3, 4], "none": None}}
    assert str(tmp_path) not in text
    assert '"right": [3, 4]' in text
    result_file.write_result(None, {"share": 1})  # without --json nothing is written


def test_the_board_becomes_counts(process: RunProcess, benchmarks: Path, tmp_path: Path) -> None:
    sets = ("printed/filled", "forms", "numbers/cheques", "numbers/composed", "rendered")
    scores = dict.fromkeys(("box_recall", "digits_right_end_to_end", "accepted_share"), 0.5)
    scores |= {"marks_not_accepted_as_digit": None, "blank_right": 1.0}
    scores |= {"accepted_wrong": 1, "digits_read_as_blank": 0}
    whole = {"values": 2, "right_share": 0.5, "accepted_share": 1.0, "wrong": 1}
    whole |= {"unseen": 0, "blanked": 0, "false_accepted": 3, "false_review": 4}
    board: dict[str, Any] = {}
    for name in sets:
        board[f"{name}:{name}"] = scores
        board[f"values:{name}:{name}"] = whole
        truth = tmp_path / "data" / name / "truth.csv"
        truth.parent.mkdir(parents=True)
        rows = ("a/1.png,1,7,", "a/1.png,1,,", "b/2.png,1,3,", "b/2.png,1,?,", "b/2.png,1,12,open",
                "b/2.png,1,,")  # fmt: skip
        truth.write_text("\n".join(("file,page,digit,kind", *rows)), encoding="utf-8")
    saved, out = tmp_path / "board.json", tmp_path / "out.json"
    saved.write_text(json.dumps(board), encoding="utf-8")
    arguments = ("--data", tmp_path / "data", "--version", "9.9", "--json", out)
    done = process(benchmarks / "board_results.py", saved, *arguments)
    assert done.returncode == 0, done.stderr
    read = json.loads(out.read_text(encoding="utf-8"))
    assert read["version"] == "9.9"
    first = next(iter(next(iter(read["figures"].values())).values()))
    assert (first["pages"], first["values"], first["right"]) == (2, 2, [1, 2])
    assert first["accepted but wrong"] == [1, 2]
    boxes = next(iter(read["figures"]["Boxes for one digit"].values()))
    assert boxes["boxes found"] == [2, 4]
    assert boxes["digits right"] == [1, 2]
    assert boxes["marks accepted as a digit"] == [0, 0]
    board["forms:forms"] = scores | {"box_recall": 0.123}
    saved.write_text(json.dumps(board), encoding="utf-8")
    done = process(benchmarks / "board_results.py", saved, *arguments)
    assert done.returncode == 1
    assert "Wrong --data?" in done.stderr
