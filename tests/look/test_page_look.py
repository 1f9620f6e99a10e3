"""What is seen of a page and of a picture: its shape and place, whatever the weights are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from true_looks import look_of

from formreader.core.errors import ModelError
from formreader.core.geometry import map_points, scaling
from formreader.look.page_look import PageLook, look_at, look_at_picture
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
    assert look.pen.shape == look.form.shape == (64, 96)
    first, last = map_points(look.to_layers, [(-0.5, -0.5), (575.5, 383.5)])
    assert (*first, *last) == pytest.approx((-0.5, -0.5, 95.5, 63.5))


@pytest.mark.parametrize(("height", "width"), [(36, 100), (28, 28), (300, 1200), (20, 4000)])
def test_a_picture_lies_between_margins(height: int, width: int) -> None:
    picture = np.full((height, width), 230, np.uint8)
    picture[height // 4 : height // 2, width // 4 : width // 2] = 30
    look = look_at_picture(picture)
    corners = map_points(look.to_layers, [(-0.5, -0.5), (width - 0.5, height - 0.5)])
    (left, top), (right, bottom) = 2 * corners + 0.5  # pixels of what the network is shown
    assert (left, top) == pytest.approx((13.5, 13.5))
    assert bottom - top <= 36.5
    assert right - left <= 800.5
    assert (bottom - top == pytest.approx(36, abs=1)) or right - left == pytest.approx(800, abs=1)
    assert look.pen.shape[0] >= bottom / 2


def test_logits_become_probabilities() -> None:
    logits = np.array([[-300, 0], [300, 1]], np.float32)
    expected = [[0, 0.5], [1, np.e / (1 + np.e)]]
    assert probabilities(logits) == pytest.approx(np.array(expected), abs=1e-6)


def test_a_view_shows_a_layer_in_the_places_of_a_patch() -> None:
    pen = np.zeros((200, 300), np.uint8)
    pen[80:120, 100:160] = 255
    look: PageLook = look_of(pen, np.zeros_like(pen))
    shift = np.array([[1, 0, 90], [0, 1, 70], [0, 0, 1]], np.float64)
    seen = look.view(look.pen, shift @ scaling(0.5, 0.5), (120, 160))
    rows, columns = np.nonzero(seen > 128)
    assert (rows.min(), rows.max() + 1) == pytest.approx((20, 100), abs=2)
    assert (columns.min(), columns.max() + 1) == pytest.approx((20, 140), abs=2)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model there"):
        PageNetwork.load(tmp_path)
