"""Train the number network: from options to a model folder."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt

from formreader.core.errors import ModelError
from formreader.core.model_folder import KERAS_FILE
from formreader.recognise.number_reader import LogitsOf
from formreader.training.number_network.number_architecture import build_number_network
from formreader.training.number_network.number_fitting import fit
from formreader.training.number_network.number_measures import measure_numbers
from formreader.training.number_network.number_options import NumberTrainOptions
from formreader.training.number_network.strip_pool import HandSource, compose_strips

FIRST_TEST_STRIP_SEED = 1_000_000_000
"""Seed of the first strips for measuring, far from those of the training strips."""


def train_numbers(options: NumberTrainOptions, tell: Callable[[str], None]) -> keras.Model:
    keras.utils.set_random_seed(options.seed)
    network, averaged = build_number_network(), build_number_network()
    if options.base is not None:
        network.set_weights(keras.saving.load_model(options.base / KERAS_FILE, compile=False).get_weights())
    hands = HandSource(options.writers, options.digits, options.seed)
    others = HandSource(options.writers, options.digits, options.seed, held_back=True)
    tell(f"composing {options.test_strips} strips of held-back hands")
    test = compose_strips(others, FIRST_TEST_STRIP_SEED, options.test_strips, tell)
    tell(f"composing {options.strips} strips to train on")
    strips = compose_strips(hands, options.seed * 1000, options.strips, tell)
    tell(f"training on them for {options.steps} steps")

    def errors_of(model: keras.Model) -> float:
        options.out.mkdir(parents=True, exist_ok=True)
        figures = measure_numbers(test, keras_logits(model))
        tell(str(figures))
        model.save(options.out / "last.keras")
        return figures.wrong_share

    fit(network, averaged, strips, options, errors_of, tell)
    averaged.save(options.out / KERAS_FILE)
    return averaged


def keras_logits(network: keras.Model) -> LogitsOf:
    """Run a Keras network on strips of bytes."""

    def logits_of(strips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        darkness = strips[..., None].astype(np.float32) / 255
        return np.asarray(network(darkness, training=False), np.float32)

    return logits_of
