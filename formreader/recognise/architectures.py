"""The architectures of the networks that read 28x28 crops.

The input are bytes. The graph scales them itself, so no caller can scale them wrongly. The output
are logits. The model card has the temperature that calibrates the probabilities.

`cnn`, the shipped one: stages of 3x3 convolutions. Strided convolutions halve the size, instead of
pooling (Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015). On a CPU
a small network spends most of its time in its early layers, whose feature maps are large. So the
first stage has few filters and layers, and the last has most of the parameters.

The others serve for comparison. `mlp`: a multilayer perceptron. `lenet`: LeNet-5 of LeCun,
Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
with ReLU instead of tanh and a plain last layer. `resnet`: the network for small images of He,
Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (2016), with projections
where the width changes.
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
"""Stages of each network by default: numbers of filters or units, layer by layer.

Those of `lenet` are the publication's, those of `cnn` the shipped model's.
"""

_SEEDS_PER_NETWORK = 1000
"""Seeds per network: more than its layers, so that networks share no layer's seed."""

_BATCH_NORM_MOMENTUM = 0.95
"""Momentum of the moving averages in batch normalisation.

With Keras's default of 0.99 the averages of a network trained for fewer than some hundred steps are
still mostly their initial values, and it reads nothing.
"""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Architecture, stages and dropout of a network.

    `stages` depend on the architecture; empty means the defaults. `cnn`: filters of each
    convolution. `resnet`: filters of each residual block. In both, each stage after the first
    halves height and width at its start. `lenet`: filters of its two convolutions, then units of
    its dense layers. `mlp`: one stage, the units of its dense layers. `dropout`: share of the
    features dropped before the last layer; in an `mlp` after each hidden layer.

    Raises:
        ValueError: unknown architecture, unfit stages, or dropout out of range.
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

    The same `seed` gives the same initial weights and the same dropout. Under a mixed-precision
    policy everything but the logits is computed in half precision.
    """
    import keras
    from keras import layers

    seeds = itertools.count(seed * _SEEDS_PER_NETWORK)
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
        # The publication's digits have a margin two pixels wider.
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
"""Functions that build a network's layers from the scaled crops to the features."""


def _convolutions(stages: Stages) -> Iterator[tuple[str, int, int]]:
    """Name, filters and stride of each convolution or block of `stages`."""
    for number, widths in enumerate(stages):
        for place, filters in enumerate(widths):
            yield f"stage{number + 1}_{place + 1}", filters, 2 if number > 0 and place == 0 else 1


def _residual_block(
    x: keras.KerasTensor, filters: int, stride: int, name: str, seeds: Iterator[int]
) -> keras.KerasTensor:
    """Two convolutions whose output is added to their input, projected where the shape changes."""
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
    """Convolution and batch normalisation; export folds the second into the first."""
    from keras import layers

    x = layers.Conv2D(
        filters, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer=_he(seeds), name=f"{name}_convolution",
    )(x)  # fmt: skip
    return _normalisation(name)(x)


def _normalisation(name: str) -> keras.Layer:
    from keras import layers

    return layers.BatchNormalization(momentum=_BATCH_NORM_MOMENTUM, name=f"{name}_normalisation")


def _he(seeds: Iterator[int]) -> keras.Initializer:
    """Initial weights for layers with ReLU (He et al., "Delving Deep into Rectifiers", 2015)."""
    import keras

    return keras.initializers.HeNormal(next(seeds))
