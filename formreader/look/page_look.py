"""The layers of a page, pen and print, and the places for writing on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import Transform, map_points, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.writing_map import WritingMap, dark_places
from formreader.look.ink_network import shipped_ink_network
from formreader.look.ink_parts import cut_patches, parts_in_places
from formreader.look.page_maps import LAYER_STRIDE, PageMaps, probabilities
from formreader.look.page_network import shipped_page_network
from formreader.preprocess.straighten import StraightPage

_MIN_PEN, _MIN_PRINT, _MAX_PEN_OF_PRINT = 0.4, 0.8, 0.1
"""Probabilities. A pixel is written if that of pen is at least the first. It is print alone if that
of print is at least the second and that of pen at most the third. Measured on the cells of 60 pages
of issuers that the network was not trained on: of 4,040 strokes 0.2 % lose more than 15 % of their
pixels, and one is lost; of 1,098 printed characters and signs 39 % are erased."""

_MIN_RULED_OF_INK = 0.3
"""Dark pixels in cells are no ink from this probability of being ruled on. Set by eye; 0.5 was not
tried."""

MIN_LOG_ODDS_OF_PEN = -5.0
"""A part of the ink in a place is print if the log odds that it is written are lower by the ink
network alone. Set on pages of held-out issuers and writers: 3 of 6,822 written parts are lost, and
62 % of 2,437 printed ones found."""

_PAGE_WEIGHT, _MIN_SUM_OF_LOG_ODDS = 2.0, -8.0
"""A part is print too if the log odds of the ink network and, times this, the mean ones of the page
network add up to less: that network sees more of the surroundings. Set on parts in the found places
of 120 other such pages: 20 instead of 9 of 7,104 written ones are lost, and 3,989 instead of 2,506
of 6,851 printed ones found. Weights of 1, 3 and 4 lose more for as many."""

_DARKER, _MIN_NEW_DARKNESS, _MIN_NEW_SHARE, _MIN_PRINT_OF_INK = 1.5, 20.0, 0.05, 0.3
"""Ink is new if it is darker than so many times what the form prints there, in grey levels, and a
further few. A part is what the form prints if a smaller share of it is new, and the form has at
least this share of its ink. Set by eye."""

_MAX_LOG_ODDS_ON_FORM = 1.0
"""What the form prints is print only up to these log odds that it is written: writing of a few
pages may meet. Tried with 0 on filled forms of `printed/dev` and on drawn ones."""

_NEAR = np.ones((5, 5), np.uint8)
"""How far from its place print may lie on a page: two pixels of the layers, 0.8 mm."""


@dataclass(frozen=True, slots=True, eq=False)
class PageLook:
    """The layers of a page, and its places.

    `pen` and `printed` are (h, w) bool. `pen` is what was written; `printed` is what is printed,
    but neither written nor ruled. `to_layers` maps pixels of the stored page to pixels of the
    layers. `writing` is used to cut the strips of cells.
    """

    maps: PageMaps
    pen: npt.NDArray[np.bool_]
    printed: npt.NDArray[np.bool_]
    to_layers: Transform
    writing: WritingMap

    def in_layers(self, corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Map corners, (n, 4, 2) pixels of the stored page, to pixels of the layers."""
        return map_points(self.to_layers, corners.reshape(-1, 2)).reshape(-1, 4, 2)


