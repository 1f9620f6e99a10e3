"""Loss, optimiser, learning rate and precision of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from formreader.core.options import TrainOptions

_DIGIT_WEIGHT_DECAY = 0.02
"""AdamW's weight decay."""
_WARM_UP_EPOCHS = 0.5
"""Epochs over which the learning rate rises."""
_FIRST_RATE_SHARE = 1 / 25
"""Learning rate of the first step, as a share of the highest. For these three there is no record
of a measurement."""


def has_gpu() -> bool:
    """Whether Keras computes on a GPU."""
    return bool(keras.distribution.list_devices("gpu"))


@contextmanager
def fast_precision() -> Iterator[None]:
    """Let networks built inside the `with` block compute in half precision where there is a GPU.

    Their weights and logits stay in single precision. On most CPUs half precision is slower.
    """
    before = keras.config.dtype_policy()
    if has_gpu():
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compile_network(network: keras.Model, options: TrainOptions, steps: int) -> None:
    """Give the network its loss and its optimiser, and build the optimiser's state."""
    network.compile(
        optimizer=_optimizer(network, options, steps),
        loss=smoothed_crossentropy(options.smoothing),
        metrics=["accuracy"],
        jit_compile="auto" if has_gpu() else False,  # on CPUs XLA's convolutions are slower
    )
    network.optimizer.build(network.trainable_variables)


def _optimizer(
    network: keras.Model, options: TrainOptions, steps: int
) -> keras.optimizers.Optimizer:
    """AdamW with a learning rate that warms up, then falls to zero along a cosine.

    Biases and the scales of batch normalisation do not decay: they hardly overfit, and smaller
    scales would only raise the effective learning rate.
    """
    warm_up = max(1, round(_WARM_UP_EPOCHS * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=options.learning_rate * _FIRST_RATE_SHARE,
        decay_steps=max(1, options.epochs * steps - warm_up),
        alpha=0.0,
        warmup_target=options.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=_DIGIT_WEIGHT_DECAY)
    vectors = [weight for weight in network.trainable_variables if len(weight.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=vectors)
    return optimizer


def smoothed_crossentropy(smoothing: float) -> Callable[[Any, Any], Any]:
    """Loss of labels (n,) and logits (n, k): cross-entropy with label smoothing.

    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2016). The share
    `smoothing` of each label is spread over all classes. Keras smooths one-hot labels only.
    """
    from keras import ops

    def crossentropy(labels: Any, logits: Any) -> Any:
        one_hot = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), logits.shape[-1])
        return keras.losses.categorical_crossentropy(
            one_hot, logits, from_logits=True, label_smoothing=smoothing
        )

    return crossentropy
