"""Maps of pages as a network that is always right would make them, drawn by hand."""

from __future__ import annotations

import numpy as np

from formreader.core.classes import Layer
from formreader.core.geometry import Box
from formreader.look.page_maps import LAYER_STRIDE, PageMaps, core_inset

BOX, CELL = 0, 1
"""Kinds of places."""


def draw_place(
    maps: PageMaps, place: Box, kind: int = BOX, logit: float = 6.0, slope: float = 0.0
) -> None:
    """Draw the core of a place into the maps; with a slope, it falls to the right."""
    shape = maps.cores.shape
    y, x = LAYER_STRIDE * np.mgrid[: shape[1], : shape[2]] + (LAYER_STRIDE - 1) / 2
    y -= slope * (x - (place.left + place.right) / 2)
    distances = np.stack([x - place.left, y - place.top, place.right - x, place.bottom - y])
    inset = core_inset(np.array(min(place.width, place.height)))
    maps.cores[kind][distances.min(axis=0) >= inset] = logit


def rule(
    maps: PageMaps, layer: Layer, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """Draw a ruled line, upright or level, 2 pixels thick, into its layer."""
    (left, top), (right, bottom) = start, end
    columns = slice(int(left // 2), int(right // 2) + 1)
    maps.layers[layer, int(top // 2) : int(bottom // 2) + 1, columns] = 6


def rule_around(maps: PageMaps, place: Box) -> None:
    """Draw the lines of a place's four sides."""
    for x in (place.left, place.right):
        rule(maps, Layer.RULED_DOWN, (x, place.top), (x, place.bottom))
    for y in (place.top, place.bottom):
        rule(maps, Layer.RULED_ACROSS, (place.left, y), (place.right, y))
