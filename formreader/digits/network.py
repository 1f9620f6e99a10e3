"""The convolutional network that reads 28x28 crops.

Three stages of 3x3 convolutions, halved in size by strided convolutions rather
than pooling: on a CPU most of a small network's time goes into its large early
maps, so the first stage is thin and short. Bytes go in and are scaled inside the
graph: no caller can scale them wrongly. Logits come out; the temperature that
turns them into honest probabilities is in the model card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

SIDE = 28
"""Height and width of a crop in pixels."""

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "not a digit")
"""What the outputs stand for, in their order."""

NOT_A_DIGIT = CLASSES.index("not a digit")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Widths of the stages and what regularises the network.

    `stages` holds, for each stage, the filters of its convolutions; the first
    convolution of every stage but the first halves height and width. `dropout` is
    the share of features dropped before the last layer.
    """

    stages: tuple[tuple[int, ...], ...] = ((16,), (32, 40), (80, 80, 80))
    dropout: float = 0.25

    def __post_init__(self) -> None:
        if not self.stages or not all(self.stages) or min(map(min, self.stages)) < 1:
            raise ValueError(f"each stage needs filters. Received: stages={self.stages}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in 0..1. Received: {self.dropout}")


def build_network(config: NetworkConfig, seed: int = 0) -> keras.Model:
    """A fresh network: (n, 28, 28, 1) uint8 in, (n, 11) float32 logits out.

    `seed` fixes the dropout; the weights follow Keras's global seed.
    """
    import keras
    from keras import layers

    crops = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="crops")
    x = layers.Rescaling(1 / 255, name="scale")(crops)
    for number, filters in enumerate(config.stages):
        for place, width in enumerate(filters):
            stride = 2 if number > 0 and place == 0 else 1
            x = _convolution(x, width, stride, name=f"stage{number + 1}_{place + 1}")
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dropout(config.dropout, seed=seed, name="dropout")(x)
    logits = layers.Dense(len(CLASSES), name="logits")(x)
    return keras.Model(crops, logits, name="digits")


def _convolution(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """Convolution, batch normalisation (it folds into the convolution), ReLU."""
    from keras import layers

    x = layers.Conv2D(
        filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_normalisation")(x)
    return layers.ReLU(name=name)(x)


def multiply_adds(config: NetworkConfig) -> int:
    """Multiply-adds that one crop costs in convolutions and the last layer."""
    side, channels, total = SIDE, 1, 0
    for number, filters in enumerate(config.stages):
        for place, width in enumerate(filters):
            if number > 0 and place == 0:
                side = (side + 1) // 2
            total += 9 * channels * width * side * side
            channels = width
    return total + channels * len(CLASSES)
