"""Fit the box network: batches of pieces, optimiser, learning rate schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from box_network.box_loss import page_loss
from box_network.box_options import BoxTrainOptions
from box_network.box_targets import Targets
from box_network.page_pieces import TrainingPage, sample_piece

_WARM_UP_STEPS = 200
"""Steps over which the learning rate rises: the first gradients come from random maps."""
_FIRST_RATE = 1e-5
"""Learning rate of the first step."""
_LAST_RATE_SHARE = 0.01
"""Learning rate of the last step, as a share of the highest."""
_BOX_WEIGHT_DECAY = 1e-4
"""AdamW's weight decay."""
_WEIGHT_MOMENTUM = 0.995
"""Momentum of the average of the weights, over some 200 steps (Polyak and Juditsky 1992). For this
and the schedule there is no record of a measurement."""
_STEPS_PER_REPORT = 250
"""Steps between two messages."""


class PieceBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of pieces, darkness (n, PIECE_SIDE, PIECE_SIDE, 1) in 0..1 and targets, one a step.

    The content of a batch depends on the seed and its step alone, never on which thread makes it
    or when.
    """

    def __init__(self, pages: Sequence[TrainingPage], options: BoxTrainOptions) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=6)
        self._pages, self._options = pages, options

    def __len__(self) -> int:
        return self._options.steps

    def __getitem__(self, step: int) -> tuple[npt.NDArray[np.float32], Targets]:
        rng = np.random.default_rng((self._options.seed, step))
        chosen = rng.integers(len(self._pages), size=self._options.batch)
        pieces, targets = zip(*(sample_piece(self._pages[i], rng) for i in chosen), strict=True)
        darkness = np.stack(pieces)[..., None].astype(np.float32) / 255
        return np.asarray(darkness, np.float32), np.stack(targets)


class _LossReport(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Reports the mean loss of the steps since the last report."""

    def __init__(self, steps: int, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._steps, self._tell = steps, tell
        self._done, self._sum = 0, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = batch + 1
        if step % _STEPS_PER_REPORT and step != self._steps:
            return
        total = (logs or {})["loss"] * step  # Keras logs the mean of all steps so far
        loss = (total - self._sum) / (step - self._done)
        self._tell(f"step {step} of {self._steps}: loss {loss:.3f}")
        self._done, self._sum = step, total


def fit(
    network: keras.Model,
    pages: Sequence[TrainingPage],
    options: BoxTrainOptions,
    tell: Callable[[str], None],
) -> None:
    """Train `network` in place on pieces of `pages`; it ends up with the average of its weights.

    `tell` is called with a message as training goes on.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        _FIRST_RATE, max(options.steps - _WARM_UP_STEPS, 1), alpha=_LAST_RATE_SHARE,
        warmup_target=options.learning_rate, warmup_steps=_WARM_UP_STEPS,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=_BOX_WEIGHT_DECAY, use_ema=True, ema_momentum=_WEIGHT_MOMENTUM
    )
    # No XLA: on CPUs it takes time to compile and then makes each step slower.
    network.compile(optimizer=optimizer, loss=page_loss, jit_compile=False)
    report = _LossReport(options.steps, tell)
    batches = PieceBatches(pages, options)
    network.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[report])
