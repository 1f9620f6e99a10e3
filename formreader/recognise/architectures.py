"""The networks that read 28x28 crops.

Bytes go in and are scaled inside the graph: no caller can scale them wrongly. Logits
come out; the temperature that turns them into honest probabilities is in the model card.

`cnn`, the shipped one: stages of 3x3 convolutions, halved in size by strided
convolutions rather than pooling (Springenberg et al., "Striving for Simplicity: The All
Convolutional Net", 2015). On a CPU most of a small network's time goes into its large
early maps, so the first stage is thin and short, and the last one holds the parameters.

The others are there to compare with: `mlp`, a multilayer perceptron; `lenet`, LeNet-5
of LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition" (1998), with ReLU in place of tanh and a plain last layer; `resnet`, the
network for small images of He, Zhang, Ren and Sun, "Deep Residual Learning for Image
Recognition" (2016), with projections where the width changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from formreader.core.classes import CLASSES, CROP_SIDE
from formreader.core.options import Architecture

if TYPE_CHECKING:
    import keras

Stages: TypeAlias = tuple[tuple[int, ...], ...]

USUAL_STAGES: dict[Architecture, Stages] = {
    "mlp": ((256, 128),),
    "lenet": ((6,), (16,), (120, 84)),
    "cnn": ((24,), (48, 48), (96, 96, 96, 96)),
    "resnet": ((16, 16), (32, 32), (64, 64)),
}
"""Widths of each network where none are asked for."""

_SEEDS_OF_A_NETWORK = 1000
"""More than a network has layers, so that two networks have no layer's seed in common."""
_STATISTICS_MOMENTUM = 0.95
"""Of batch normalisation. With Keras's 0.99 a network that was trained for less than some
hundred steps still has the statistics that it began with, and reads nothing."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Kind of network, widths of its stages and what regularises it.

    `stages`, the network's usual ones where empty: for `cnn` the filters of each
    convolution, for `resnet` of each residual block; the first of every stage but the
    first halves height and width. For `lenet` the filters of its two convolutions, then
    the units of its layers; for `mlp` one stage, the units of its layers. `dropout` is
    the share of features dropped before the last layer, in an `mlp` after each.
    """

    arch: Architecture = "cnn"
    stages: Stages = ()
    dropout: float = 0.25

    def __post_init__(self) -> None:
        if self.arch not in USUAL_STAGES:
            raise ValueError(f"arch must be one of {', '.join(USUAL_STAGES)}: {self.arch}")
        if not self.stages:
            object.__setattr__(self, "stages", USUAL_STAGES[self.arch])
        if not all(self.stages) or min(map(min, self.stages)) < 1:
            raise ValueError(f"each stage needs filters. Received: stages={self.stages}")
        if not _fits(self.arch, self.stages):
            raise ValueError(
                f"a network `{self.arch}` has stages like {USUAL_STAGES[self.arch]}. "
                f"Received: {self.stages}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in 0..1. Received: {self.dropout}")


def _fits(arch: Architecture, stages: Stages) -> bool:
    """Whether a network of this kind can have these stages."""
    match arch:
        case "mlp":
            return len(stages) == 1
        case "lenet":
            return len(stages) == 3 and len(stages[0]) == len(stages[1]) == 1
        case _:
            return True


def build_network(config: NetworkConfig, seed: int = 0) -> keras.Model:
    """A fresh network: (n, 28, 28, 1) uint8 in, (n, 11) float32 logits out.

    The same `seed` gives the same weights and the same dropout. Under a mixed-precision
    policy all but the logits is computed in half precision.
    """
    import keras
    from keras import layers

    seeds = itertools.count(seed * _SEEDS_OF_A_NETWORK)
    crops = keras.Input((CROP_SIDE, CROP_SIDE, 1), dtype="uint8", name="crops")
    x = layers.Rescaling(1 / 255, name="scale")(crops)
    x = _BUILDERS[config.arch](x, config, seeds)
    x = layers.Dropout(config.dropout, seed=next(seeds), name="dropout")(x)
    start = keras.initializers.GlorotUniform(next(seeds))
    logits = layers.Dense(len(CLASSES), kernel_initializer=start, dtype="float32", name="logits")(x)
    return keras.Model(crops, logits, name="digits")


