"""Pieces of training pages, and what the network is taught of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.classes import Layer
from formreader.detect.peaks import STRIDE
from formreader.look.page_maps import CHANNELS, LAYER_STRIDE, PageMaps
from formreader.look.places import find_places
from formreader.synth import FormSpec, render_form
from page_network.pieces import (
    CORES,
    LAYER_BITS,
    PIECE_SIDE,
    TARGETS,
    sample_piece,
)
from page_network.training_pages import TrainingPage, straightened


@pytest.fixture(scope="module")
def page() -> TrainingPage:
    spec = FormSpec("mixed", "clean", line="solid", dpi=100, width=120, height=110)
    return straightened(render_form(3, spec, with_layers=True))


def test_a_piece_and_its_targets_have_their_shapes(page: TrainingPage) -> None:
    piece, targets = sample_piece(page, np.random.default_rng(1))
    assert piece.shape == (PIECE_SIDE, PIECE_SIDE)
    assert piece.dtype == np.uint8
    assert targets.shape == (PIECE_SIDE // STRIDE, PIECE_SIDE // STRIDE, TARGETS)
    assert set(np.unique(targets[..., LAYER_BITS]).tolist()) <= {0.0, 1.0}
    assert targets[..., CORES].any()


def test_a_seed_cuts_one_piece(page: TrainingPage) -> None:
    (first, wanted), (again, same) = (
        sample_piece(page, np.random.default_rng(5)) for _ in range(2)
    )
    assert np.array_equal(first, again)
    assert np.array_equal(wanted, same)


@pytest.mark.parametrize("seed", range(4))
def test_places_found_in_perfect_maps_are_those_of_the_piece(page: TrainingPage, seed: int) -> None:
    """Cores lie inside of the boxes, and the distances from there lead to their sides."""
    _, targets = sample_piece(page, np.random.default_rng(seed))
    maps = _certain(PageMaps.from_output(targets[..., :CHANNELS].transpose(2, 0, 1).copy()))
    boxes, _ = find_places(maps)
    assert len(boxes)
    low, high = boxes.corners.min(axis=1), boxes.corners.max(axis=1)
    for y, x in np.argwhere(maps.cores[0] > 0) * LAYER_STRIDE + 0.5:
        assert ((low < (x, y)) & ((x, y) < high)).all(axis=1).any()


def test_what_is_dark_in_a_piece_is_in_a_layer(page: TrainingPage) -> None:
    shares = []
    for seed in range(12):
        piece, targets = sample_piece(page, np.random.default_rng(seed))
        bits = targets[..., LAYER_BITS].reshape(96, 96, len(Layer), 4).max(axis=(2, 3)) > 0
        blocks = piece.reshape(96, 4, 96, 4).max(axis=(1, 3))
        shares.append(np.median(blocks[bits]) - np.median(blocks[~bits]))
    assert np.median(shares) > 60


def test_places_that_share_a_side_have_cores_apart(page: TrainingPage) -> None:
    _, targets = sample_piece(page, np.random.default_rng(2))
    maps = PageMaps.from_output(targets[..., :CHANNELS].transpose(2, 0, 1).copy())
    low, high = page.boxes.min(axis=1), page.boxes.max(axis=1)
    assert ((high - low).min(axis=0) > 6).all()
    count = cv2.connectedComponents((maps.cores[0] > 0).astype(np.uint8), connectivity=4)[0] - 1
    assert count == len(find_places(_certain(maps))[0])


def _certain(maps: PageMaps) -> PageMaps:
    """The maps as logits, without lines, so that no side is moved."""
    return PageMaps(np.full_like(maps.layers, -9), 12 * maps.cores - 6)
