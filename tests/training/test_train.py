"""Training from examples to a model folder, with a tiny network."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from formreader.digits.card import CARD_FILE, read_card
from formreader.digits.network import NetworkConfig
from formreader.digits.recogniser import load_recogniser
from formreader.digits.runtimes import KerasRecogniser
from formreader.errors import OutputError
from formreader.options import TrainOptions
from formreader.training.batches import TrainingBatches
from formreader.training.export import export_onnx
from formreader.training.fit import EpochFigures
from formreader.training.mixture import TrainingData, draw_digits, mixture
from formreader.training.train import train_on

TINY = NetworkConfig(stages=((4,), (8,), (16,)), dropout=0.1)
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


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(11)
    parts = [mixture(draw_digits(n, rng), rng, other_hands=False) for n in (260, 60)]
    return TrainingData(*parts, draw_digits(40, rng), {"digits": "drawn"})


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
    guesses = recogniser.probabilities(data.test.crops)
    assert figures.n == 40
    assert figures.right_of_ten == (guesses[:, :10].argmax(axis=1) == data.test.labels).sum()
    assert figures.right_of_all == (guesses.argmax(axis=1) == data.test.labels).sum()


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
    assert (epochs, steps) == (2, len(data.training) // 32)
    assert heard.steps == [(e, s) for e in (1, 2) for s in range(1, steps + 1)]
    assert [figures.epoch for figures in heard.epochs] == [1, 2]
    assert heard.messages


def test_history_and_curves_are_written(trained: Path) -> None:
    with (trained / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name in ("loss.png", "accuracy.png"):
        with Image.open(trained / name) as picture:
            assert len(picture.getcolors(1 << 20) or []) > 10


def test_the_card_counts_the_threshold_table(trained: Path, data: TrainingData) -> None:
    table = read_card(trained).calibration
    assert all(row.n == len(data.validation) for row in table)
    accepted = [row.accepted for row in table]
    assert accepted == sorted(accepted, reverse=True)


def test_the_same_seed_gives_the_same_network(
    trained: Path, data: TrainingData, tmp_path: Path
) -> None:
    again = train_on(data, replace(OPTIONS, out=tmp_path / "again"), TINY, Heard())
    first, second = (
        load_recogniser(str(folder), device="cpu").probabilities(data.test.crops)
        for folder in (trained, again)
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_file_in_the_way_is_told_before_any_work(data: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="taken"):
        train_on(data, replace(OPTIONS, out=tmp_path / "taken"), TINY, Heard())


def test_a_failed_run_leaves_no_card(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(network: keras.Model, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("formreader.training.fit.fit", lambda *_: [])
    monkeypatch.setattr("formreader.training.export.export_onnx", full_disk)
    options = replace(OPTIONS, out=tmp_path / "model")
    with pytest.raises(OutputError, match="No space left"):
        train_on(data, options, TINY, Heard())
    assert not (tmp_path / "model" / CARD_FILE).exists()


def test_batches_depend_on_their_place_alone(data: TrainingData) -> None:
    one, other = (TrainingBatches(data.training, 32, True, seed=1) for _ in range(2))
    third = one[3][0]
    other[0]
    assert (other[3][0] == third).all()
    other.on_epoch_end()
    assert (other[3][0] != third).any()


def test_a_layer_without_an_export_is_refused(tmp_path: Path) -> None:
    crops = keras.Input((28, 28, 1), dtype="uint8")
    network = keras.Model(crops, keras.layers.Dense(11)(keras.layers.Flatten()(crops)))
    with pytest.raises(ValueError, match="no export for the layer"):
        export_onnx(network, tmp_path / "model.onnx")