def _mlp(x: keras.KerasTensor, config: NetworkConfig, seeds: Iterator[int]) -> keras.KerasTensor:
    from keras import layers

    (widths,) = config.stages
    x = layers.Flatten(name="pixels")(x)
    for place, units in enumerate(widths):
        if place > 0:
            x = layers.Dropout(config.dropout, seed=next(seeds), name=f"dropout{place}")(x)
        name = f"hidden{place + 1}"
        start = _he(seeds)
        x = layers.Dense(units, use_bias=False, kernel_initializer=start, name=f"{name}_units")(x)
        x = _normalisation(name)(x)
        x = layers.ReLU(name=name)(x)
    return x


def _lenet(x: keras.KerasTensor, config: NetworkConfig, seeds: Iterator[int]) -> keras.KerasTensor:
    from keras import layers

    *maps, widths = config.stages
    for place, (filters,) in enumerate(maps):
        # The digits of the publication had a margin of two pixels more.
        padding = "same" if place == 0 else "valid"
        x = layers.Conv2D(
            filters,
            5,
            padding=padding,
            kernel_initializer=_he(seeds),
            name=f"convolution{place + 1}",
        )(x)
        x = layers.ReLU(name=f"maps{place + 1}")(x)
        x = layers.AveragePooling2D(2, name=f"pooling{place + 1}")(x)
    x = layers.Flatten(name="features")(x)
    for place, units in enumerate(widths):
        x = layers.Dense(units, kernel_initializer=_he(seeds), name=f"units{place + 1}")(x)
        x = layers.ReLU(name=f"hidden{place + 1}")(x)
    return x


def _cnn(x: keras.KerasTensor, config: NetworkConfig, seeds: Iterator[int]) -> keras.KerasTensor:
    from keras import layers

    for name, filters, stride in _convolutions(config.stages):
        x = _normalised_convolution(x, filters, 3, stride, name, seeds)
        x = layers.ReLU(name=name)(x)
    return layers.GlobalAveragePooling2D(name="features")(x)


def _resnet(x: keras.KerasTensor, config: NetworkConfig, seeds: Iterator[int]) -> keras.KerasTensor:
    from keras import layers

    x = _normalised_convolution(x, config.stages[0][0], 3, 1, "stem", seeds)
    x = layers.ReLU(name="stem")(x)
    for name, filters, stride in _convolutions(config.stages):
        x = _residual_block(x, filters, stride, name, seeds)
    return layers.GlobalAveragePooling2D(name="features")(x)


_BUILDERS: dict[
    Architecture,
    Callable[[keras.KerasTensor, NetworkConfig, Iterator[int]], keras.KerasTensor],
] = {"mlp": _mlp, "lenet": _lenet, "cnn": _cnn, "resnet": _resnet}
"""What makes features of scaled crops, for each kind of network."""


def _convolutions(stages: Stages) -> Iterator[tuple[str, int, int]]:
    """Name, filters and stride of each convolution or block of `stages`."""
    for number, widths in enumerate(stages):
        for place, filters in enumerate(widths):
            yield f"stage{number + 1}_{place + 1}", filters, 2 if number > 0 and place == 0 else 1


def _residual_block(
    x: keras.KerasTensor, filters: int, stride: int, name: str, seeds: Iterator[int]
) -> keras.KerasTensor:
    """Two convolutions around which the input is led, itself or projected."""
    from keras import layers

    y = _normalised_convolution(x, filters, 3, stride, f"{name}_a", seeds)
    y = layers.ReLU(name=f"{name}_a")(y)
    y = _normalised_convolution(y, filters, 3, 1, f"{name}_b", seeds)
    if stride > 1 or x.shape[-1] != filters:
        x = _normalised_convolution(x, filters, 1, stride, f"{name}_projection", seeds)
    return layers.ReLU(name=name)(layers.Add(name=f"{name}_sum")([x, y]))


def _normalised_convolution(
    x: keras.KerasTensor, filters: int, size: int, stride: int, name: str, seeds: Iterator[int]
) -> keras.KerasTensor:
    """Convolution and batch normalisation, which folds into it when it is exported."""
    from keras import layers

    x = layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer=_he(seeds), name=f"{name}_convolution",
    )(x)  # fmt: skip
    return _normalisation(name)(x)


def _normalisation(name: str) -> keras.Layer:
    from keras import layers

    return layers.BatchNormalization(momentum=_STATISTICS_MOMENTUM, name=f"{name}_normalisation")


def _he(seeds: Iterator[int]) -> keras.Initializer:
    """Weights for layers with ReLU (He et al., "Delving Deep into Rectifiers", 2015)."""
    import keras

    return keras.initializers.HeNormal(next(seeds))
