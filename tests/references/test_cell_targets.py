"""Targets of cells are such that the finder gets the cells back from maps that match them."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from box_network.box_architecture import CELL_BRANCH, build_box_network
from box_network.box_loss import cell_loss
from box_network.box_targets import Targets
from box_network.box_training import freeze_all_but_cells
from box_network.cell_targets import (
    CORE,
    CORE_WEIGHT,
    EDGES,
    MAX_TAUGHT_HEIGHT,
    MIN_TAUGHT_HEIGHT,
    draw_all_targets,
    draw_cell_targets,
)
from formreader.detect.cell_maps import CELL_CHANNELS, EDGE_REACH, FoundCells, find_cells
from formreader.detect.peaks import STRIDE

pytestmark = pytest.mark.slow

Quads = npt.NDArray[np.float32]

NO_QUADS: Quads = np.zeros((0, 4, 2), np.float32)


def cell(x: float, y: float, width: float, height: float, tilt: float = 0.0) -> Quads:
    """The corners of a cell whose upper left one is (x, y), (1, 4, 2); `tilt` is a slope."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    sheared = corners @ np.array([[1, tilt], [-tilt, 1]])
    return np.asarray((sheared + (x, y))[None], np.float32)


def perfect_maps(cells: Quads, height: int = 160, width: int = 256) -> npt.NDArray[np.float32]:
    """The network's answer if it knew the targets, (10, h, w)."""
    target = draw_all_targets(NO_QUADS, cells, height, width)
    maps = np.zeros((10, *target.shape[:2]), np.float32)
    maps[CELL_CHANNELS.start] = 20 * (target[..., CORE] - 0.45)
    maps[CELL_CHANNELS.start + 1 : CELL_CHANNELS.stop] = np.moveaxis(target[..., EDGES], 2, 0)
    return maps


def found(cells: Quads) -> FoundCells:
    return find_cells(perfect_maps(cells))


@given(
    x=st.floats(10, 60), y=st.floats(10, 60), width=st.floats(20, 180), height=st.floats(14, 80),
    tilt=st.floats(-0.02, 0.02),
)  # fmt: skip
def test_a_cell_comes_back(x: float, y: float, width: float, height: float, tilt: float) -> None:
    quads = cell(x, y, width, height, tilt)
    cells = found(quads)
    assert len(cells) == 1 and cells.scores[0] > 0.8
    np.testing.assert_allclose(cells.corners, quads, atol=0.75 * STRIDE)


@pytest.mark.parametrize("height", [14, 20, 40])
def test_cells_that_share_a_line_stay_apart(height: int) -> None:
    table = np.concatenate(
        [cell(20.3 + 50 * c, 12.6 + height * r, 50, height) for r in range(3) for c in range(4)]
    )
    cells = found(table)
    order = np.lexsort((cells.corners[:, 0, 0].round(-1), cells.corners[:, 0, 1].round()))
    np.testing.assert_allclose(cells.corners[order], table, atol=1.5)


def test_maps_without_a_core_hold_no_cell() -> None:
    assert len(found(NO_QUADS)) == 0


def test_a_single_place_is_no_cell() -> None:
    maps = perfect_maps(NO_QUADS)
    maps[CELL_CHANNELS.start] = -5
    maps[CELL_CHANNELS.start, 10, 10] = 5
    assert len(find_cells(maps)) == 0


@pytest.mark.parametrize("height", [MIN_TAUGHT_HEIGHT - 2, MAX_TAUGHT_HEIGHT + 10])
def test_cells_out_of_range_are_neither_right_nor_wrong(height: float) -> None:
    target = draw_cell_targets(cell(20, 8, 120, height), 160, 256)
    assert not target[..., 0].any()
    middle = int(8 + height / 2) // STRIDE
    assert target[middle, 20, CORE_WEIGHT - CORE] == 0 and target[-1, -1, CORE_WEIGHT - CORE] == 1


def test_cells_outside_of_the_piece_leave_no_trace() -> None:
    assert not draw_cell_targets(cell(-90, 10, 60, 30), 160, 256)[..., 0].any()


def loss_of(target: Targets, maps: npt.NDArray[np.float32]) -> float:
    return float(cell_loss(tf.constant(target[None]), tf.constant(np.moveaxis(maps, 0, 2)[None])))


def test_maps_that_match_cost_little_and_others_more() -> None:
    quads = cell(30, 40, 120, 40)
    target, maps = draw_all_targets(NO_QUADS, quads, 160, 256), perfect_maps(quads)
    least = loss_of(target, maps)
    assert least < 0.15
    for channel in range(CELL_CHANNELS.start, CELL_CHANNELS.stop):
        wrong = maps.copy()
        wrong[channel] = -wrong[channel] if channel == CELL_CHANNELS.start else EDGE_REACH
        assert loss_of(target, wrong) > least + 0.1


def test_frozen_layers_keep_what_finds_boxes() -> None:
    network = build_box_network()
    freeze_all_but_cells(network)
    names = {layer.name for layer in network.layers if layer.trainable_weights}
    assert names and all(name.startswith(CELL_BRANCH) for name in names)
    before = [w.numpy() for w in network.get_layer("level0.merge").weights]
    page = tf.random.uniform((1, 64, 64, 1), seed=1)
    norm = network.get_layer("level0.merge.norm")
    assert isinstance(norm, keras.layers.BatchNormalization)
    network(page, training=True)
    after = [w.numpy() for w in network.get_layer("level0.merge").weights]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(norm.moving_mean.numpy(), np.zeros(norm.moving_mean.shape))
