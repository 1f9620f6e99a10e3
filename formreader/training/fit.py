"""The fit itself: optimiser, schedule, early stopping, checkpoints, progress."""

from __future__ import annotations

import csv
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import keras

from formreader.options import TrainOptions
from formreader.training.batches import TrainingBatches
from formreader.training.data import Examples

WEIGHT_DECAY = 0.02
_WARM_UP_EPOCHS = 0.5


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """What one epoch came to; `epoch` counts from 1, `seconds` is its wall time."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class TrainProgress(Protocol):
    """Hears how training goes; the command line draws it."""

    def started(self, epochs: int, steps: int) -> None:
        """Training begins: at most `epochs` epochs of `steps` steps."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """A step of an epoch is done, both counted from 1; `loss` is the epoch's so far."""

    def epoch(self, figures: EpochFigures) -> None:
        """An epoch and its validation are done."""

    def message(self, text: str) -> None:
        """Something else happened that the user should know."""


def fit(
    network: keras.Model,
    training: Examples,
    validation: Examples,
    options: TrainOptions,
    run: Path,
    progress: TrainProgress,
) -> list[EpochFigures]:
    """Train `network` in place and leave it with the weights of its best epoch.

    The best epoch has the lowest loss on `validation`; after `options.patience`
    epochs without a better one the fit ends. `run` is an existing folder; after each
    epoch it holds last.weights.h5, best.weights.h5 and history.csv.
    """
    batches = TrainingBatches(training, options.batch, options.augment, options.seed)
    network.compile(
        optimizer=_optimizer(options, steps=len(batches)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    watcher = _Watcher(progress, options.epochs, len(batches), run / "history.csv")
    best = run / "best.weights.h5"
    network.fit(
        batches,
        validation_data=(validation.crops[..., None], validation.labels),
        validation_batch_size=512,
        epochs=options.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_loss", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.ModelCheckpoint(run / "last.weights.h5", save_weights_only=True),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=options.patience),
            watcher,
        ],
    )
    network.load_weights(best)
    return watcher.history


def _optimizer(options: TrainOptions, steps: int) -> keras.optimizers.Optimizer:
    """AdamW; the learning rate warms up, then falls to zero along a cosine."""
    warm_up = max(1, round(_WARM_UP_EPOCHS * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=options.learning_rate / 25,
        decay_steps=max(1, options.epochs * steps - warm_up),
        alpha=0.0,
        warmup_target=options.learning_rate,
        warmup_steps=warm_up,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY)


class _Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the figures of each epoch, on disk too, and tells the progress display."""

    def __init__(self, progress: TrainProgress, epochs: int, steps: int, table: Path) -> None:
        super().__init__()
        self.history: list[EpochFigures] = []
        self._progress = progress
        self._table = table
        self._began = time.monotonic()
        progress.started(epochs, steps)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._progress.step(len(self.history) + 1, batch + 1, float((logs or {})["loss"]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        figures = EpochFigures(
            epoch=epoch + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            validation_loss=float(logs["val_loss"]),
            validation_accuracy=float(logs["val_accuracy"]),
            seconds=time.monotonic() - self._began,
        )
        self.history.append(figures)
        write_history(self.history, self._table)
        self._progress.epoch(figures)


def write_history(history: list[EpochFigures], path: Path) -> None:
    """The figures of each epoch as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [f.name for f in fields(EpochFigures)])
        table.writeheader()
        table.writerows(asdict(figures) for figures in history)
