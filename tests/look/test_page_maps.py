"""The network's output taken apart: where each of its numbers is on the page."""

from __future__ import annotations

import numpy as np
from page_network.pieces import _layer_bits

from formreader.core.page_layers import Layer
from formreader.look.page_maps import CHANNELS, CORE_KINDS, LAYERS, SIDE_UNIT, PageMaps


def test_each_cell_has_four_places_of_each_layer() -> None:
    output = np.zeros((CHANNELS, 3, 5), np.float32)
    for k in range(4 * LAYERS):
        output[k, 1, 2] = k
    maps = PageMaps.from_output(output)
    assert maps.layers.shape == (LAYERS, 6, 10)
    for layer in Layer:
        assert maps.layers[layer, 2:4, 4:6].ravel().tolist() == [4 * layer + i for i in range(4)]


def test_cores_and_distances_in_pixels() -> None:
    output = np.arange(CHANNELS, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    maps = PageMaps.from_output(output)
    assert maps.cores.shape == (CORE_KINDS, 2, 3)
    assert maps.cores[:, 1, 2].tolist() == [4 * LAYERS, 4 * LAYERS + 1]
    first = 4 * LAYERS + CORE_KINDS
    assert (maps.sides[:, 0, 0] / SIDE_UNIT).tolist() == [first + i for i in range(4)]


def test_what_is_taught_of_the_layers_is_read_back() -> None:
    rng = np.random.default_rng(4)
    page = rng.integers(0, 1 << LAYERS, (24, 40)).astype(np.uint8)
    page[rng.random(page.shape) < 0.7] = 0
    output = np.zeros((6, 10, CHANNELS), np.float32)
    output[..., : 4 * LAYERS] = _layer_bits(page)
    maps = PageMaps.from_output(output.transpose(2, 0, 1))
    for layer in Layer:
        bits = (page >> layer) & 1
        assert (maps.layers[layer] == bits.reshape(12, 2, 20, 2).max(axis=(1, 3))).all()
