"""What is seen of a page and of a picture: its shape and place, whatever the weights are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import ModelError
from formreader.core.geometry import map_points, scaling
from formreader.look.page_look import look_at
from formreader.look.page_maps import CORE_KINDS, LAYERS, probabilities
from formreader.look.page_network import PageNetwork, shipped_page_network
from formreader.look.places import find_places
from formreader.preprocess.straighten import StraightPage


@pytest.mark.parametrize(("height", "width"), [(64, 96), (70, 101), (1, 1), (330, 200)])
def test_maps_cover_the_page(height: int, width: int) -> None:
    page = np.full((height, width), 255, np.uint8)
    page[height // 2 :, width // 2 :] = 60
    maps = shipped_page_network().look(page)
    rows, columns = (-(-side // 32) * 8 for side in (height, width))
    assert maps.layers.shape == (LAYERS, 2 * rows, 2 * columns)
    assert maps.cores.shape == (CORE_KINDS, 2 * rows, 2 * columns)
    assert np.isfinite(maps.layers).all()


@pytest.mark.parametrize("paper", [255, 250])
def test_a_white_page_has_no_places(paper: int) -> None:
    maps = shipped_page_network().look(np.full((640, 480), paper, np.uint8))
    boxes, cells = find_places(maps)
    assert len(boxes) == len(cells) == 0
    assert (maps.layers < 0).all()


def test_white_margins_change_nothing_of_what_is_seen() -> None:
    rng = np.random.default_rng(2)
    part = rng.integers(0, 255, (64, 96)).astype(np.uint8)
    page = np.full((192, 224), 255, np.uint8)
    page[64:128, 32:128] = part
    alone, within = (shipped_page_network().look(one) for one in (part, page))
    assert np.allclose(within.layers[:, 32:64, 16:64], alone.layers, atol=1e-3)


def test_a_look_is_in_the_places_of_the_stored_page() -> None:
    page = np.full((128, 192), 255, np.uint8)
    look = look_at(StraightPage(page, scaling(3, 3), 0.0))
    assert look.pen.shape == look.printed.shape == (64, 96)
    first, last = map_points(look.to_layers, [(-0.5, -0.5), (575.5, 383.5)])
    assert (*first, *last) == pytest.approx((-0.5, -0.5, 95.5, 63.5))


def test_logits_become_probabilities() -> None:
    logits = np.array([[-300, 0], [300, 1]], np.float32)
    expected = [[0, 0.5], [1, np.e / (1 + np.e)]]
    assert probabilities(logits) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model there"):
        PageNetwork.load(tmp_path)
