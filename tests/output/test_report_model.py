"""What the report's model does with columns, run by Node without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

SETTING = """
globalThis.document = { body: { dataset: {} } };
class AnswerStore { static UNSAVED = "unsaved"; save() {} }
class MistypingChecks { next() { return null; } settle() {} }
"""

FIELDS = [
    # part, slot, key, file, page, number, name, marks, doubt, row
    [0, 0, "k0", "a.png", 1, 1, "initials", "?", 1.0, 0],
    [0, 1, "k1", "a.png", 1, 2, "votes", "1.7", 0.25, 1],
    [0, 2, "k2", "b.png", 1, 1, "initials", "?", 1.0, 2],
    [0, 3, "k3", "b.png", 1, 2, "votes", "4..", 0.5, 3],
]


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs JavaScript that returns a value, with `review` of `FIELDS`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on this machine")
    model = resources.files("formreader.output.report").joinpath("report_model.js")

    def of(script: str, fields: object = FIELDS) -> Any:
        file = tmp_path / "run.js"
        made = f"{json.dumps(fields)}.map((one) => new ReviewField(one, {{}}))"
        file.write_text(
            f"{SETTING}{model.read_text(encoding='utf-8')}\n"
            f"const review = new Review({made}, new AnswerStore());\n"
            f"console.log(JSON.stringify((() => {{ {script} }})()));"
        )
        done = subprocess.run([node, file], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return of


STATE = "[review.total, review.checked, review.expected, review.order.map(({ key }) => key)]"


def test_a_column_is_left_out_of_the_review_and_taken_back(run: Any) -> None:
    told = run(f"""
      const told = [{STATE}, review.leaveOut("initials"), {STATE}, review.field.key];
      review.answer("1");
      told.push(review.box, {STATE}, review.filter({{ file: "a" }}), {STATE});
      review.filter({{}});
      review.takeBack();
      return [...told, {STATE}];
    """)
    every = ["k0", "k1", "k2", "k3"]
    assert told[0] == [5, 0, 2.75, every]
    assert told[1:4] == [True, [3, 0, 0.75, ["k1", "k3"]], "k1"]
    assert told[4] == 2 and told[5][:2] == [3, 1]
    assert told[6] is True and told[7][3] == ["k1"]
    assert told[8][:2] == [5, 1] and told[8][3] == every


def test_the_last_column_and_fields_without_a_name_stay(run: Any) -> None:
    assert run('return [review.leaveOut("initials"), review.leaveOut("votes"), review.total];') == [
        True, False, 3,
    ]  # fmt: skip
    unnamed = [[*FIELDS[0][:6], "", *FIELDS[0][7:]], FIELDS[1]]
    assert run('return [review.leaveOut(""), review.total];', unnamed) == [False, 3]


def test_leaving_out_what_a_filter_shows_ends_the_filter(run: Any) -> None:
    script = 'review.filter({ field: "initials" }); review.leaveOut("initials");'
    assert run(f"{script} return {STATE};") == [3, 0, 0.75, ["k1", "k3"]]
