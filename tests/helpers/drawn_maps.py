"""Maps of pages as a network that is always right would make them, drawn by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box
from formreader.core.page_layers import Layer
from formreader.look.page_maps import LAYER_STRIDE, STRIDE, PageMaps

BOX, CELL = 0, 1
"""Kinds of places."""


def draw_place(maps: PageMaps, place: Box, kind: int = BOX, logit: float = 6.0) -> None:
    """Draw the core of a place, and the distances to its sides, into the maps."""
    inset = float(np.clip(min(place.width, place.height) / 4, 2.5, 8))
    maps.cores[kind][_distances(place, maps.cores.shape, LAYER_STRIDE).min(axis=0) >= inset] = logit
    distances = _distances(place, maps.sides.shape, STRIDE)
    inside = distances.min(axis=0) > 0
    maps.sides[:, inside] = distances[:, inside]


def _distances(place: Box, shape: tuple[int, ...], stride: int) -> npt.NDArray[np.float64]:
    """(4, rows, columns) pixels to the place's left, top, right and bottom side."""
    y, x = (stride * np.mgrid[: shape[1], : shape[2]] + (stride - 1) / 2).astype(np.float64)
    return np.stack([x - place.left, y - place.top, place.right - x, place.bottom - y])


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
