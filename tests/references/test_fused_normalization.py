"""Fused normalisation does what Keras' own does, and its weights fit the plain network."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import pytest

from shared.fused_normalization import (
    FusedNormalization,
    with_fused_normalization,
)


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, use_bias=False)(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(image, keras.layers.ReLU()(x))


@pytest.fixture
def images() -> npt.NDArray[np.float32]:
    return np.random.default_rng(2).normal(1, 2, (16, 8, 8, 1)).astype(np.float32)


def test_the_network_to_train_starts_from_the_same_weights(
    network: keras.Model, images: npt.NDArray[np.float32]
) -> None:
    fused = with_fused_normalization(network)
    assert isinstance(fused.get_layer("norm"), FusedNormalization)
    np.testing.assert_allclose(fused(images), network(images), atol=1e-5)


def test_a_step_of_training_sees_and_learns_the_same(
    network: keras.Model, images: npt.NDArray[np.float32]
) -> None:
    fused = with_fused_normalization(network)
    for _ in range(3):
        seen, wanted = fused(images, training=True), network(images, training=True)
    np.testing.assert_allclose(seen, wanted, atol=1e-4)
    for learnt, known in zip(fused.get_weights(), network.get_weights(), strict=True):
        # TensorFlow divides the variance by n - 1, Keras by n: n is 576.
        np.testing.assert_allclose(learnt, known, rtol=2e-3)


def test_what_was_trained_goes_back_into_the_plain_network(
    network: keras.Model, images: npt.NDArray[np.float32]
) -> None:
    fused = with_fused_normalization(network)
    fused.compile("adam", "mse")
    fused.fit(images, np.zeros((16, 6, 6, 4), np.float32), verbose=0)
    assert not np.allclose(fused(images), network(images), atol=1e-4)
    network.set_weights(fused.get_weights())
    np.testing.assert_allclose(fused(images), network(images), atol=1e-5)
