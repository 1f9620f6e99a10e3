"""The comparison of methods: the same digits for all, and figures that are those of the method."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from formreader.cli.compare import compare as command
from formreader.cli.error_handling import Program
from formreader.core.errors import ExitCode, UsageError
from formreader.core.options import CompareOptions
from formreader.training.data.digit_sets import DigitSet
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits
from formreader.training.evaluate import comparison
from formreader.training.evaluate.comparison import PICTURE, TABLE, Result, compare, split_digits
from formreader.training.evaluate.methods import Trained, train_method

pytestmark = pytest.mark.slow


class Silent:
    """A progress display that shows nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.fixture(scope="module")
def digits() -> Examples:
    return draw_digits(400, np.random.default_rng(2))


@pytest.fixture(scope="module")
def archive(digits: Examples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits sorted by class, as folders of digits are, and forty marks that are none."""
    order = np.argsort(digits.labels)
    images = np.concatenate([digits.crops[order], np.full((40, 28, 28), 200, np.uint8)])
    labels = np.concatenate([digits.labels[order], np.full(40, 10, np.uint8)])
    path = tmp_path_factory.mktemp("sets") / "digits.npz"
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture(scope="module")
def compared(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Result]]:
    out = tmp_path_factory.mktemp("out") / "comparison"
    options = CompareOptions(("lenet", "knn", "svm"), out, (str(archive),), epochs=1, batch=32)
    return out, compare(options, Silent())


def test_all_methods_get_the_same_digits_and_no_marks(archive: Path) -> None:
    options = CompareOptions(data=(str(archive),))
    one, same = split_digits(options), split_digits(options)
    assert (len(one.training), len(one.validation), len(one.test)) == (320, 40, 40)
    for part in (one.training, one.validation, one.test):
        assert set(part.labels) == set(range(10))
    assert (one.test.crops == same.test.crops).all()


def test_no_digit_is_on_two_sides(archive: Path) -> None:
    split = split_digits(CompareOptions(data=(str(archive),)))
    parts = [
        {crop.tobytes() for crop in part.crops}
        for part in (split.training, split.validation, split.test)
    ]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])


def test_examples_limits_what_is_trained_on_alone(archive: Path) -> None:
    split = split_digits(CompareOptions(data=(str(archive),), examples=50))
    assert (len(split.training), len(split.validation), len(split.test)) == (50, 40, 40)


def test_mnist_is_measured_with_its_own_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    sets = {"train": draw_digits(60, rng), "test": draw_digits(20, rng)}
    monkeypatch.setattr(comparison, "load_set", lambda _, part="train": DigitSet(sets[part]))
    split = split_digits(CompareOptions())
    assert (split.test.crops == sets["test"].crops).all()
    assert len(split.training) + len(split.validation) == 60


def test_too_few_digits_are_refused(archive: Path) -> None:
    with pytest.raises(UsageError, match="--examples"):
        split_digits(CompareOptions(data=(str(archive),), examples=2))


def test_each_method_is_measured(compared: tuple[Path, list[Result]]) -> None:
    _, results = compared
    assert [result.method for result in results] == ["lenet", "knn", "svm"]
    for result in results:
        assert result.n == 40
        assert result.accuracy == 1 - result.errors / 40
        assert result.low < result.accuracy <= result.high
        assert result.training_seconds > 0
        assert result.digits_per_second > 0


def test_what_the_methods_keep_is_counted(compared: tuple[Path, list[Result]]) -> None:
    network, neighbours, vectors = (result.parameters for result in compared[1])
    assert network == 61_791
    assert neighbours == 320 * 784
    # Support vectors: at most all examples, each with pixels and 9 weights; 45 biases.
    assert 784 * 10 < vectors <= 320 * (784 + 9) + 45


def test_table_and_picture_are_written(compared: tuple[Path, list[Result]]) -> None:
    out, results = compared
    with (out / TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], int(row["errors"])) for row in rows] == [
        (result.method, result.errors) for result in results
    ]
    with Image.open(out / PICTURE) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10


def test_what_was_done_before_an_interruption_is_kept(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(method: str, *rest: Any) -> Trained:
        if method == "svm":
            raise KeyboardInterrupt
        return Trained(lambda crops: np.zeros(len(crops), np.int64), 1)

    monkeypatch.setattr(comparison, "train_method", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(CompareOptions(("knn", "svm"), tmp_path, (str(archive),)), Silent())
    assert (tmp_path / TABLE).read_text().count("\n") == 2


@pytest.mark.parametrize("method", ["knn", "svm"])
def test_methods_without_a_network_learn(method: Any, digits: Examples) -> None:
    known, other = digits[np.arange(300)], digits[np.arange(300, 400)]
    trained = train_method(method, known, other, CompareOptions(), Silent())
    assert (trained.read(other.crops) == other.labels).mean() > 0.7


def test_a_network_names_one_of_the_ten_digits(digits: Examples) -> None:
    few = digits[np.arange(64)]
    trained = train_method("mlp", few, few, CompareOptions(epochs=12, batch=16), Silent())
    guesses = trained.read(few.crops)
    assert set(guesses) <= set(range(10))
    assert (guesses == few.labels).mean() > 0.7


def test_the_command_prints_a_table(archive: Path, tmp_path: Path) -> None:
    program = Program("formreader", [command])
    arguments = ["compare", "--method", "knn", "--data", str(archive), "--out", str(tmp_path)]
    run = CliRunner().invoke(program, arguments)
    assert run.exit_code == ExitCode.DONE, run.output
    header, row, *_ = run.stdout.splitlines()
    assert "accuracy" in header
    assert row.startswith("knn ")
    assert str(tmp_path / PICTURE) in run.stdout


def test_an_unknown_method_is_refused() -> None:
    program = Program("formreader", [command])
    run = CliRunner().invoke(program, ["compare", "--method", "oracle"])
    assert run.exit_code == ExitCode.USAGE


def test_a_folder_that_cannot_be_made_is_told(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    arguments = ["compare", "--data", str(archive), "--out", str(tmp_path / "taken")]
    run = CliRunner().invoke(Program("formreader", [command]), arguments)
    assert run.exit_code == ExitCode.OUTPUT
    assert "taken" in run.stderr
