"""Images are encoded without loss."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from formreader.store.job_rows import grey_png


@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (28, 168), (3, 1000)])
def test_pillow_reads_what_was_written(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(grey_png(picture))) as image:
        image.load()
        assert (image.format, image.mode) == ("PNG", "L")
        assert np.array_equal(np.asarray(image), picture)


def test_a_slice_of_an_image() -> None:
    whole = np.arange(256, dtype=np.uint8).reshape(16, 16)
    with Image.open(io.BytesIO(grey_png(whole[2:9, ::3]))) as image:
        assert np.array_equal(np.asarray(image), whole[2:9, ::3])
