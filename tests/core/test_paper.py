"""The background of pictures, one or several at once."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.paper import paper_under_ink, papers_under_ink


@pytest.mark.parametrize("side", [1, 3, 9, 41, 81])
def test_several_pictures_have_the_backgrounds_that_each_has_alone(side: int) -> None:
    rng = np.random.default_rng(side)
    shapes = [(40, 130), (41, 131), (90, 20), (300, 400), (40, 133), (1, 1)]
    pictures = [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes]
    for picture, paper in zip(pictures, papers_under_ink(pictures, side), strict=True):
        assert (paper == paper_under_ink(picture, side)).all()


def test_no_pictures_have_no_backgrounds() -> None:
    assert papers_under_ink([], 9) == []
