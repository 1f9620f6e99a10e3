"""Fit a network: epochs, validation, early stopping, checkpoints and resuming from them."""

from __future__ import annotations

import csv
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import numpy.typing as npt

from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.training.data.examples import Examples
from formreader.training.fit.batches import TrainingBatches, made_ahead
from formreader.training.fit.calibration import fit_temperature, negative_log_likelihood
from formreader.training.fit.optimiser import WeightAverage, compile_network, swapped
from formreader.training.fit.run_folder import (
    BEST_FILE,
    HISTORY_FILE,
    LAST_FILE,
    is_unfinished,
    load_state,
    load_weights,
    replace_file,
    save_state,
    save_weights,
)

_CROPS_PER_PREDICTION = 512
"""Crops that the network reads at a time, to limit memory."""


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """Figures of one epoch; `epoch` counts from 1, `seconds` is its wall time.

    `loss` and `accuracy` are means over the epoch, while the weights change; those of the
    validation are for the averaged weights at its end. `validation_loss` is without label
    smoothing and at the best temperature.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class TrainProgress(Protocol):
    """Receives the progress of a training; the command line displays it."""

    def started(self, epochs: int, steps: int) -> None:
        """Training begins, with at most `epochs` epochs of `steps` steps."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """A step is done; steps and epochs count from 1, `loss` is the mean of the epoch so far."""

    def epoch(self, figures: EpochFigures) -> None:
        """An epoch and its validation are done."""

    def message(self, text: str) -> None:
        """A message for the user."""


def fit(
    network: keras.Model,
    training: Examples,
    scanned: Examples,
    validation: Examples,
    options: TrainOptions,
    run: Path,
    progress: TrainProgress,
    *,
    resume: bool = False,
) -> list[EpochFigures]:
    """Train `network` in place; it ends up with the averaged weights of its best epoch.

    With `options.augment` the crops of `training` are augmented in every way, those of `scanned`
    in shape only. The best epoch has the lowest loss on `validation`; the fit ends early after
    `options.patience` epochs without a better one.

    After each epoch the existing folder `run` holds best.weights.npz and last.weights.npz (averaged
    weights), history.csv and the state of the fit. With `resume` the fit continues from such a
    state, where there is one, to the same result; network, data and options must be the same.

    Raises:
        OSError: a file cannot be written.
        UsageError: the learning rate is so high that the loss becomes infinite.
    """
    batches = partial(
        TrainingBatches, training, scanned, options.batch, options.augment, options.seed,
        share=options.epoch_share,
    )  # fmt: skip
    steps = len(batches(epoch=1))
    compile_network(network, options, steps)
    average = WeightAverage(network, options.averaging)
    history = _restore(network, average, run) if resume and is_unfinished(run) else []
    progress.started(options.epochs, steps)
    for epoch in range(len(history) + 1, options.epochs + 1):
        if _epochs_since_best(history) >= options.patience:
            break
        history.append(
            _train_epoch(network, batches(epoch=epoch), validation, average, epoch, progress)
        )
        _check_finite(history[-1], options)
        _save(network, average, history, run)
        progress.epoch(history[-1])
    network.set_weights(load_weights(run / BEST_FILE))
    return history


def best_epoch(history: Sequence[EpochFigures]) -> EpochFigures:
    """The epoch with the lowest validation loss, the earliest of several; needs one epoch."""
    return min(history, key=lambda figures: figures.validation_loss)


def predict_logits(network: keras.Model, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Compute logits (n, 11) float32 for crops (n, 28, 28) uint8."""
    parts = [
        network.predict_on_batch(crops[start : start + _CROPS_PER_PREDICTION, ..., None])
        for start in range(0, len(crops), _CROPS_PER_PREDICTION)
    ]
    return np.concatenate(parts).astype(np.float32)


def _train_epoch(
    network: keras.Model,
    batches: TrainingBatches,
    validation: Examples,
    average: WeightAverage,
    epoch: int,
    progress: TrainProgress,
) -> EpochFigures:
    """Train on all `batches` once, then validate with the averaged weights."""
    began = time.monotonic()
    loss, accuracy = train_steps(
        network, batches, average, lambda step, loss: progress.step(epoch, step, loss)
    )
    with swapped(network, average.weights):
        validation_loss, validation_accuracy = _validate(network, validation)
    return EpochFigures(
        epoch, loss, accuracy, validation_loss, validation_accuracy, time.monotonic() - began
    )


