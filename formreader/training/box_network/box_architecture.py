"""The network that finds digit boxes: pages in, maps of box centres and sizes out."""

from __future__ import annotations

import keras
from keras import layers

MAP_CHANNELS = 5
"""Channels of the output: those of `formreader.detect.peaks.Maps`."""

_LEVEL_CHANNELS = (16, 32, 48, 64)
"""Channels of the levels, from 1/4 to 1/32 of the page's resolution. No record of a measurement."""
_CENTRE_PRIOR_LOGIT = -4.6
"""Initial logit of a centre: that of 1 %, as hardly any place is the centre of a box."""


def build_box_network() -> keras.Model:
    """Build a small U-Net (Ronneberger et al. 2015) with the heads of CenterNet (Zhou et al. 2019).

    In: (n, height, width, 1) darkness in 0..1, with sides that are multiples of 32. Out:
    (n, height / 4, width / 4, 5): the logit of a box's centre in this cell of the map; its offset
    from the middle of the cell, x and y in cells; log width and log height of the box in units of
    `REFERENCE_SIDE`. Only its neighbours and surroundings show that a box is for a digit, so the
    coarsest level sees some 300 pixels.
    """
    page = keras.Input((None, None, 1), name="darkness")
    levels = _encode(page)
    x = levels.pop()
    for i in reversed(range(len(levels))):
        x = _convolution(x, _LEVEL_CHANNELS[i], f"level{i}.side", size=1)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"level{i}.up")(x)
        x = layers.Add(name=f"level{i}.add")([x, levels[i]])
        x = _convolution(x, _LEVEL_CHANNELS[i], f"level{i}.merge")
    bias = keras.initializers.Constant([_CENTRE_PRIOR_LOGIT] + [0.0] * (MAP_CHANNELS - 1))
    maps = layers.Conv2D(
        MAP_CHANNELS, 1, bias_initializer=bias, kernel_initializer="he_normal", name="maps"
    )(x)
    return keras.Model(page, maps, name="boxes")


def _encode(page: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Feature maps of the page at all levels, the finest first."""
    x = _convolution(page, _LEVEL_CHANNELS[0], "stem", stride=2)
    levels = [_convolution(x, _LEVEL_CHANNELS[0], "level0.down", stride=2)]
    for i, width in enumerate(_LEVEL_CHANNELS[1:], start=1):
        x = _convolution(levels[-1], width, f"level{i}.down", stride=2)
        for k in range(1 if i == 1 else 2):
            x = _convolution(x, width, f"level{i}.conv{k}")
        levels.append(x)
    return levels


def _convolution(
    x: keras.KerasTensor, width: int, name: str, size: int = 3, stride: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(
        width, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    x = layers.BatchNormalization(name=f"{name}.norm")(x)
    return layers.ReLU(name=f"{name}.relu")(x)
