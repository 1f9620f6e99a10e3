"""One look at a page: its layers and its places, for all that follows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, scaling
from formreader.core.page_layers import Layer
from formreader.core.records import GreyImage
from formreader.look.page_maps import LAYER_STRIDE, PageMaps, probabilities
from formreader.look.page_network import shipped_page_network
from formreader.preprocess.straighten import StraightPage

_PICTURE_HEIGHT, _MAX_PICTURE_WIDTH, _PICTURE_MARGIN = 36, 800, 14
"""Size in pixels in which a picture of a number is looked at: that of a cell of 9 mm; and the white
around it."""

_FULL = 255.0
"""A probability of 1 in the maps of layers."""


@dataclass(frozen=True, slots=True, eq=False)
class PageLook:
    """What is on a page.

    `pen` and `form` are (h, w) uint8, the probabilities times 255 that a place was written, and
    that it was printed or ruled; `to_layers` maps pixels of the stored page to theirs.
    """

    maps: PageMaps
    pen: npt.NDArray[np.uint8]
    form: npt.NDArray[np.uint8]
    to_layers: Transform

    def view(
        self, layer: npt.NDArray[np.uint8], to_page: Transform, shape: tuple[int, int]
    ) -> npt.NDArray[np.uint8]:
        """A layer as seen in a patch of (height, width), which `to_page` maps to the page."""
        seen = cv2.warpPerspective(
            layer, self.to_layers @ to_page, shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=(0,),
        )  # fmt: skip
        return np.asarray(seen, np.uint8)


def look_at(straight: StraightPage) -> PageLook:
    """Look at a straightened page."""
    maps = shipped_page_network().look(straight.image)
    layers = np.asarray(np.rint(_FULL * probabilities(maps.layers)), np.uint8)
    form = layers[[Layer.RULED_ACROSS, Layer.RULED_DOWN, Layer.PRINT]].max(axis=0)
    to_layers = scaling(1 / LAYER_STRIDE, 1 / LAYER_STRIDE) @ np.linalg.inv(straight.to_page)
    return PageLook(maps, layers[Layer.PEN], form, to_layers)


def look_at_picture(picture: GreyImage) -> PageLook:
    """Look at a picture of a single number or digit, dark on bright, as if cut from a page."""
    scale = min(_PICTURE_HEIGHT / len(picture), _MAX_PICTURE_WIDTH / picture.shape[1])
    size = tuple(max(round(scale * side), 1) for side in picture.shape[::-1])
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    margin = _PICTURE_MARGIN
    paper = float(np.percentile(small, 75))
    page = cv2.copyMakeBorder(small, *(margin,) * 4, cv2.BORDER_CONSTANT, value=(paper,))
    bright = cv2.convertScaleAbs(np.asarray(page, np.uint8), alpha=255 / max(paper, 1.0))
    shift = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1]], np.float64)
    by_x, by_y = picture.shape[1] / size[0], picture.shape[0] / size[1]
    return look_at(StraightPage(np.asarray(bright, np.uint8), scaling(by_x, by_y) @ shift, 0.0))
