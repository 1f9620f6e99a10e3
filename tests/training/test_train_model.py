"""Training from examples to a model folder, with a tiny network."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from formreader.core.errors import ModelError, OutputError, UsageError
from formreader.core.model_folder import CARD_FILE, HAND_FILE, KERAS_FILE, ONNX_FILE, QUICK_FILE
from formreader.core.options import TrainOptions
from formreader.recognise.architectures import NetworkConfig
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import read_card
from formreader.recognise.runtimes import KerasRecogniser, load_network
from formreader.training.data.mixture import TrainingData, draw_digits, mixture
from formreader.training.fit.batches import TrainingBatches
from formreader.training.fit.fitting import EpochFigures
from formreader.training.fit.run_folder import is_unfinished
from formreader.training.network_folder import unwritable
from formreader.training.train_model import BLENDS, RUN_FOLDER, train, train_on
from formreader.training.write_model import write_model

pytestmark = pytest.mark.slow

TINY = NetworkConfig("mlp", ((16,),), dropout=0.1)
OPTIONS = TrainOptions(epochs=2, batch=32, learning_rate=0.01, seed=7)


@dataclass
class Heard:
    """A progress display that only remembers."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    epochs: list[EpochFigures] = field(default_factory=list)
    total: tuple[int, int] = (0, 0)
    messages: list[str] = field(default_factory=list)

    def started(self, epochs: int, steps: int) -> None:
        self.total = epochs, steps

    def step(self, epoch: int, step: int, loss: float) -> None:
        self.steps.append((epoch, step))

    def epoch(self, figures: EpochFigures) -> None:
        self.epochs.append(figures)

    def message(self, text: str) -> None:
        self.messages.append(text)


