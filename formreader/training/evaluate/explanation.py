"""`formreader explain`: draw how the digit of one image was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from formreader.core.classes import CLASSES, CROP_SIDE, Crops
from formreader.core.errors import PageError, UsageError
from formreader.core.model_folder import model_folder
from formreader.core.options import ExplainOptions
from formreader.core.records import GreyImage, InputFile
from formreader.crop.box_crops import crop_single
from formreader.input.input_files import check_exists
from formreader.input.open_page import read_page
from formreader.output.atomic_writing import check_writable
from formreader.recognise.model_card import read_card
from formreader.recognise.recogniser import softmax
from formreader.recognise.runtimes import load_network
from formreader.training.evaluate.figures import FIRST_COLOUR, save

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

MAX_SHOWN_MAPS = 16
"""Maps of a layer that are drawn: more would be too small to see."""

_EXPLANATION_WIDTH, _HEAD_HEIGHT, _HEADLINE_HEIGHT, _LAYER_HEIGHT = 12.8, 3.2, 0.4, 1.05
"""Inches: the picture's width, and the heights of its upper part, its headline and each layer."""
_MAP_SIDE, _MAP_GAP = 56, 4
"""Side of a map and space between maps, in pixels of a layer's strip; a crop has 28 pixels."""
_MAX_DRAWN_SIDE = 600
"""Longer side in pixels to which the given image is reduced."""
_AGAINST_AND_FOR = "PuOr"
"""Matplotlib's scale of colours: orange below zero, white at zero, purple above, which readers with
impaired colour vision can tell apart."""
_MIN_COLOUR_SCALE = 0.1
"""Least change in log-odds drawn in full colour: smaller ones hardly matter. No record of a
measurement."""


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


def explain(options: ExplainOptions) -> Explanation:
    """Read the digit of an image and draw the picture that explains the reading.

    Raises:
        UsageError: the picture would overwrite the image.
        OutputError: the picture cannot be written; mostly found before any work.
        NoInputError: there is no such image.
        PageError: the image cannot be read, or is blank.
        ModelError: the model is missing or damaged.
    """
    out = picture_path(options)
    if out.resolve() == Path(options.image).resolve():
        raise UsageError(f"{out}: it is the image to explain. Choose another file with --out")
    check_writable(out)
    image, crop = read_digit(options.image)
    folder = model_folder(options.model)
    card = read_card(folder)
    explanation = explain_crop(crop, load_network(folder, card), card.temperature)
    draw_explanation(image, explanation, out)
    return explanation


def picture_path(options: ExplainOptions) -> Path:
    """Path of the picture: the user's, else one in the current folder."""
    return options.out or Path(f"{Path(options.image).stem}.explained.png")


def read_digit(path: str) -> tuple[GreyImage, Crop]:
    """Read an image of one digit, (h, w) uint8, and its crop, (28, 28) uint8.

    Raises:
        NoInputError: there is no such file.
        PageError: it is not an image, or a blank one.
    """
    check_exists(path)
    image = read_page(InputFile(path, path), 0).image
    crop, is_blank = crop_single(image)
    if is_blank:
        raise PageError(
            f"{path}: the image is blank, so there is no reading to explain. "
            "Give an image with one digit in it"
        )
    return image, crop


def draw_explanation(image: GreyImage, explanation: Explanation, path: Path) -> None:
    """Draw an image (h, w) uint8 and how its crop was read, as a PNG.

    Raises:
        OutputError: the picture cannot be written.
    """
    heights = [_HEAD_HEIGHT + _HEADLINE_HEIGHT, *[_LAYER_HEIGHT] * len(explanation.layers)]
    figure = Figure((_EXPLANATION_WIDTH, sum(heights)), layout="constrained")
    figure.suptitle(
        f"Read as {explanation.reading}, with a confidence of {explanation.confidence:.4f}"
    )
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_head(parts[0], image, explanation)
    for part, layer in zip(parts[1:], explanation.layers, strict=True):
        _draw_layer(part, layer)
    save(figure, path)


def _draw_head(part: SubFigure, image: GreyImage, explanation: Explanation) -> None:
    given, crop, ink, paper, chart = part.subplots(1, 5)
    _draw_image(given, _reduced(image), "the image")
    _draw_image(crop, 255 - explanation.crop, "the crop, 28x28")
    _draw_evidence(part, ink, explanation.crop, explanation.ink, "what its ink says")
    _draw_evidence(part, paper, explanation.crop, explanation.paper, "what more ink would say")
    _draw_probabilities(chart, explanation.probabilities)


def _reduced(image: GreyImage) -> GreyImage:
    """The image with its longer side at most `_MAX_DRAWN_SIDE` pixels."""
    scale = _MAX_DRAWN_SIDE / max(image.shape)
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * side)) for side in image.shape)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _draw_image(axes: Axes, image: GreyImage, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_anchor("N")
    axes.set_title(title, fontsize=10)


def _draw_evidence(part: SubFigure, axes: Axes, crop: Crop, evidence: Evidence, title: str) -> None:
    """Draw evidence over the crop; the stronger it is, the less of the crop shows through."""
    limit = max(float(np.abs(evidence).max()), _MIN_COLOUR_SCALE)
    _draw_image(axes, 255 - crop // 2, title)
    heat = axes.imshow(
        evidence, cmap=_AGAINST_AND_FOR, vmin=-limit, vmax=limit,
        alpha=np.sqrt(np.abs(evidence) / limit),
    )  # fmt: skip
    bar = part.colorbar(heat, ax=axes, orientation="horizontal", pad=0.03, panchor=False)
    bar.ax.tick_params(labelsize=7)
    bar.set_label("for (+) and against (-) the reading, in log-odds", fontsize=7)


def _draw_probabilities(axes: Axes, probabilities: npt.NDArray[np.float32]) -> None:
    places = range(len(CLASSES))
    axes.barh(places, probabilities, color=FIRST_COLOUR)
    for place, probability in enumerate(probabilities.tolist()):
        axes.text(probability + 0.02, place, f"{probability:.4f}", va="center", fontsize=7)
    axes.set_yticks(places, CLASSES, fontsize=8)
    axes.set_xticks([])
    axes.set_xlim(0, 1.3)  # room for the number after a full bar
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title("probabilities", fontsize=10)


def _draw_layer(part: SubFigure, layer: LayerMaps) -> None:
    """Draw the strongest maps of a layer side by side, on one scale of colours."""
    n, height, width = layer.maps.shape
    shown = layer.maps[:MAX_SHOWN_MAPS]
    limit = float(np.abs(shown).max()) or 1.0
    axes = part.subplots()
    axes.imshow(
        _strip(shown), cmap=_AGAINST_AND_FOR, vmin=-limit, vmax=limit, interpolation="nearest"
    )
    axes.axis("off")
    chosen = f", the {MAX_SHOWN_MAPS} strongest" if n > MAX_SHOWN_MAPS else ""
    axes.set_title(f"{layer.layer}: {n} maps of {height}x{width}{chosen}", loc="left", fontsize=9)


def _strip(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Maps (n, h, w) side by side in a strip for `MAX_SHOWN_MAPS`; NaN where there is none."""
    strip = np.full((_MAP_SIDE, MAX_SHOWN_MAPS * (_MAP_SIDE + _MAP_GAP)), np.nan, np.float32)
    for place, values in enumerate(maps):
        left = place * (_MAP_SIDE + _MAP_GAP)
        large = cv2.resize(values, (_MAP_SIDE, _MAP_SIDE), interpolation=cv2.INTER_NEAREST)
        strip[:, left : left + _MAP_SIDE] = large
    return strip
