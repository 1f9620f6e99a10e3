"""What a network makes of one crop: its class probabilities, its feature maps, and what mattered.

What mattered is measured by occlusion (Zeiler and Fergus, "Visualizing and Understanding
Convolutional Networks", 2014): ink is wiped off or put on at one place after another, and
the change of the reading's log-odds is noted. Compared with gradients this needs no
particular backend of Keras and no input of floats, means the same for every architecture,
and shows paper that matters as well: the gap that makes a 3 of what else were an 8. A crop
has 784 places, which are a second's work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, CROP_SIDE, Crops
from formreader.recognise.recogniser import softmax

if TYPE_CHECKING:
    import keras

Crop: TypeAlias = npt.NDArray[np.uint8]
"""(28, 28) uint8, ink bright on black."""

Evidence: TypeAlias = npt.NDArray[np.float64]
"""(28, 28) natural logarithms: by how much ink at each place raises the reading's odds."""

_BLOT = 1.5
"""Standard deviation in pixels of what is wiped off or put on: about as wide as a stroke of
MNIST's. Its edge is soft, as a sharp one would be a feature of its own."""

_BATCH = 512
"""Crops that the network sees at a time: a residual network needs 0.2 GB for them."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """What a convolution finds where in the crop.

    `maps` is (n, height, width) float32, the strongest first: what goes on to the next
    layer, after normalisation and activation where these follow at once.
    """

    layer: str
    maps: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """How one crop was read.

    `probabilities` is (11,) float32, calibrated. `ink` tells what the crop's own ink does
    for the reading, `paper` what ink would do where there is none.
    """

    crop: Crop
    probabilities: npt.NDArray[np.float32]
    ink: Evidence
    paper: Evidence
    layers: tuple[LayerMaps, ...]

    @property
    def reading(self) -> str:
        """The likeliest class: a digit, or "not a digit"."""
        return CLASSES[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `reading`."""
        return float(self.probabilities.max())


def explain_crop(crop: Crop, network: keras.Model, temperature: float) -> Explanation:
    """Read a crop and find out what mattered.

    Args:
        crop: (28, 28) uint8, ink bright on black.
        network: (n, 28, 28, 1) uint8 in, (n, 11) logits out.
        temperature: what the model card says the logits are to be divided by.
    """
    n = CROP_SIDE**2
    logits = _logits(network, np.concatenate([crop[None], *_blotted(crop)]))
    odds = log_odds(logits, int(logits[0].argmax()), temperature)
    shape = (CROP_SIDE, CROP_SIDE)
    return Explanation(
        crop,
        softmax(logits[:1], temperature)[0],
        ink=(odds[0] - odds[1 : n + 1]).reshape(shape),
        paper=(odds[n + 1 :] - odds[0]).reshape(shape),
        layers=tuple(feature_maps(crop, network)),
    )


def log_odds(
    logits: npt.NDArray[np.float32], chosen: int, temperature: float
) -> npt.NDArray[np.float64]:
    """(n,) log-odds of the class `chosen`, of logits (n, k).

    From logits, as probabilities of more than 0.9999999 are all the same to float32.
    """
    scaled = logits.astype(np.float64) / temperature
    others = np.delete(scaled, chosen, axis=1)
    return np.asarray(scaled[:, chosen] - np.logaddexp.reduce(others, axis=1))


def feature_maps(crop: Crop, network: keras.Model) -> Iterator[LayerMaps]:
    """The maps of each convolution for a crop, from the input on; none where there is none."""
    import keras

    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    if not layers:
        return
    outputs = [_activated(layer, network) for layer in layers]
    seen = keras.Model(network.input, outputs).predict_on_batch(crop[None, ..., None])
    for layer, batch in zip(layers, seen, strict=True):
        maps = np.moveaxis(np.asarray(batch[0], np.float32), -1, 0)  # (n, height, width)
        strength = np.abs(maps).mean(axis=(1, 2))
        yield LayerMaps(layer.name, maps[np.argsort(-strength, kind="stable")])


def _activated(convolution: keras.layers.Layer, network: keras.Model) -> keras.KerasTensor:
    """A convolution's output after the normalisation and activation that follow at once."""
    from keras import layers

    output = convolution.output
    for layer in network.layers:
        follows = isinstance(layer, layers.BatchNormalization | layers.ReLU | layers.Activation)
        if follows and layer.input is output:
            output = layer.output
    return output


def _blotted(crop: Crop) -> tuple[Crops, Crops]:
    """The crop with ink wiped off and with ink put on, around each pixel: (784, 28, 28) each."""
    blots = _blots()
    wiped = crop * (1 - blots)
    return np.rint(wiped).astype(np.uint8), np.rint(wiped + 255 * blots).astype(np.uint8)


def _blots() -> npt.NDArray[np.float64]:
    """(784, 28, 28) soft spots in 0..1, one around each pixel, row by row."""
    distance = np.subtract.outer(np.arange(CROP_SIDE), np.arange(CROP_SIDE))
    spread = np.exp(-0.5 * (distance / _BLOT) ** 2)  # (28, 28): centre, pixel
    return np.asarray(np.einsum("ai,bj->abij", spread, spread)).reshape(-1, CROP_SIDE, CROP_SIDE)


def _logits(network: keras.Model, crops: Crops) -> npt.NDArray[np.float32]:
    logits = network.predict(crops[..., None], batch_size=_BATCH, verbose=0)
    return np.asarray(logits, np.float32)