class Interrupting(Heard):
    """Presses Ctrl-C in the second epoch."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(11)
    training, scanned, validation, calibration = (
        mixture(draw_digits(n, rng), rng, other_hands=False) for n in (230, 30, 60, 50)
    )
    return TrainingData(
        training, scanned, validation, calibration, draw_digits(40, rng), {"digits": "drawn"}
    )


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def trained(data: TrainingData, heard: Heard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "tiny"
    return train_on(data, replace(OPTIONS, out=out), TINY, heard)


def test_the_folder_is_a_model_that_reads(trained: Path, data: TrainingData) -> None:
    recogniser = load_recogniser(str(trained), device="cpu")
    card = recogniser.card
    assert card.name == "tiny"
    assert card.training == {"digits": "drawn"}
    figures = {test.data: test for test in card.tests}["MNIST test set"]
    assert data.test is not None
    guesses = recogniser.probabilities(data.test.crops)
    assert figures.n == 40
    assert figures.right_of_ten == (guesses[:, :10].argmax(axis=1) == data.test.labels).sum()
    assert figures.right_of_all == (guesses.argmax(axis=1) == data.test.labels).sum()


def test_an_own_set_trains_where_there_is_no_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))
    # How a step is timed has a test of its own.
    monkeypatch.setattr("formreader.training.time_plan._seconds_of_step", lambda *_: 0.1)
    drawn = draw_digits(80, np.random.default_rng(3))
    np.savez(tmp_path / "own.npz", images=drawn.crops, labels=drawn.labels)
    own = (str(tmp_path / "own.npz"),)
    out = tmp_path / "own"
    train(TrainOptions(out=out, data=own, arch="mlp", epochs=1, pages=2, batch=16), Heard())
    assert [test.data for test in load_recogniser(str(out), device="cpu").card.tests] == [
        "validation digits", "validation non-digits", "calibration digits",
        "calibration non-digits",
    ]  # fmt: skip
    assert not (tmp_path / "empty").exists()


def test_keras_and_the_exported_graph_agree(trained: Path, data: TrainingData) -> None:
    crops = data.validation.crops
    exported = load_recogniser(str(trained), device="cpu").probabilities(crops)
    model = KerasRecogniser.load(trained, read_card(trained), batch=16, device="cpu")
    np.testing.assert_allclose(exported, model.probabilities(crops), atol=1e-4)


def test_training_lowers_the_loss(trained: Path, heard: Heard) -> None:
    first, last = heard.epochs[0], heard.epochs[-1]
    assert last.loss < first.loss


def test_progress_is_told(trained: Path, heard: Heard, data: TrainingData) -> None:
    epochs, steps = heard.total
    assert (epochs, steps) == (2, (len(data.training) + len(data.scanned)) // 32)
    assert heard.steps == [(e, s) for e in (1, 2) for s in range(1, steps + 1)]
    assert [figures.epoch for figures in heard.epochs] == [1, 2]
    assert heard.messages


def test_history_and_pictures_are_written(trained: Path) -> None:
    with (trained / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name in ("loss.png", "accuracy.png", "confusion.png", "mistakes.png"):
        with Image.open(trained / name) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10


def test_the_run_is_recorded(trained: Path, data: TrainingData) -> None:
    run = trained / RUN_FOLDER
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["seed"] == 7
    assert record["network"]["stages"] == [[16]]
    assert record["data"]["digits"] == "drawn"
    assert record["environment"]["keras"] == keras.__version__
    assert {path.name for path in run.iterdir()} == {
        "run.json", "history.csv", "best.weights.npz", "last.weights.npz",
    }  # fmt: skip


def test_the_card_tells_the_recipe(trained: Path) -> None:
    recipe = read_card(trained).recipe
    expected = {
        "arch": "mlp",
        "stages": "16",
        "averaging": 0.999,
        "smoothing": 0.0,
        "base": "",
        "share": 1.0,
    }
    assert expected.items() <= recipe.items()
    assert recipe["data"] == "mnist"
    assert recipe["best_epoch"] in (1, 2)


def test_the_card_counts_the_threshold_table(trained: Path, data: TrainingData) -> None:
    table = read_card(trained).calibration
    assert all(row.n == len(data.calibration) for row in table)
    accepted = [row.accepted for row in table]
    assert accepted == sorted(accepted, reverse=True)


def test_a_file_in_the_way_is_told_before_any_work(data: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        train_on(data, replace(OPTIONS, out=tmp_path / "taken"), TINY, Heard())


@pytest.fixture
def interrupted(data: TrainingData, tmp_path: Path) -> TrainOptions:
    """Options of a training that stopped in its second epoch."""
    options = replace(OPTIONS, out=tmp_path / "model")
    with pytest.raises(KeyboardInterrupt):
        train_on(data, options, TINY, Interrupting())
    return options


def test_an_interrupted_training_ends_in_the_same_model(
    interrupted: TrainOptions, data: TrainingData, trained: Path
) -> None:
    assert not (interrupted.out / CARD_FILE).exists()
    heard = Heard()
    train_on(data, interrupted, TINY, heard)
    assert [figures.epoch for figures in heard.epochs] == [2]
    straight, resumed = (
        load_network(folder, read_card(folder)) for folder in (trained, interrupted.out)
    )
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not is_unfinished(interrupted.out / RUN_FOLDER)


def test_other_options_or_data_are_not_gone_on_with(
    interrupted: TrainOptions, data: TrainingData
) -> None:
    with pytest.raises(UsageError, match=r"had --batch 32, not 16; --seed 7, not 8.*--fresh"):
        train(replace(interrupted, batch=16, seed=8), Heard())
    fewer = replace(data, validation=data.calibration)
    with pytest.raises(UsageError, match=r"had data checksum"):
        train_on(fewer, interrupted, TINY, Heard())
    heard = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        train_on(data, replace(interrupted, batch=64, fresh=True), TINY, heard)
    assert [figures.epoch for figures in heard.epochs] == [1]


def test_a_lost_record_is_told(interrupted: TrainOptions) -> None:
    (interrupted.out / RUN_FOLDER / "run.json").write_text("{}")
    with pytest.raises(UsageError, match=r"run.json.*--fresh"):
        train(interrupted, Heard())


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file can become larger than `limit` bytes: each write over it fails as on a full disk."""
    resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_full_disk_stops_a_training_that_then_goes_on(
    trained: Path, data: TrainingData, tmp_path: Path
) -> None:
    """Weights can be written here, but not the state of the first epoch."""
    options = replace(OPTIONS, out=tmp_path / "model")
    weights = (trained / RUN_FOLDER / "last.weights.npz").stat().st_size
    for limit in (weights - 1, weights):
        with small_disk(limit), pytest.raises(OutputError, match=r"too large.*--out"):
            train_on(data, options, TINY, Heard())
        assert not (options.out / CARD_FILE).exists()
        assert not list(options.out.rglob("part-*"))
    train_on(data, options, TINY, Heard())
    assert (options.out / ONNX_FILE).read_bytes() == (trained / ONNX_FILE).read_bytes()


