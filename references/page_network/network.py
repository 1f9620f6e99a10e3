"""The page network and its loss."""

from __future__ import annotations

import keras
from keras import layers, ops

from formreader.look.page_maps import CHANNELS, CORE_KINDS
from page_network.pieces import CORE_WEIGHTS, CORES, LAYER_BITS
from shared.convolution import convolution

_WIDTHS = (32, 48, 96, 128)
"""Channels of the levels, from 1/4 to 1/32 of the page's resolution: multiples of what a vector
register holds."""
_BLOCKS, _MERGES = (1, 2, 3, 1), (2, 1, 1)
"""Residual blocks of each level, on the way down and up."""

_CORE_PRIOR, _LAYER_PRIOR = -3.0, -2.5
"""Initial logits: those of the shares of cores and of layers among all places."""

_LAYER_WEIGHT, _CORE_SHARE, _DICE = 12.0, 5.0, 0.5
"""Weights of the parts of the loss; set so that each is about as large after 500 steps."""
_POSITIVE = 2.0
"""Weight of what is in a layer beside what is not."""


def build_page_network() -> keras.Model:
    """Build a U-Net (Ronneberger et al. 2015) whose first layer folds 4 x 4 pixels.

    In: (n, height, width, 1) darkness in 0..1, with sides that are multiples of 32. Out:
    (n, height / 4, width / 4, CHANNELS), see `formreader.look.page_maps`. Blocks are depthwise
    convolutions with a residual (Howard et al. 2017; He et al. 2015); nothing is computed at more
    than a quarter of the resolution.
    """
    page = keras.Input((None, None, 1), name="darkness")
    x = convolution(page, _WIDTHS[0], "stem", size=6, stride=4)
    skips = []
    for i, width in enumerate(_WIDTHS):
        if i:
            x = convolution(x, width, f"down{i}", size=2 if i < 3 else 3, stride=2)
        for k in range(_BLOCKS[i]):
            x = _block(x, width, f"level{i}.{k}", dense=i == len(_WIDTHS) - 1)
        skips.append(x)
    for i in reversed(range(len(_WIDTHS) - 1)):
        x = convolution(x, _WIDTHS[i], f"side{i}", size=1)
        x = layers.UpSampling2D(2, interpolation="nearest", name=f"up{i}")(x)
        x = layers.Add(name=f"join{i}")([x, skips[i]])
        for k in range(_MERGES[i]):
            x = _block(x, _WIDTHS[i], f"merge{i}.{k}")
    prior = [_LAYER_PRIOR] * LAYER_BITS.stop + [_CORE_PRIOR] * (CORES.stop - CORES.start)
    maps = layers.Conv2D(
        CHANNELS, 1, bias_initializer=keras.initializers.Constant(prior), name="maps"
    )(x)
    return keras.Model(page, maps, name="page")


def _block(
    x: keras.KerasTensor, width: int, name: str, *, dense: bool = False
) -> keras.KerasTensor:
    """A residual block; `dense` mixes channels in its 3 x 3 convolution."""
    if dense:
        y = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}.conv")(x)
    else:
        y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}.deep")(x)
    y = layers.BatchNormalization(name=f"{name}.norm")(y)
    y = layers.ReLU(name=f"{name}.relu")(y)
    y = layers.Conv2D(width, 1, use_bias=False, name=f"{name}.point")(y)
    y = layers.BatchNormalization(name=f"{name}.point.norm")(y)
    y = layers.Add(name=f"{name}.add")([x, y])
    return layers.ReLU(name=f"{name}.out")(y)


def page_loss(target: keras.KerasTensor, maps: keras.KerasTensor) -> keras.KerasTensor:
    """Cross entropy for layers, cross entropy and Dice for cores. A scalar.

    `target` is (n, h, w, TARGETS) as from `sample_piece`, `maps` the network's output. Dice is
    that of Milletari et al. 2016.
    """
    maps = ops.cast(maps, "float32")
    bits, logits = target[..., LAYER_BITS], maps[..., LAYER_BITS]
    weight = 1 + (_POSITIVE - 1) * bits
    layer_loss = ops.mean(weight * (ops.softplus(logits) - bits * logits))
    cores, logits = target[..., CORES], maps[..., CORES]
    weight = ops.tile(target[..., CORE_WEIGHTS], (1, 1, 1, CORE_KINDS))
    entropy = ops.mean(weight * (ops.softplus(logits) - cores * logits))
    yes = ops.sigmoid(logits) * weight
    shared = _by_kind(yes * cores)
    both = _by_kind(yes + weight * cores)
    dice = ops.mean(1 - (2 * shared + 1) / (both + 1))
    return _LAYER_WEIGHT * layer_loss + _CORE_SHARE * entropy + _DICE * dice


def _by_kind(cores: keras.KerasTensor) -> keras.KerasTensor:
    """(CORE_KINDS,) the sum of each kind's maps."""
    return ops.sum(ops.reshape(ops.sum(cores, axis=(0, 1, 2)), (CORE_KINDS, 4)), axis=1)
