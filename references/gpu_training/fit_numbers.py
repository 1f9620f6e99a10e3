"""Compose strips of numbers, and train their network on them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator

import numpy as np

from formreader.crop.number_strips import MAX_STRIP_WIDTH, STRIP_HEIGHT
from gpu_training.made_batches import MadeBatches, seeded
from number_network.number_options import NumberTrainOptions
from number_network.strip_batches import strip_batches
from number_network.strip_pool import (
    MAX_TARGET_LENGTH,
    HandSource,
    compose_strips,
    strips_of_places,
)
from shared.batches import Batch

_WIDTH_STEP = 64
"""Batches are padded to multiples of this: each width is compiled once, in about 5 s."""
_SEEDS_PER_RUN = 10**6


def fit_numbers(given: Namespace, tell: Callable[[str], None]) -> None:
    """Train as `number_network` does, with the options of the command line."""
    source = HandSource(given.writers, tuple(given.digits), NumberTrainOptions().split_seed)
    strips = compose_strips(source, given.seed * _SEEDS_PER_RUN, given.strips, tell)
    if given.places:
        strips += strips_of_places(given.places)
    tell(f"{len(strips)} strips")
    make = seeded(strip_batches(strips, given.batch, _WIDTH_STEP), given.seed)
    with MadeBatches(make, given.processes) as made:
        # Imported once the processes are there: they must not have a GPU.
        import keras

        from gpu_training.jax_fitting import fit_in_time
        from number_network.number_fitting import HOW, number_loss

        keras.utils.set_random_seed(given.seed)
        network = keras.saving.load_model(given.base / "model.keras", compile=False)
        fit_in_time(network, number_loss, made, HOW, given, tell, _of_each_width(given.batch))


def _of_each_width(batch: int) -> Iterator[Batch]:
    targets = np.zeros((batch, MAX_TARGET_LENGTH), np.int32)
    targets[:, 0] = 1
    for width in range(_WIDTH_STEP, MAX_STRIP_WIDTH + _WIDTH_STEP + 1, _WIDTH_STEP):
        yield np.zeros((batch, STRIP_HEIGHT, width, 1), np.uint8), targets
