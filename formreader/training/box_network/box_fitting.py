"""The fit of the box network: batches of pieces, optimiser, schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from formreader.training.box_network.box_loss import box_loss
from formreader.training.box_network.box_options import BoxTrainOptions
from formreader.training.box_network.box_targets import Targets
from formreader.training.box_network.page_pieces import TrainingPage, sample_piece

_WARM_UP = 200  # steps over which the rate rises: the first gradients are of random maps
_FIRST_RATE = 1e-5
_LAST_RATE = 0.01  # share of the highest rate
_WEIGHT_DECAY = 1e-4
_AVERAGING = 0.995  # the weights kept are a mean over some 200 steps (Polyak, Juditsky 1992)
_TOLD_EACH = 250


class PieceBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of pieces, darkness (n, PIECE, PIECE, 1) in 0..1 and targets, one a step.

    What a batch holds depends on the seed and its step alone, never on which thread
    makes it or when.
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


class _Told(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Tells the mean loss of the steps since it last did."""

    def __init__(self, steps: int, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._steps, self._tell = steps, tell
        self._done, self._sum = 0, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        step = batch + 1
        if step % _TOLD_EACH and step != self._steps:
            return
        total = (logs or {})["loss"] * step  # Keras gives the mean of all steps so far
        loss = (total - self._sum) / (step - self._done)
        self._tell(f"step {step} of {self._steps}: loss {loss:.3f}")
        self._done, self._sum = step, total


def fit(
    network: keras.Model,
    pages: Sequence[TrainingPage],
    options: BoxTrainOptions,
    tell: Callable[[str], None],
) -> None:
    """Train `network` in place on pieces of `pages`; it is left with the mean of its last weights.

    `tell` hears how it goes.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        _FIRST_RATE, max(options.steps - _WARM_UP, 1), alpha=_LAST_RATE,
        warmup_target=options.learning_rate, warmup_steps=_WARM_UP,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=_WEIGHT_DECAY, use_ema=True, ema_momentum=_AVERAGING
    )
    # Without XLA: on CPUs it takes longer to compile, and then longer for each step.
    network.compile(optimizer=optimizer, loss=box_loss, jit_compile=False)
    told = _Told(options.steps, tell)
    network.fit(PieceBatches(pages, options), epochs=1, shuffle=False, verbose=0, callbacks=[told])
