"""Fit a network: batches by step, optimiser, learning rate schedule, messages, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from formreader.core.errors import UsageError
from shared.batches import Batch
from shared.network_options import FitOptions, NetworkOptions

Piece: TypeAlias = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""Darkness (height, width) in bytes, and targets."""

_Page = TypeVar("_Page")

CHECKPOINT_FILE = "checkpoint.weights.h5"
"""Weights and optimiser of a training that is under way, in the folder `work`."""

_FIRST_RATE = 1e-5
"""Learning rate of the first step, where it rises at first."""
_LAST_RATE_SHARE = 0.01
"""Learning rate of the last step, as a share of the highest."""
_WIDTH_STEP = 32
"""Columns by which the first batch is widened where it must be unlike the second: networks take
widths that are multiples of this."""
_STEPS_PER_CHECKPOINT = 250
"""Steps between two messages and two checkpoints."""


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How a network is fitted, with AdamW and a cosine schedule.

    The learning rate rises over `warm_up` steps, then falls. `averaging` is the momentum of the
    average of the weights, with which a network ends up (Polyak and Juditsky 1992); 0 for none.
    Gradients are scaled down to `max_gradient`, their norm; None for as they are. `widths_vary`:
    batches are of different widths.
    """

    warm_up: int = 0
    weight_decay: float = 0.0
    averaging: float = 0.0
    max_gradient: float | None = None
    widths_vary: bool = False


class StepBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """The batches of the steps from `first` on: what `make` returns for a random generator.

    The content of a batch depends on the seed and its step alone, never on which thread makes it
    or when.
    """

    def __init__(
        self,
        make: Callable[[np.random.Generator], Batch],
        options: FitOptions,
        first: int = 0,
        widths_vary: bool = False,
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._make, self._options, self._first = make, options, first
        self._widths_vary = widths_vary

    def __len__(self) -> int:
        return self._options.steps - self._first

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.generic]]:
        darkness, targets = self._batch(index)
        if index == 0 and self._widths_vary:
            # Keras takes a width that the first two batches share for that of all.
            more = _WIDTH_STEP * (darkness.shape[2] == self._batch(1)[0].shape[2])
            darkness = np.pad(darkness, ((0, 0), (0, 0), (0, more), (0, 0)))
        return np.asarray(darkness / np.float32(255), np.float32), targets

    def _batch(self, index: int) -> Batch:
        return self._make(np.random.default_rng((self._options.seed, self._first + index)))


class _Checkpoints(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
    """Tells the mean loss of the steps since the last message, and keeps a checkpoint."""

    def __init__(self, first: int, options: FitOptions, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._first, self._options, self._tell = first, options, tell
        self._done, self._sum = 0, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        done, steps = batch + 1, self._options.steps
        step = self._first + done
        if step % _STEPS_PER_CHECKPOINT and step != steps:
            return
        total = (logs or {})["loss"] * done  # Keras logs the mean of all steps so far
        loss = (total - self._sum) / (done - self._done)
        self._done, self._sum = done, total
        # After the last step the weights are still to be replaced by their average.
        if self._options.work is not None and step != steps:
            part = self._options.work / f"part.{CHECKPOINT_FILE}"
            self.model.save_weights(part)
            part.replace(self._options.work / CHECKPOINT_FILE)
        self._tell(f"step {step} of {steps}: loss {loss:.3f}")


def fit(
    network: keras.Model,
    loss: Any,
    make: Callable[[np.random.Generator], Batch],
    options: FitOptions,
    how: Optimisation,
    tell: Callable[[str], None],
) -> None:
    """Train `network` in place; it ends up with the average of its weights.

    `loss` is what Keras takes as one. `make` returns a batch of `options.batch` examples. With a
    folder `options.work` it goes on from the checkpoint there. `tell` is called with a message as
    training goes on.

    Raises:
        UsageError: the checkpoint is of another network, or of as many steps.
        OSError: a checkpoint cannot be written.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        _FIRST_RATE, max(options.steps - how.warm_up, 1), alpha=_LAST_RATE_SHARE,
        warmup_target=options.learning_rate, warmup_steps=how.warm_up,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=how.weight_decay,
        use_ema=how.averaging > 0, ema_momentum=how.averaging,
        global_clipnorm=how.max_gradient,
    )  # fmt: skip
    # No XLA: on CPUs it takes time to compile and then makes each step slower.
    network.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    optimizer.build(network.trainable_variables)
    first = _restored(network, options, tell)
    network.fit(
        StepBatches(make, options, first, how.widths_vary), epochs=1, shuffle=False, verbose=0,
        callbacks=[_Checkpoints(first, options, tell)],
    )  # fmt: skip


def _restored(network: keras.Model, options: FitOptions, tell: Callable[[str], None]) -> int:
    """Steps that were done before, whose checkpoint the network and its optimiser now have."""
    if options.work is None:
        return 0
    options.work.mkdir(parents=True, exist_ok=True)
    file = options.work / CHECKPOINT_FILE
    if not file.exists():
        return 0
    try:
        network.load_weights(file)
    except Exception as error:  # Keras raises errors of many kinds
        raise UsageError(
            f"{file}: training cannot go on from this ({error}). Delete it or choose another --work"
        ) from error
    first = int(network.optimizer.iterations)
    if first >= options.steps:
        raise UsageError(f"{file}: {first} steps are done. Give more --steps, or delete it")
    tell(f"going on after step {first}")
    return first


def piece_batches(
    pages: Sequence[_Page],
    sample: Callable[[_Page, np.random.Generator], Piece],
    options: NetworkOptions,
) -> Callable[[np.random.Generator], Batch]:
    """What makes batches of random pieces of pages, which `sample` cuts."""

    def make(rng: np.random.Generator) -> Batch:
        chosen = rng.integers(len(pages), size=options.batch)
        pieces, targets = zip(*(sample(pages[i], rng) for i in chosen), strict=True)
        return np.stack(pieces)[..., None], np.stack(targets)

    return make
