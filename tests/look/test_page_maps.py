"""The network's output taken apart: where each of its numbers is on the page."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import Layer
from formreader.look.page_maps import (
    CHANNELS,
    CORE_KINDS,
    LAYERS,
    PageMaps,
    core_inset,
    inset_of_core,
)
from page_network.pieces import in_fours


def test_each_cell_has_four_places_of_each_layer() -> None:
    output = np.zeros((CHANNELS, 3, 5), np.float32)
    for k in range(4 * LAYERS):
        output[k, 1, 2] = k
    maps = PageMaps.from_output(output)
    assert maps.layers.shape == (LAYERS, 6, 10)
    for layer in Layer:
        assert maps.layers[layer, 2:4, 4:6].ravel().tolist() == [4 * layer + i for i in range(4)]


def test_cores_are_on_the_grid_of_the_layers() -> None:
    output = np.arange(CHANNELS, dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    maps = PageMaps.from_output(output)
    assert maps.cores.shape == (CORE_KINDS, 4, 6)
    assert maps.cores[:, 2, 4].tolist() == [4 * LAYERS, 4 * LAYERS + 4]


@pytest.mark.parametrize("side", [9.0, 10.0, 17.0, 32.0, 33.0, 120.0])
def test_the_inset_of_a_core_is_known_from_the_core(side: float) -> None:
    inset = core_inset(np.array(side))
    assert inset_of_core(side - 2 * inset) == pytest.approx(inset)


def test_what_is_taught_of_the_layers_is_read_back() -> None:
    bits = np.random.default_rng(4).random((12, 20, LAYERS)) < 0.3
    output = np.zeros((6, 10, CHANNELS), np.float32)
    output[..., : 4 * LAYERS] = in_fours(bits)
    maps = PageMaps.from_output(output.transpose(2, 0, 1))
    assert np.array_equal(maps.layers, bits.transpose(2, 0, 1))
