"""`formreader evaluate` and `formreader inspect` as scripts and people meet them."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from formreader.cli.error_handling import Program
from formreader.cli.evaluate import compare, evaluate, inspect
from formreader.cli.train import train
from formreader.core.errors import ExitCode
from formreader.core.options import CompareOptions, EvaluateOptions, InspectOptions, TrainOptions
from formreader.training.data.mixture import draw_digits

pytestmark = pytest.mark.slow


def run(*arguments: str | Path) -> Result:
    """Run a command as the program does."""
    program = Program(commands=[evaluate, inspect])
    return CliRunner().invoke(program, list(map(str, arguments)))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty drawn digits, the last five of which are labelled as none."""
    examples = draw_digits(40, np.random.default_rng(3))
    labels = examples.labels.copy()
    labels[35:] = 10
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, images=examples.crops, labels=labels)
    return path


@pytest.fixture(scope="module")
def evaluated(
    digits: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("evaluation") / "deep" / "out"
    done = run(
        "evaluate", "--data", digits, "--model", tiny_model, "--device", "cpu", "--out", out,
        "--json", out.parents[1] / "figures.json",
    )  # fmt: skip
    return out, done


def test_evaluate_writes_pictures_and_figures(evaluated: tuple[Path, Result]) -> None:
    out, done = evaluated
    assert done.exit_code == ExitCode.DONE, done.output
    names = {"confusion.png", "coverage.png", "mistakes.png"}
    assert {path.name for path in out.iterdir()} == names
    figures = json.loads((out.parents[1] / "figures.json").read_text(encoding="utf-8"))
    assert figures["n"] == 35
    assert figures["accuracy"] == pytest.approx(1 - figures["errors"] / 35)
    assert sum(c["n"] for c in figures["per_class"].values()) == 35


def test_evaluate_tells_people(evaluated: tuple[Path, Result]) -> None:
    out, done = evaluated
    figures = json.loads((out.parents[1] / "figures.json").read_text(encoding="utf-8"))
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"accuracy       {figures['accuracy']:.2%}")
    assert f"({35 - figures['errors']} of 35; 95 % confidence: " in lines[0]
    assert "accepted of the 5 that are no digits" in done.stdout
    assert lines[-1] == str(out.parents[1] / "figures.json")
    assert str(out / "mistakes.png") in lines
    assert done.stderr == ""


def test_quiet_tells_only_the_figures(digits: Path, tiny_model: Path, tmp_path: Path) -> None:
    done = run("evaluate", "-q", "--data", digits, "--model", tiny_model, "--out", tmp_path)
    assert done.exit_code == ExitCode.DONE
    assert str(tmp_path) not in done.stdout


def test_the_shipped_model_reads_drawn_digits(digits: Path, tmp_path: Path) -> None:
    done = run("evaluate", "--data", digits, "--out", tmp_path, "--json", tmp_path / "f.json")
    assert done.exit_code == ExitCode.DONE, done.output
    assert json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["accuracy"] > 0.8


def test_wrong_data_and_models_have_their_exit_codes(tmp_path: Path, digits: Path) -> None:
    missing = run("evaluate", "--data", tmp_path / "none.npz", "--out", tmp_path / "a")
    assert missing.exit_code == ExitCode.NO_INPUT
    assert "none.npz" in missing.stderr
    model = run("evaluate", "--data", digits, "--model", tmp_path / "none", "--out", tmp_path / "a")
    assert model.exit_code == ExitCode.MODEL
    np.savez(tmp_path / "x.npz", images=np.full((2, 9, 9), 255, np.uint8), labels=[10, 10])
    none = run("evaluate", "--data", tmp_path / "x.npz", "--out", tmp_path / "a")
    assert none.exit_code == ExitCode.NO_INPUT
    assert "there are no digits" in none.stderr


@pytest.mark.parametrize("command", ["evaluate", "inspect"])
def test_an_output_folder_that_cannot_be(tmp_path: Path, command: str, digits: Path) -> None:
    (tmp_path / "file").touch()
    done = run(command, "--data", digits, "--out", tmp_path / "file")
    assert done.exit_code == ExitCode.OUTPUT
    assert str(tmp_path / "file") in done.stderr
    assert done.stdout == ""


def test_figures_that_cannot_be_written_are_found_before_any_work(tmp_path: Path) -> None:
    done = run(
        "evaluate", "--data", "not looked at", "--out", tmp_path, "--json", tmp_path / "no" / "f"
    )
    assert done.exit_code == ExitCode.OUTPUT
    assert "--json" in done.stderr


def test_inspect_tells_what_a_set_holds(tmp_path: Path, digits: Path) -> None:
    done = run("inspect", "--data", digits, "--out", tmp_path)
    assert done.exit_code == ExitCode.DONE, done.output
    assert done.stdout.startswith("examples       40\nheight, px     28\n")
    assert any(line.split() == ["not", "a", "digit", "5", "12.5%"] for line in rows(done))
    assert {path.name for path in tmp_path.iterdir()} == {"samples.png", "means.png"}


def rows(done: Result) -> list[str]:
    """The lines of the table of classes, without their last column."""
    return [line.rsplit(maxsplit=1)[0] for line in done.stdout.splitlines() if "%" in line]


def test_the_same_seed_draws_the_same_samples(tmp_path: Path, digits: Path) -> None:
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = run("inspect", "--data", digits, "--out", tmp_path / name, "--seed", seed)
        assert done.exit_code == ExitCode.DONE
        pictures.append((tmp_path / name / "samples.png").read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_inspect_counts_writers(tmp_path: Path, digits: Path) -> None:
    table = np.zeros((40, 3), np.int64)
    table[:30, 2] = 4
    np.savez(tmp_path / "writers.npz", train=table)
    out = tmp_path / "out"
    done = run("inspect", "--data", digits, "--writers", tmp_path / "writers.npz", "--out", out)
    assert "writers        2, digits of each: 10 to 30, median 20" in done.stdout
    np.savez(tmp_path / "few.npz", train=table[:5])
    few = run("inspect", "--data", digits, "--writers", tmp_path / "few.npz", "--out", out)
    assert few.exit_code == ExitCode.NO_INPUT


@pytest.mark.parametrize("data", ["missing.npz", "empty"])
@pytest.mark.parametrize("command", ["evaluate", "inspect"])
def test_wrong_data_leave_no_folder_behind(
    tmp_path: Path, tiny_model: Path, command: str, data: str
) -> None:
    (tmp_path / "empty").mkdir()
    model = ("--model", tiny_model) if command == "evaluate" else ()
    done = run(command, "--data", tmp_path / data, "--out", tmp_path / "out", *model)
    assert done.exit_code == ExitCode.NO_INPUT
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (evaluate, EvaluateOptions()),
        (inspect, InspectOptions()),
        (train, TrainOptions()),
        (compare, CompareOptions()),
    ],
)
def test_defaults_are_those_of_the_options(command: click.Command, options: object) -> None:
    for parameter in command.params:
        if parameter.name not in ("verbose", "quiet"):
            assert parameter.default == getattr(options, str(parameter.name))
