"""Fit the number network: batches of strips of like widths, optimiser, learning rate schedule."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import numpy.typing as npt

from formreader.crop.number_strips import MAX_STRIP_WIDTH, STRIP_HEIGHT, Strip
from formreader.recognise.number_reader import padded, padded_width
from formreader.training.number_network.number_loss import as_targets, number_loss
from formreader.training.number_network.number_options import NumberTrainOptions
from formreader.training.number_network.strip_pool import LabelledStrip

CHECKPOINT_FILE = "checkpoint.keras"
"""The best network so far, in the model folder while it is trained."""

_WARM_UP_SHARE = 0.03
"""Share of the steps over which the learning rate rises."""
_LAST_RATE_SHARE = 0.01
"""Learning rate of the last step, as a share of the highest."""
_NUMBER_WEIGHT_DECAY = 1e-4
"""AdamW's weight decay."""
_MAX_GRADIENT_NORM = 5.0
"""Larger gradients are scaled down to this norm: CTC's first ones are large."""
_NUMBER_WEIGHT_MOMENTUM = 0.998
"""Momentum of the average of the weights (Polyak and Juditsky 1992). For this and the schedule
there is no record of a measurement."""
_SORTED_BATCHES = 16
"""Batches that are drawn together and sorted by width, so that little of a batch is padding."""
_STEPS_PER_REPORT = 250
"""Steps between two messages."""
_STEPS_PER_CHECKPOINT = 1000
"""Steps between two measurements on strips of held-back hands."""


class StripBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of strips, darkness (n, STRIP_HEIGHT, w, 1) in 0..1 and targets, one a step.

    The content of a batch depends on the seed and its step alone.
    """

    def __init__(self, strips: Sequence[LabelledStrip], options: NumberTrainOptions) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._strips, self._options = strips, options
        self._widths = np.array([one.strip.shape[1] for one in strips])

    def __len__(self) -> int:
        return self._options.steps

    def __getitem__(self, step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        options = self._options
        drawing, place = divmod(step, _SORTED_BATCHES)
        rng = np.random.default_rng((options.seed, drawing))
        drawn = rng.integers(len(self._strips), size=_SORTED_BATCHES * options.batch)
        by_width = drawn[np.argsort(self._widths[drawn], kind="stable")]
        part = by_width.reshape(_SORTED_BATCHES, -1)[rng.permutation(_SORTED_BATCHES)[place]]
        own = np.random.default_rng((options.seed, drawing, place))
        changed = [varied(self._strips[i].strip, own) for i in part]
        width = max(padded_width(strip.shape[1]) for strip in changed)
        if step == 0:
            # Keras takes a width that the first two batches share for that of all: none share this.
            width = padded_width(padded_width(MAX_STRIP_WIDTH))
        darkness = padded(changed, width)[..., None].astype(np.float32) / 255
        targets = as_targets([self._strips[i].target for i in part])
        return np.asarray(darkness, np.float32), targets


def varied(strip: Strip, rng: np.random.Generator) -> Strip:
    """The strip moved, stretched, with another contrast or more noise: each time another one."""
    width = strip.shape[1]
    stretch, tall = np.exp(rng.normal(0, (0.06, 0.03))).tolist()
    wide = int(np.clip(np.ceil(width * stretch), 4, MAX_STRIP_WIDTH))
    if wide < width:  # not below the places that the target needs
        wide, stretch = width, 1.0
    down = (1 - tall) * STRIP_HEIGHT / 2 + float(rng.normal(0, 0.7))
    place = np.array([[stretch, 0, 0], [0, tall, down]])
    moved = cv2.warpAffine(
        strip, place, (wide, STRIP_HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if rng.random() < 0.5:
        ramp = np.linspace(0, 1, 256) ** float(np.exp(rng.normal(0, 0.25)))
        table = np.clip(255 * ramp * float(rng.uniform(0.7, 1.15)), 0, 255).astype(np.uint8)
        moved = cv2.LUT(moved, table)
    if rng.random() < 0.25:
        noise = rng.standard_normal(moved.shape, dtype=np.float32) * np.float32(rng.uniform(2, 16))
        moved = np.clip(moved + noise, 0, 255).astype(np.uint8)
    return np.asarray(moved, np.uint8)


class _Report(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Reports the mean loss of the last steps; keeps the weights that do best on other strips."""

    def __init__(
        self,
        steps: int,
        tell: Callable[[str], None],
        errors_of: Callable[[keras.Model], float],
        averaged: keras.Model,
        checkpoint: Path,
    ) -> None:
        super().__init__()
        self._steps, self._tell, self._errors_of = steps, tell, errors_of
        self._averaged, self._checkpoint = averaged, checkpoint
        self._done, self._sum, self._began = 0, 0.0, time.monotonic()
        self.least_errors, self.weights = np.inf, averaged.get_weights()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = batch + 1
        if step % _STEPS_PER_REPORT == 0 or step == self._steps:
            total = (logs or {})["loss"] * step  # Keras logs the mean of all steps so far
            loss = (total - self._sum) / (step - self._done)
            seconds = time.monotonic() - self._began
            self._tell(f"step {step} of {self._steps}, {seconds:.0f} s: loss {loss:.3f}")
            self._done, self._sum = step, total
        if step % _STEPS_PER_CHECKPOINT == 0 or step == self._steps:
            self._check()

    def _check(self) -> None:
        """Measure the averaged weights, and keep them if they are the best so far."""
        self._averaged.set_weights(self.model.get_weights())
        average = self.model.optimizer._model_variables_moving_average  # noqa: SLF001
        for weight, mean in zip(self._averaged.trainable_variables, average, strict=True):
            weight.assign(mean)
        errors = self._errors_of(self._averaged)
        self._tell(f"strips of held-back hands read wrong: {errors:.2%}")
        if errors <= self.least_errors:
            self.least_errors, self.weights = errors, self._averaged.get_weights()
            self._averaged.save(self._checkpoint)


def fit(
    network: keras.Model,
    averaged: keras.Model,
    strips: Sequence[LabelledStrip],
    options: NumberTrainOptions,
    errors_of: Callable[[keras.Model], float],
    tell: Callable[[str], None],
) -> None:
    """Train `network` on `strips`; `averaged`, of the same shape, ends up with the best weights.

    These are averages over steps, and the best are those for which `errors_of` is least; they are
    kept in `CHECKPOINT_FILE` too, should the training be cut off.
    `tell` is called with a message as training goes on.
    """
    warm_up = max(round(_WARM_UP_SHARE * options.steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        options.learning_rate * _LAST_RATE_SHARE, max(options.steps - warm_up, 1),
        alpha=_LAST_RATE_SHARE, warmup_target=options.learning_rate, warmup_steps=warm_up,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=_NUMBER_WEIGHT_DECAY, use_ema=True,
        ema_momentum=_NUMBER_WEIGHT_MOMENTUM,
        global_clipnorm=_MAX_GRADIENT_NORM,
    )  # fmt: skip
    # No XLA: on CPUs it takes time to compile and then makes each step slower.
    network.compile(optimizer=optimizer, loss=number_loss, jit_compile=False)
    report = _Report(options.steps, tell, errors_of, averaged, options.out / CHECKPOINT_FILE)
    batches = StripBatches(strips, options)
    network.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[report])
    averaged.set_weights(report.weights)