def train_steps(
    network: keras.Model,
    batches: TrainingBatches,
    average: WeightAverage,
    step_done: Callable[[int, float], None],
) -> tuple[float, float]:
    """Train on each of the batches once; returns the mean loss and accuracy.

    This does not call Keras's own fit: when interrupted, it leaves threads running, and
    TensorFlow then aborts the process.
    """
    loss = accuracy = 0.0
    with closing(made_ahead(batches.__getitem__, len(batches))) as ready:
        for step, (crops, labels) in enumerate(ready, start=1):
            figures = network.train_on_batch(crops, labels, return_dict=True)
            average.step_done()
            loss += (float(figures["loss"]) - loss) / step
            accuracy += (float(figures["accuracy"]) - accuracy) / step
            step_done(step, loss)
    average.take_in()
    return loss, accuracy


def _validate(network: keras.Model, examples: Examples) -> tuple[float, float]:
    """Mean negative log-likelihood of the labels at the best temperature, and the accuracy.

    The temperature is fitted first, as for the model card: late in a training networks become
    more accurate but also overconfident, which would hide the gain.
    """
    logits = predict_logits(network, examples.crops)
    if not np.isfinite(logits).all():
        return math.inf, 0.0
    temperature = fit_temperature(logits, examples.labels)
    loss = negative_log_likelihood(logits, examples.labels, temperature)
    return loss, float((logits.argmax(axis=1) == examples.labels).mean())


def _epochs_since_best(history: Sequence[EpochFigures]) -> int:
    return len(history) - best_epoch(history).epoch if history else 0


def _check_finite(figures: EpochFigures, options: TrainOptions) -> None:
    if not math.isfinite(figures.loss + figures.validation_loss):
        raise UsageError(
            f"the loss became infinite in epoch {figures.epoch}. Train with a --learning-rate "
            f"lower than {options.learning_rate:g}"
        )


def _save(
    network: keras.Model, average: WeightAverage, history: list[EpochFigures], run: Path
) -> None:
    """Write the checkpoints; the state comes last, so that its best epoch is always saved."""
    with swapped(network, average.weights):
        save_weights(run / LAST_FILE, network.get_weights())
    if _epochs_since_best(history) == 0:
        replace_file(run / BEST_FILE, lambda part: shutil.copyfile(run / LAST_FILE, part))
    replace_file(run / HISTORY_FILE, lambda part: write_history(history, part))
    record = {"steps": average.steps, "history": [asdict(figures) for figures in history]}
    arrays = {
        name: keras.ops.convert_to_numpy(variable) for name, variable in _variables(network).items()
    }
    averages = dict(zip(_average_names(average), average.weights, strict=True))
    save_state(run, arrays | averages, record)


def _restore(network: keras.Model, average: WeightAverage, run: Path) -> list[EpochFigures]:
    """Restore network and average from the state in `run`; returns the figures of its epochs."""
    arrays, record = load_state(run)
    for name, variable in _variables(network).items():
        variable.assign(arrays[name])
    average.weights = [arrays[name] for name in _average_names(average)]
    average.steps = record["steps"]
    return [EpochFigures(**figures) for figures in record["history"]]


def _average_names(average: WeightAverage) -> list[str]:
    return [f"average_{i}" for i in range(len(average.weights))]


def _variables(network: keras.Model) -> dict[str, keras.Variable]:
    """All that changes while a network is fitted: weights, seeds of dropout, optimiser."""
    named = {f"network_{i}": v for i, v in enumerate(network.variables)}
    return named | {f"optimizer_{i}": v for i, v in enumerate(network.optimizer.variables)}


def write_history(history: Sequence[EpochFigures], path: Path) -> None:
    """Write the figures of each epoch as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [f.name for f in fields(EpochFigures)])
        table.writeheader()
        table.writerows(asdict(figures) for figures in history)
