"""The samples are golden: what the shipped model says of them is right or for review."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result

from formreader.core.errors import ExitCode, ModelError
from formreader.core.geometry import Box
from formreader.core.model_folder import model_folder
from formreader.core.options import DEFAULT_MODEL

Row = dict[str, str]


def has_model() -> bool:
    try:
        return model_folder(DEFAULT_MODEL).is_dir()
    except ModelError:
        return False


pytestmark = pytest.mark.skipif(not has_model(), reason="the model has not been trained yet")


@dataclass(frozen=True, slots=True)
class Scanned:
    """The samples' boxes as they are, each with the row that was read there, if any."""

    pairs: list[tuple[Row, Row | None]]
    rows: list[Row]

    def statuses(self, wanted: Callable[[str], bool]) -> Counter[str]:
        """How often boxes that hold what is wanted have each status, "missed" included."""
        return Counter(
            row["status"] if row else "missed"
            for truth, row in self.pairs
            if wanted(truth["digit"])
        )


def table(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def overlap(a: Row, b: Row) -> float:
    """Intersection over union of two boxes."""
    p, q = (Box(*(float(r[k]) for k in ("x", "y", "width", "height"))) for r in (a, b))
    return p.overlap(q)


@pytest.fixture(scope="module")
def scanned(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    from click.testing import CliRunner

    from formreader.cli.main import main

    out = tmp_path_factory.mktemp("samples") / "digits.csv"
    done: Result = CliRunner().invoke(
        main, ["scan", str(samples), "--out", str(out), "--rows", "digit", "-q"]
    )
    assert done.exit_code == ExitCode.DONE, done.output
    rows = table(out)
    by_page: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["field"] != "0":
            by_page.setdefault((row["file"], row["page"]), []).append(row)
    pairs = []
    for truth in table(samples / "truth.csv"):
        found = by_page.get((truth["file"], truth["page"]), [])
        best = max(found, key=lambda row: overlap(truth, row), default=None)
        pairs.append((truth, best if best and overlap(truth, best) >= 0.5 else None))
    return Scanned(pairs, rows)


def test_no_accepted_digit_is_wrong(scanned: Scanned) -> None:
    wrong = [
        (truth, row)
        for truth, row in scanned.pairs
        if row and row["status"] == "ok" and row["digit"] != truth["digit"]
    ]
    assert wrong == []


def test_nearly_all_digits_are_accepted(scanned: Scanned) -> None:
    statuses = scanned.statuses(lambda digit: digit.isdigit())
    assert statuses.total() > 250
    assert statuses["missed"] == 0
    assert statuses["blank"] == 0
    assert statuses["ok"] / statuses.total() >= 0.95


def test_blank_boxes_are_blank(scanned: Scanned) -> None:
    statuses = scanned.statuses(lambda digit: digit == "")
    assert statuses.total() > 10
    assert statuses["blank"] == statuses.total()


def test_marks_are_for_review(scanned: Scanned) -> None:
    statuses = scanned.statuses(lambda digit: digit in ("X", "-"))
    assert statuses.total() >= 7
    assert statuses["review"] == statuses.total()


def test_nothing_else_is_taken_for_a_box(scanned: Scanned) -> None:
    matched = {id(row) for _, row in scanned.pairs if row}
    others = [row for row in scanned.rows if id(row) not in matched]
    assert others == []


def test_readme_and_docs_show_rows_that_come_out(
    samples: Path, root: Path, tmp_path: Path, program: Callable[..., Result]
) -> None:
    shown = list[str]()
    for name in ("README.md", "docs/results.md"):
        text = (root / name).read_text("utf-8")
        rows = re.findall(r"^[\w/]+\.(?:png|jpg|tif|pdf),\d+,\d+,.*$", text, re.MULTILINE)
        assert len(rows) >= 3
        shown += rows
    out = tmp_path / "r.csv"
    done = program("scan", samples, "--out", out, "-q")
    assert done.exit_code == ExitCode.DONE
    key = re.compile(r"^([^,]+,\d+,\d+,[^,]*),[\d.]+,(\w+,[^,]*),")
    keys = [key.match(line) for line in out.read_text("utf-8").splitlines()[1:]]
    written = {match.groups() for match in keys if match}
    for line in shown:
        match = key.match(line)
        assert match, line
        assert match.groups() in written, line
