"""`formreader explain`: draw how the digit of one image was read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from formreader.core.classes import CLASSES
from formreader.core.errors import PageError, UsageError
from formreader.core.model_folder import model_folder
from formreader.core.options import ExplainOptions
from formreader.core.records import GreyImage, InputFile
from formreader.crop.box_crops import crop_single
from formreader.input.input_files import check_exists
from formreader.input.open_page import read_page
from formreader.output.atomic_writing import check_writable
from formreader.recognise.model_card import read_card
from formreader.recognise.runtimes import load_network
from formreader.training.evaluate.figures import FIRST_COLOUR, save
from formreader.training.evaluate.saliency import (
    Crop,
    Evidence,
    Explanation,
    LayerMaps,
    explain_crop,
)

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