def look_at(straight: StraightPage) -> PageLook:
    """Run the page network on a straightened page."""
    maps = shipped_page_network().look(straight.image)
    layers = probabilities(maps.layers)
    pen = layers[Layer.PEN]
    ruled = np.maximum(layers[Layer.RULED_ACROSS], layers[Layer.RULED_DOWN])
    # What is rather ruled than not stays: crops are cleaned of lines later.
    printed = (layers[Layer.PRINT] > _MIN_PRINT) & (pen < _MAX_PEN_OF_PRINT) & (ruled < 0.5)
    # The first pixel of the grid covers the page's pixels -0.5 to 1.5.
    shrunk = scaling(1 / LAYER_STRIDE, 1 / LAYER_STRIDE)
    to_layers = shrunk @ np.linalg.inv(straight.to_page)
    written = pen > _MIN_PEN
    to_page = np.asarray(np.linalg.inv(to_layers), np.float64)
    ink = _dark(straight.image, pen.shape) & (ruled < _MIN_RULED_OF_INK)
    writing = WritingMap(ink | written, written, to_page)
    return PageLook(maps, written, printed, to_layers, writing)


def look_closer(
    look: PageLook,
    page: Pyramid,
    places: Sequence[DigitBox],
    known: tuple[GreyImage, GreyImage] | None = None,
) -> PageLook:
    """Look at each part of the ink in places again, at 150 dpi and beside its neighbours.

    Args:
        look: the look at the whole page.
        page: the page as stored, dark ink on bright paper.
        places: boxes and cells in pixels of the page.
        known: the straightened page, evenly lit, and what its form prints on it, (h, w) each; None
            where no form is known.

    Returns:
        The look, in which what the ink network, or both networks together, take for print is
        print, and all that the form prints.
    """
    if not places:  # parts take time to find
        return look
    corners = look.in_layers(np.array([one.corners for one in places], np.float64))
    parts = parts_in_places(look.writing, corners)
    odds = shipped_ink_network().log_odds(cut_patches(page, look.writing, parts))
    both = odds + _PAGE_WEIGHT * look.writing.mean(look.maps.layers[Layer.PEN])[parts]
    is_print = (odds < MIN_LOG_ODDS_OF_PEN) | (both < _MIN_SUM_OF_LOG_ODDS)
    if known is not None:
        is_print |= (odds < _MAX_LOG_ODDS_ON_FORM) & _of_form(look.writing, *known)[parts]
    printed = look.writing.pixels(parts[is_print])
    ink, pen = look.writing.ink & ~printed, look.pen & ~printed
    writing = replace(look.writing, ink=ink, pen=pen)
    return replace(look, pen=pen, printed=look.printed | printed, writing=writing)


def _of_form(writing: WritingMap, page: GreyImage, printed: GreyImage) -> npt.NDArray[np.bool_]:
    """(n,) whether each part of the ink of a page, evenly lit, is what its form prints there."""
    labels, stats = writing.parts
    here, expected = (255.0 - _halved(one, labels.shape) for one in (page, printed))
    new = here > _DARKER * cv2.dilate(expected, _NEAR) + _MIN_NEW_DARKNESS
    new_share = np.bincount(labels[new], minlength=len(stats)) / stats[:, cv2.CC_STAT_AREA]
    wider = np.asarray(cv2.dilate(labels.astype(np.float32), _NEAR), np.int32)
    ink, print_there = (
        np.bincount(of.ravel(), darkness.ravel(), len(stats))
        for of, darkness in ((labels, here), (wider, expected))
    )
    return np.asarray((new_share < _MIN_NEW_SHARE) & (print_there > _MIN_PRINT_OF_INK * ink))


def _dark(image: GreyImage, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The ink of an evenly lit page, on the grid of the layers, padded to `shape`."""
    height, width = image.shape[0] // LAYER_STRIDE, image.shape[1] // LAYER_STRIDE
    dark = np.zeros(shape, np.bool_)
    dark[:height, :width] = dark_places(_halved(image, (height, width)))
    return dark


def _halved(image: GreyImage, shape: tuple[int, ...]) -> GreyImage:
    """An image of the page on the grid of the layers, padded to `shape` with 0."""
    height, width = image.shape[0] // LAYER_STRIDE, image.shape[1] // LAYER_STRIDE
    whole = image[: LAYER_STRIDE * height, : LAYER_STRIDE * width]
    half = np.zeros(shape, np.uint8)
    half[:height, :width] = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return half
