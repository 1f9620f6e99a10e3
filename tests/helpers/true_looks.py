"""Looks at pages of which it is known what was written: no network's weights decide about them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.core.classes import Layer
from formreader.core.geometry import scaling
from formreader.crop.writing_map import WritingMap
from formreader.detect.peaks import STRIDE
from formreader.look.page_look import PageLook
from formreader.look.page_maps import CORE_KINDS, LAYER_STRIDE, LAYERS, PageMaps


def blank_maps(height: int, width: int) -> PageMaps:
    """Maps of a page of this size, in pixels, on which nothing is."""
    rows, columns = height // STRIDE, width // STRIDE
    return PageMaps(
        np.full((LAYERS, 2 * rows, 2 * columns), -9, np.float32),
        np.full((CORE_KINDS, 2 * rows, 2 * columns), -9, np.float32),
    )


def look_of(
    pen: npt.NDArray[np.bool_], printed: npt.NDArray[np.bool_], maps: PageMaps | None = None
) -> PageLook:
    """What is known of a page on which these pixels, (h, w), were written and are printed."""
    if maps is None:
        maps = blank_maps(*pen.shape)
    written, form = (
        plane.reshape(len(plane) // LAYER_STRIDE, LAYER_STRIDE, -1, LAYER_STRIDE).any(axis=(1, 3))
        for plane in (pen, printed)
    )
    layers = maps.layers.copy()
    layers[Layer.PEN][written] = 9
    to_layers = scaling(1 / LAYER_STRIDE, 1 / LAYER_STRIDE)
    writing = WritingMap(written | form, written, np.linalg.inv(to_layers))
    return PageLook(replace(maps, layers=layers), written, form, to_layers, writing)
