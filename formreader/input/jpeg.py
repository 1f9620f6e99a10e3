"""Decode JPEG data to grey pixels."""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from formreader.core.errors import PageError
from formreader.core.records import GreyImage
from formreader.input.grey import grey_of

_PLAIN_MODES = ("L", "RGB")
"""Pillow's modes of images whose luminance libjpeg itself can decode; CMYK is none of them."""

_END_MARKER = b"\xff\xd9"

_FILL_LEVEL = 128
"""Grey level of blocks for which libjpeg has no data."""

_JPEG_BLOCK_SIDE = 8
"""Pixels."""

_PROBE = b"\x5a" * 64
"""Bytes that decode to some pixels where the decoder still expects data; 0xff would begin a
marker. No record of how value and length were chosen."""


def grey_of_jpeg(image: JpegImageFile, data: bytes) -> GreyImage:
    """The luminance of the JPEG `data`, whose header is already in `image`.

    libjpeg-turbo decodes intact data directly to grey, in about half of the time that Pillow
    takes. Where it gives any warning, Pillow decodes the data, as it tolerates more, and a
    check for missing data follows.

    Returns:
        (height, width) uint8.

    Raises:
        PageError: the data ends early.
        Exception: whatever Pillow raises on bad data; the caller turns it into a `PageError`.
    """
    if image.mode in _PLAIN_MODES:
        try:
            return _decode_strictly(data, image.height, image.width)
        except ValueError:  # Pillow may read it all the same
            pass
    image.draft("L", None)
    grey = grey_of(image)
    if _ends_early(grey, data):
        raise PageError("the JPEG data ends early. Scan or copy the file again")
    return grey


def _decode_strictly(data: bytes, height: int, width: int) -> GreyImage:
    """The luminance of intact JPEG data of a known size.

    Raises:
        ValueError: libjpeg gives a warning, or the size is another one.
    """
    grey = np.empty((height, width), np.uint8)
    decoded = simplejpeg.decode_jpeg(data, "GRAY", buffer=grey, strict=True)
    if decoded.shape != (height, width, 1):
        raise ValueError("Pillow and libjpeg see images of different sizes")
    return grey


def _ends_early(grey: GreyImage, data: bytes) -> bool:
    """Whether JPEG data is incomplete although its end marker is there.

    The decoder fills missing blocks with mid-grey. Only where the last block is exactly that
    grey, decode again with extra bytes before the end marker: they change the image only if
    the decoder still expected data.
    """
    if not (grey[-_JPEG_BLOCK_SIDE:, -_JPEG_BLOCK_SIDE:] == _FILL_LEVEL).all():
        return False
    end = data.rfind(_END_MARKER)
    longer = data[:end] + _PROBE + data[end:]
    return not np.array_equal(_eighth(data), _eighth(longer))


def _eighth(jpeg: bytes) -> GreyImage:
    """The image at an eighth of its size, which is quick to decode: a pixel per block."""
    image = JpegImageFile(io.BytesIO(jpeg))
    image.draft("L", (image.width // _JPEG_BLOCK_SIDE, image.height // _JPEG_BLOCK_SIDE))
    return np.asarray(image)
