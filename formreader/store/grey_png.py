"""PNG files of small grey pictures."""

from __future__ import annotations

import io

from PIL import Image

from formreader.core.records import GreyImage

_QUICK = 1
"""Level of compression; the best saves 8 % of the bytes and takes 15 times as long."""


def grey_png(image: GreyImage) -> bytes:
    """A PNG file of an image (h, w) uint8."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=_QUICK)
    return stream.getvalue()
