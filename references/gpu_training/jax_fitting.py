"""Fit a network with JAX: batches in bytes, AdamW, a cosine schedule that ends in time."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gpu_training.made_batches import MadeBatches
from shared.batches import Batch
from shared.fitting import Optimisation

_FIRST_RATE, _LAST_RATE_SHARE = 1e-5, 0.01
"""Learning rate of the first step, and that of the last as a share of the highest."""
_STEPS_TO_TIME, _STEPS_PER_MESSAGE = 400, 500
_PLANNED_SHARE = 0.7
"""Share of the time left that the planned steps take at the speed of the first ones: later ones
were slower by a quarter, as the processes that make batches fell behind."""


def fit_in_time(
    network: keras.Model,
    loss: Callable[[Any, Any], Any],
    made: MadeBatches,
    how: Optimisation,
    given: Namespace,
    tell: Callable[[str], None],
    shapes: Iterable[Batch] = (),
    brightest: float = 255,
) -> None:
    """Train `network` until about `given.deadline`, of `time.time()`, and write `given.out`.

    The number of steps is planned from the time that the first ones take; `shapes` are batches of
    all shapes, to compile before. The weights written are their average over the last steps.
    `brightest` is what darkness in bytes is divided by.
    """
    optimizer = keras.optimizers.AdamW(
        1.0, weight_decay=how.weight_decay, global_clipnorm=how.max_gradient
    )
    vectors = [v for v in network.trainable_variables if len(v.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=vectors)
    optimizer.build(network.trainable_variables)

    @partial(jax.jit, donate_argnums=(0,))
    def step(state: Any, darkness: Any, target: Any, rate: Any) -> Any:
        trainable, other, own, average, total = state
        own = [own[0], rate, *own[2:]]  # iterations, learning rate, moments
        bright = darkness.astype(jnp.float32) / brightest

        def lost(trainable: Any) -> Any:
            found, changed = network.stateless_call(trainable, other, bright, training=True)
            return jnp.mean(loss(target, found)), changed

        (value, other), gradients = jax.value_and_grad(lost, has_aux=True)(trainable)
        trainable, own = optimizer.stateless_apply(own, gradients, trainable)
        n = own[0].astype(jnp.float32)
        keep = jnp.minimum(how.averaging, (1 + n) / (10 + n))
        average = [keep * a + (1 - keep) * w for a, w in zip(average, trainable, strict=True)]
        return trainable, other, own, average, total + value

    def begun() -> Any:
        trainable, other, own = (
            [jnp.array(v.value, copy=True) for v in variables]
            for variables in (
                network.trainable_variables, network.non_trainable_variables, optimizer.variables,
            )
        )  # fmt: skip
        return trainable, other, own, [jnp.array(v, copy=True) for v in trainable], jnp.zeros(())

    def run(batches: Iterable[Batch], steps: int) -> Any:
        state, told, began = begun(), 0.0, time.time()
        for done, (darkness, target) in enumerate(batches, start=1):
            rate = _rate(done, steps, how.warm_up, given.rate)
            state = step(state, darkness, target, rate)
            if done % _STEPS_PER_MESSAGE == 0:
                total, speed = float(state[-1]), done / (time.time() - began)
                mean = (total - told) / _STEPS_PER_MESSAGE
                tell(f"step {done} of {steps}: loss {mean:.4f}, {speed:.0f} steps/s")
                told = total
                if time.time() > given.deadline:
                    tell("out of time")
                    break
        return jax.block_until_ready(state)

    run(shapes, 1)
    run(made.batches(0, 1), 1)  # compiles, where no shapes were given
    began = time.time()
    run(made.batches(1, _STEPS_TO_TIME), _STEPS_TO_TIME)
    speed = _STEPS_TO_TIME / (time.time() - began)
    steps = max(int(_PLANNED_SHARE * speed * (given.deadline - time.time())), _STEPS_TO_TIME)
    tell(f"{speed:.0f} steps/s: {steps} steps planned")
    _, other, _, average, _ = run(made.batches(_STEPS_TO_TIME, _STEPS_TO_TIME + steps), steps)
    for variables, values in (
        (network.trainable_variables, average),
        (network.non_trainable_variables, other),
    ):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(given.out, *network.get_weights())


def _rate(done: int, steps: int, warm_up: int, highest: float) -> np.float32:
    """The learning rate of a step: it rises over the warm-up, then falls along a cosine."""
    if done < warm_up:
        return np.float32(_FIRST_RATE + done / warm_up * (highest - _FIRST_RATE))
    share = (done - warm_up) / max(steps - warm_up, 1)
    fallen = (1 + np.cos(np.pi * share)) / 2
    return np.float32(highest * (_LAST_RATE_SHARE + (1 - _LAST_RATE_SHARE) * fallen))
