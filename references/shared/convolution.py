"""The building block of all networks but that of digits."""

from __future__ import annotations

import keras
from keras import layers


def convolution(
    x: keras.KerasTensor,
    width: int,
    name: str,
    size: int | tuple[int, int] = 3,
    stride: int | tuple[int, int] = 1,
) -> keras.KerasTensor:
    """A convolution to `width` channels without a bias, batch normalisation, and a ReLU."""
    x = layers.Conv2D(
        width, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    x = layers.BatchNormalization(name=f"{name}.norm")(x)
    return layers.ReLU(name=f"{name}.relu")(x)
