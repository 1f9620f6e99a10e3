"""A page at lower resolutions."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.image_pyramid import Pyramid


def test_a_halving_has_the_means_of_four_pixels_and_no_odd_ends() -> None:
    page = np.array([[0, 4, 9], [8, 12, 9], [20, 20, 9], [40, 40, 9]], np.uint8)
    pyramid = Pyramid(page)
    assert pyramid.level(0) is page
    assert pyramid.level(1).tolist() == [[6], [30]]


def test_a_halving_is_made_once() -> None:
    pyramid = Pyramid(np.zeros((40, 40), np.uint8))
    quarter = pyramid.level(2)
    assert quarter.shape == (10, 10)
    assert pyramid.level(2) is quarter


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2)])
def test_no_side_becomes_less_than_a_pixel(shape: tuple[int, int]) -> None:
    assert min(Pyramid(np.full(shape, 7, np.uint8)).level(5).shape) == 1
