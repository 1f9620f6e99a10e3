"""What the page network gets right on pages that it was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from formreader.core.classes import Layer
from formreader.look.page_maps import PageMaps
from formreader.look.page_network import PageNetwork
from formreader.look.places import Places, find_places
from page_network.training_pages import TrainingPage

_MIN_OVERLAP = 0.5
"""Intersection over union from which a place is found."""


def measure(graph: Path, pages: Sequence[TrainingPage]) -> dict[str, float]:
    """Recall and precision of layers and places, and the share of print that is called pen."""
    network = PageNetwork(onnxruntime.InferenceSession(str(graph)))
    counts = Counter[str]()
    for page in pages:
        maps = network.look(page.image)
        counts += _layer_counts(maps, page)
        boxes, cells = find_places(maps)
        counts += _place_counts("boxes", boxes, page.boxes, page)
        counts += _place_counts("cells", cells, page.cells, page)
    figures = {"print called pen": counts["print as pen"] / max(counts["print alone"], 1)}
    for name in (*(layer.name.lower() for layer in Layer), "boxes", "cells"):
        hits = counts[f"{name} hit"]
        figures[f"{name}: recall"] = hits / max(counts[f"{name} true"], 1)
        figures[f"{name}: precision"] = hits / max(counts[f"{name} found"], 1)
    return {name: round(float(value), 4) for name, value in figures.items()}


def _layer_counts(maps: PageMaps, page: TrainingPage) -> Counter[str]:
    """Places of the layers' grid that are in a layer, are found so, and both."""
    counts = Counter[str]()
    height, width = (side // 2 * 2 for side in page.layers.shape)
    bits = page.layers[:height, :width]
    half = bits[::2, ::2] | bits[1::2, ::2] | bits[::2, 1::2] | bits[1::2, 1::2]
    found = maps.layers[:, : half.shape[0], : half.shape[1]] > 0
    for layer in Layer:
        true, name = (half >> layer & 1) > 0, layer.name.lower()
        counts[f"{name} hit"] += int((true & found[layer]).sum())
        counts[f"{name} true"] += int(true.sum())
        counts[f"{name} found"] += int(found[layer].sum())
    print_alone = half == 1 << Layer.PRINT
    counts["print alone"] += int(print_alone.sum())
    counts["print as pen"] += int((print_alone & found[Layer.PEN]).sum())
    return counts


def _place_counts(
    name: str, found: Places, true: npt.NDArray[np.float32], page: TrainingPage
) -> Counter[str]:
    """Places that are there, are found, and both; those in unclear areas are not counted."""
    inside = (true.mean(axis=1) > 0) & (true.mean(axis=1) < page.image.shape[::-1])
    true = true[inside.all(axis=1)]
    centres = found.corners.mean(axis=1)
    low, high = page.blind.min(axis=1), page.blind.max(axis=1)
    unclear = ((centres[:, None] > low) & (centres[:, None] < high)).all(axis=2).any(axis=1)
    overlap = _overlaps(found.corners, true)
    hit = overlap.max(axis=0, initial=0) >= _MIN_OVERLAP
    false = ~unclear & (overlap.max(axis=1, initial=0) < _MIN_OVERLAP)
    hits = int(hit.sum())
    return Counter(
        {f"{name} hit": hits, f"{name} true": len(true), f"{name} found": hits + int(false.sum())}
    )


def _overlaps(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Intersection over union of n and m upright quadrilaterals, (n, m)."""
    low, high, other_low, other_high = one.min(1), one.max(1), other.min(1), other.max(1)
    shared = np.minimum(high[:, None], other_high) - np.maximum(low[:, None], other_low)
    both = np.maximum(shared, 0).prod(axis=2)
    areas = (high - low).prod(axis=1)[:, None] + (other_high - other_low).prod(axis=1)
    return np.asarray(both / np.maximum(areas - both, 1e-9))
