"""Explain how a network reads one crop: class probabilities, feature maps, and saliency.

Saliency is measured by occlusion (Zeiler and Fergus, "Visualizing and Understanding Convolutional
Networks", 2014): ink is removed or added at one place after another, and the change of the
reading's log-odds noted. Unlike gradients this works with every backend of Keras and with input
of bytes, means the same for every architecture, and also shows the paper that matters: the gap
that makes a 3 of what would be an 8. The 784 places of a crop take about a second.
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
"""(28, 28), how much ink at each place raises the log-odds of the reading (natural logarithm)."""

_BLOT_SIGMA = 1.5
"""Standard deviation in pixels of the spot that is removed or added: about the width of a stroke in
MNIST. Its edge is soft, as a sharp edge would be a feature of its own."""

_OCCLUSIONS_AT_A_TIME = 512
"""Crops that the network reads at a time: a residual network needs 0.2 GB for them."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """The feature maps of one convolution.

    `maps` is (n, height, width) float32, the strongest first, after the normalisation and
    activation that directly follow the convolution.
    """

    layer: str
    maps: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """How one crop was read.

    `probabilities` is (11,) float32, calibrated. `ink` is the evidence of the crop's own ink,
    `paper` that of further ink at each place.
    """

    crop: Crop
    probabilities: npt.NDArray[np.float32]
    ink: Evidence
    paper: Evidence
    layers: tuple[LayerMaps, ...]

    @property
    def reading(self) -> str:
        """The most probable class: a digit, or "not a digit"."""
        return CLASSES[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `reading`."""
        return float(self.probabilities.max())


def explain_crop(crop: Crop, network: keras.Model, temperature: float) -> Explanation:
    """Read a crop and measure which places mattered.

    Args:
        crop: (28, 28) uint8, ink bright on black.
        network: (n, 28, 28, 1) uint8 in, (n, 11) logits out.
        temperature: divisor of the logits, from the model card.
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
    """Log-odds (n,) of the class `chosen`, given logits (n, k).

    Computed from logits, as float32 cannot tell probabilities above 0.9999999 apart.
    """
    scaled = logits.astype(np.float64) / temperature
    others = np.delete(scaled, chosen, axis=1)
    return np.asarray(scaled[:, chosen] - np.logaddexp.reduce(others, axis=1))


def feature_maps(crop: Crop, network: keras.Model) -> Iterator[LayerMaps]:
    """Yield the maps of each convolution for a crop, from the input to the output."""
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
    """Output of a convolution after the normalisation and activation that directly follow it."""
    from keras import layers

    output = convolution.output
    for layer in network.layers:
        follows = isinstance(layer, layers.BatchNormalization | layers.ReLU | layers.Activation)
        if follows and layer.input is output:
            output = layer.output
    return output


def _blotted(crop: Crop) -> tuple[Crops, Crops]:
    """The crop with ink removed and with ink added around each pixel, (784, 28, 28) each."""
    blots = _blots()
    wiped = crop * (1 - blots)
    return np.rint(wiped).astype(np.uint8), np.rint(wiped + 255 * blots).astype(np.uint8)


def _blots() -> npt.NDArray[np.float64]:
    """Soft spots in 0..1, one around each pixel, row by row, (784, 28, 28)."""
    distance = np.subtract.outer(np.arange(CROP_SIDE), np.arange(CROP_SIDE))
    spread = np.exp(-0.5 * (distance / _BLOT_SIGMA) ** 2)  # (28, 28): centre, pixel
    return np.asarray(np.einsum("ai,bj->abij", spread, spread)).reshape(-1, CROP_SIDE, CROP_SIDE)


def _logits(network: keras.Model, crops: Crops) -> npt.NDArray[np.float32]:
    logits = network.predict(crops[..., None], batch_size=_OCCLUSIONS_AT_A_TIME, verbose=0)
    return np.asarray(logits, np.float32)
