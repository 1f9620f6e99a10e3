"""The fit: loss, optimiser, averaging, early stopping, and going on after an interruption."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.recognise.architectures import NetworkConfig, build_network
from formreader.training.data.examples import Examples
from formreader.training.fit.calibration import fit_temperature
from formreader.training.fit.fitting import EpochFigures, fit
from formreader.training.fit.optimiser import (
    STEPS_PER_UPDATE,
    WeightAverage,
    compile_network,
    fast_precision,
    smoothed_crossentropy,
    swapped,
    trainable_weights,
)
from formreader.training.fit.run_folder import (
    BEST_FILE,
    LAST_FILE,
    STATE_FILE,
    is_unfinished,
    load_weights,
)

pytestmark = pytest.mark.slow

TINY = NetworkConfig("mlp", ((8,),), dropout=0.2)
OPTIONS = TrainOptions(epochs=3, batch=16, learning_rate=0.01, seed=7, augment=False)


class Listener:
    """A progress display that remembers the epochs, and may interrupt as Ctrl-C does."""

    def __init__(self, interrupt_in: int | None = None) -> None:
        self.epochs: list[EpochFigures] = []
        self._interrupt_in = interrupt_in

    def started(self, epochs: int, steps: int) -> None:
        pass

    def step(self, epoch: int, step: int, loss: float) -> None:
        if (epoch, step) == (self._interrupt_in, 2):
            raise KeyboardInterrupt

    def epoch(self, figures: EpochFigures) -> None:
        self.epochs.append(figures)

    def message(self, text: str) -> None:
        pass


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Crops of noise whose label is where the bright row is."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 11, 80, dtype=np.uint8)
    crops = rng.integers(0, 60, (80, 28, 28), dtype=np.uint8)
    crops[np.arange(80), 2 * labels] = 255
    return Examples(crops, labels)


@pytest.fixture
def network() -> keras.Model:
    return build_network(TINY, seed=7)


def fitted(
    examples: Examples,
    run: Path,
    options: TrainOptions = OPTIONS,
    listener: Listener | None = None,
    resume: bool = False,
) -> tuple[keras.Model, list[EpochFigures]]:
    network = build_network(TINY, seed=7)
    nothing = examples[np.arange(0)]
    history = fit(
        network, examples, nothing, examples, options, run, listener or Listener(), resume=resume
    )
    return network, history


def without_time(history: list[EpochFigures]) -> list[EpochFigures]:
    return [replace(figures, seconds=0.0) for figures in history]


def test_smoothing_spreads_a_share_of_each_label() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
    labels = np.array([0, 1])
    log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = np.array([[0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], [0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3]])
    loss = smoothed_crossentropy(0.1)(labels, keras.ops.convert_to_tensor(logits))
    np.testing.assert_allclose(loss, -(target * log_shares).sum(axis=1), rtol=1e-6)


def test_without_smoothing_it_is_the_usual_loss() -> None:
    logits = keras.ops.convert_to_tensor(np.random.default_rng(1).normal(size=(6, 11)))
    labels = np.arange(6)[:, None]  # as Keras hands them on
    usual = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    loss = smoothed_crossentropy(0.0)(labels, logits)
    np.testing.assert_allclose(loss, np.reshape(usual, -1), rtol=1e-6)


def test_only_kernels_decay(network: keras.Model) -> None:
    compile_network(network, OPTIONS, steps=4)
    before = trainable_weights(network)
    network.optimizer.apply([keras.ops.zeros_like(v) for v in network.trainable_variables])
    for old, new in zip(before, trainable_weights(network), strict=True):
        if old.ndim == 1:
            np.testing.assert_array_equal(new, old)
        else:
            assert np.abs(new).sum() < np.abs(old).sum()


def test_the_learning_rate_warms_up_and_falls_to_zero(network: keras.Model) -> None:
    compile_network(network, OPTIONS, steps=4)
    schedule = network.optimizer.get_config()["learning_rate"]
    rate: Callable[[int], float] = lambda step: float(  # noqa: E731
        keras.optimizers.schedules.deserialize(schedule)(step)
    )
    assert rate(0) == pytest.approx(OPTIONS.learning_rate / 25)
    assert rate(2) == pytest.approx(OPTIONS.learning_rate)
    assert rate(7) == pytest.approx(OPTIONS.learning_rate / 2)
    assert rate(12) == pytest.approx(0, abs=1e-9)


def test_half_precision_is_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for gpu, policy in ((False, "float32"), (True, "mixed_float16")):
        monkeypatch.setattr("formreader.training.fit.optimiser.has_gpu", lambda gpu=gpu: gpu)
        with fast_precision():
            network = build_network(TINY)
        assert network.dtype_policy.name == policy
        assert network.output.dtype == "float32"
        assert keras.config.dtype_policy().name == "float32"


def steps(average: WeightAverage, n: int) -> None:
    for _ in range(n):
        average.step_done()


def test_the_average_follows_the_weights(network: keras.Model) -> None:
    for variable in network.trainable_variables:
        variable.assign(keras.ops.zeros_like(variable))
    average = WeightAverage(network, momentum=0.999)
    for variable in network.trainable_variables:
        variable.assign(keras.ops.ones_like(variable))
    steps(average, STEPS_PER_UPDATE - 1)
    assert all((weight == 0).all() for weight in average.weights)
    steps(average, 1)
    kept = ((1 + STEPS_PER_UPDATE) / (10 + STEPS_PER_UPDATE)) ** STEPS_PER_UPDATE
    for weight in average.weights:
        np.testing.assert_allclose(weight, 1 - kept, rtol=1e-6)


def test_an_epoch_shorter_than_an_update_counts(network: keras.Model) -> None:
    average = WeightAverage(network, momentum=0.5)
    start = average.weights[0]
    network.trainable_variables[0].assign(start + 1)
    steps(average, 1)
    average.take_in()
    kept = 2 / 11
    np.testing.assert_allclose(average.weights[0], start + (1 - kept), rtol=1e-5)
    assert average.steps == 1


def test_without_averaging_the_average_is_the_weights(network: keras.Model) -> None:
    average = WeightAverage(network, momentum=0.0)
    network.trainable_variables[0].assign(average.weights[0] + 1)
    steps(average, STEPS_PER_UPDATE)
    np.testing.assert_array_equal(average.weights[0], network.trainable_variables[0])


def test_weights_come_back_after_a_swap(network: keras.Model) -> None:
    own = trainable_weights(network)
    with pytest.raises(RuntimeError), swapped(network, [weight + 1 for weight in own]):
        np.testing.assert_array_equal(trainable_weights(network)[0], own[0] + 1)
        raise RuntimeError
    for before, after in zip(own, trainable_weights(network), strict=True):
        np.testing.assert_array_equal(after, before)


def test_an_interrupted_fit_goes_on_to_the_same_weights(examples: Examples, tmp_path: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    straight.mkdir()
    broken.mkdir()
    network, history = fitted(examples, straight)
    with pytest.raises(KeyboardInterrupt):
        fitted(examples, broken, listener=Listener(interrupt_in=2))
    assert is_unfinished(broken)
    listener = Listener()
    resumed, whole = fitted(examples, broken, listener=listener, resume=True)
    assert [figures.epoch for figures in listener.epochs] == [2, 3]
    assert without_time(whole) == without_time(history)
    for one, other in zip(network.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_count_of_early_stopping_goes_on(examples: Examples, tmp_path: Path) -> None:
    """What is learned makes the loss on wrong labels worse and worse."""
    wrong = Examples(examples.crops, (examples.labels + 1) % 11)
    options = replace(OPTIONS, epochs=9, patience=2, averaging=0.0)
    listener = Listener(interrupt_in=3)

    def run(listener: Listener, resume: bool) -> list[EpochFigures]:
        network, none = build_network(TINY, seed=7), examples[np.arange(0)]
        return fit(network, examples, none, wrong, options, tmp_path, listener, resume=resume)

    with pytest.raises(KeyboardInterrupt):
        run(listener, resume=False)
    first, second = listener.epochs
    assert second.validation_loss > first.validation_loss
    history = run(Listener(), resume=True)
    assert len(history) == 3


def test_the_best_epoch_is_kept(examples: Examples, tmp_path: Path) -> None:
    network, history = fitted(examples, tmp_path)
    best = min(history, key=lambda figures: figures.validation_loss)
    logits = network.predict(examples.crops[..., None], verbose=0)
    logits = logits / fit_temperature(logits, examples.labels)
    loss = keras.losses.sparse_categorical_crossentropy(examples.labels, logits, from_logits=True)
    assert float(np.mean(loss)) == pytest.approx(best.validation_loss, rel=1e-4)
    other = build_network(TINY)
    other.set_weights(load_weights(tmp_path / BEST_FILE))
    for one, two in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with (tmp_path / "history.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        (BEST_FILE, LAST_FILE, STATE_FILE, "history.csv")
    )


def test_a_loss_without_end_is_told(examples: Examples, tmp_path: Path) -> None:
    options = replace(OPTIONS)
    object.__setattr__(options, "learning_rate", 1e30)  # beyond its range: it is sure to diverge
    with pytest.raises(UsageError, match=r"epoch 1.*--learning-rate lower than 1e\+30"):
        fitted(examples, tmp_path, options)


def test_a_damaged_state_is_told(examples: Examples, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"PK no archive")
    with pytest.raises(UsageError, match=f"{re.escape(STATE_FILE)}.*--fresh"):
        fitted(examples, tmp_path, resume=True)
