"""Looks at pages of which it is known what was written: no network's weights decide about them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import scaling
from formreader.core.page_layers import Layer
from formreader.core.records import GreyImage
from formreader.look.page_look import PageLook
from formreader.look.page_maps import CORE_KINDS, LAYER_STRIDE, LAYERS, STRIDE, PageMaps
from formreader.synth import RenderedPage

Plane = npt.NDArray[np.uint8]
"""(h, w) uint8: the share of each pixel of a page that ink covers, 0..255."""

WORKING_DPI = 100.0
MIN_COVER = 70


def blank_maps(height: int, width: int) -> PageMaps:
    """Maps of a page of this size, in pixels, on which nothing is."""
    rows, columns = height // STRIDE, width // STRIDE
    return PageMaps(
        np.full((LAYERS, 2 * rows, 2 * columns), -9, np.float32),
        np.full((CORE_KINDS, 2 * rows, 2 * columns), -9, np.float32),
    )


def look_of(pen: Plane, form: Plane, dpi: float = WORKING_DPI) -> PageLook:
    """What is known of a page that was scanned so: what a pen wrote, and what else has ink."""
    height, width = (max(round(side * WORKING_DPI / dpi / 2), 1) for side in pen.shape)
    to_layers = scaling(width / pen.shape[1], height / pen.shape[0])
    shown = (_reduced(plane, (width, height)) for plane in (pen, form))
    return PageLook(blank_maps(LAYER_STRIDE * height, LAYER_STRIDE * width), *shown, to_layers)


def _reduced(plane: Plane, size: tuple[int, int]) -> Plane:
    """A layer as the network is taught it: a place is in it if one of its four pixels is."""
    fine = cv2.resize(plane, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_AREA)
    cover = np.asarray(fine, np.uint8).reshape(size[1], 2, size[0], 2).max(axis=(1, 3))
    return np.where(cover > MIN_COVER, 255, 0).astype(np.uint8)


def look_of_drawn(pages: GreyImage, form: GreyImage, dpi: float = WORKING_DPI) -> PageLook:
    """What is known of a page, given the same page before anything was written on it."""
    written = np.abs(pages.astype(int) - form) > 12
    printed = form < int(np.median(form)) - 40
    return look_of(*(np.where(flags, 255, 0).astype(np.uint8) for flags in (written, printed)), dpi)


def all_written(page: GreyImage, dpi: float = WORKING_DPI) -> PageLook:
    """The look at a page on which everything is written."""
    return look_of(np.full(page.shape, 255, np.uint8), np.zeros(page.shape, np.uint8), dpi)


def look_of_rendered(page: RenderedPage) -> PageLook:
    """What is known of a page that was rendered with its layers."""
    assert page.layers is not None
    pen = np.ascontiguousarray(page.layers[..., Layer.PEN])
    form = np.delete(page.layers, Layer.PEN, axis=2).max(axis=2)
    return look_of(pen, form, page.dpi)