def test_a_full_disk_leaves_the_model_that_was_there(
    trained: Path, data: TrainingData, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    shutil.copytree(trained, out)
    before = bytes_of(out)
    network = load_network(trained, read_card(trained))
    figures = EpochFigures(1, 1.0, 0.5, 1.0, 0.5, 1.0)
    names = {KERAS_FILE, ONNX_FILE, QUICK_FILE, HAND_FILE, "confusion.png", "mistakes.png"}
    limits = sorted(len(before[name]) - 1 for name in names)
    for limit in (0, *limits):
        with small_disk(limit), pytest.raises((OSError, OutputError), match="too large"):
            write_model(network, TINY, data, [figures], replace(OPTIONS, out=out))
        assert bytes_of(out) == before
        assert [path.name for path in out.iterdir() if path.is_dir()] == [RUN_FOLDER]
    write_model(network, TINY, data, [figures], replace(OPTIONS, out=out))
    assert bytes_of(out)[CARD_FILE] != before[CARD_FILE]


def test_an_error_of_a_full_disk_says_what_to_do() -> None:
    error = unwritable(Path("own"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert re.search(r"^own: .*No space left.*Free some space.*same command", str(error))


def test_a_model_of_another_network_is_no_start(
    trained: Path, data: TrainingData, tmp_path: Path
) -> None:
    options = replace(OPTIONS, out=tmp_path / "model", base=str(trained), arch="mlp")
    with pytest.raises(ModelError, match=r"tiny: its network.*--arch"):
        train_on(data, options, NetworkConfig("mlp", ((8,),)), Heard())


def test_training_goes_on_from_a_model(
    trained: Path, data: TrainingData, heard: Heard, tmp_path: Path
) -> None:
    again = Heard()
    options = replace(OPTIONS, out=tmp_path / "model", base=str(trained), epochs=1)
    train_on(data, options, TINY, again)
    assert again.epochs[0].loss < heard.epochs[0].loss
    recipe = read_card(options.out).recipe
    assert recipe["base"] == str(trained) and recipe["share"] in BLENDS


def test_stopping_tells_how_to_go_on(
    interrupted: TrainOptions, data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped_from_outside(options: TrainOptions, tell: Callable[[str], None]) -> TrainingData:
        signal.raise_signal(signal.SIGTERM)
        return data

    monkeypatch.setattr("formreader.training.train_model.prepare_data", stopped_from_outside)
    handler = signal.getsignal(signal.SIGTERM)
    heard = Heard()
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, heard)
    assert "same command goes on" in heard.messages[-1]
    assert signal.getsignal(signal.SIGTERM) == handler


def test_batches_depend_on_their_place_alone(data: TrainingData) -> None:
    batches = partial(TrainingBatches, data.training, data.scanned, 32, True, seed=1)
    one, other = batches(epoch=1), batches(epoch=1)
    third = one[3][0]
    other[0]
    assert (other[3][0] == third).all()
    assert (batches(epoch=2)[3][0] != third).any()
