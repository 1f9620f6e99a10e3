"""The network that finds digit boxes: pages in, maps of box centres and sizes out."""

from __future__ import annotations

import keras
from keras import layers

from formreader.detect.cell_maps import CELL_CHANNELS
from shared.convolution import convolution

MAP_CHANNELS = CELL_CHANNELS.stop
"""Channels of the output: those of `formreader.detect.peaks.Maps`."""

CELL_BRANCH = "cells"
"""Beginning of the names of the layers that serve cells alone."""

_LEVEL_CHANNELS = (16, 32, 48, 64)
"""Channels of the levels, from 1/4 to 1/32 of the page's resolution. No record of a measurement."""
_CENTRE_PRIOR_LOGIT = -4.6
"""Initial logit of a centre: that of 1 %, as hardly any place is the centre of a box."""


def build_box_network() -> keras.Model:
    """Build a small U-Net (Ronneberger et al. 2015) with the heads of CenterNet (Zhou et al. 2019).

    In: (n, height, width, 1) darkness in 0..1, with sides that are multiples of 32. Out:
    (n, height / 4, width / 4, 10): the logit of a box's centre in this cell of the map; its offset
    from the middle of the cell, x and y in cells; log width and log height of the box in units of
    `REFERENCE_SIDE`; then the channels of `CELL_CHANNELS`. Only its neighbours and surroundings
    show that a box is for a digit, so the coarsest level sees some 300 pixels. Boxes and cells
    share the finest level alone, so that training one leaves the other as it is.
    """
    page = keras.Input((None, None, 1), name="darkness")
    x = convolution(page, _LEVEL_CHANNELS[0], "stem", stride=2)
    finest = convolution(x, _LEVEL_CHANNELS[0], "level0.down", stride=2)
    boxes, cells = _branch(finest, ""), _branch(finest, f"{CELL_BRANCH}.")
    cells = convolution(cells, _LEVEL_CHANNELS[0], f"{CELL_BRANCH}.last")
    bias = keras.initializers.Constant([_CENTRE_PRIOR_LOGIT] + [0.0] * (CELL_CHANNELS.start - 1))
    of_boxes = layers.Conv2D(
        CELL_CHANNELS.start, 1, bias_initializer=bias, kernel_initializer="he_normal", name="maps"
    )(boxes)
    of_cells = layers.Conv2D(
        CELL_CHANNELS.stop - CELL_CHANNELS.start, 1, name=f"{CELL_BRANCH}.maps"
    )(cells)
    both = layers.Concatenate(name="both")([of_boxes, of_cells])
    return keras.Model(page, both, name="boxes")


def _branch(finest: keras.KerasTensor, prefix: str) -> keras.KerasTensor:
    """Features at the finest level that take its surroundings into account."""
    levels = _encode(finest, prefix)
    x = levels.pop()
    for i in reversed(range(len(levels))):
        name = f"{prefix}level{i}"
        x = convolution(x, _LEVEL_CHANNELS[i], f"{name}.side", size=1)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}.up")(x)
        x = layers.Add(name=f"{name}.add")([x, levels[i]])
        x = convolution(x, _LEVEL_CHANNELS[i], f"{name}.merge")
    return x


def _encode(finest: keras.KerasTensor, prefix: str) -> list[keras.KerasTensor]:
    """Feature maps at all levels, the finest first."""
    levels = [finest]
    for i, width in enumerate(_LEVEL_CHANNELS[1:], start=1):
        name = f"{prefix}level{i}"
        x = convolution(levels[-1], width, f"{name}.down", stride=2)
        for k in range(1 if i == 1 else 2):
            x = convolution(x, width, f"{name}.conv{k}")
        levels.append(x)
    return levels
