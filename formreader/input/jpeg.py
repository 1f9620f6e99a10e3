"""JPEG data to grey pixels."""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from formreader.core.errors import PageError
from formreader.core.records import GreyImage
from formreader.input.grey import grey_of

_PLAIN_MODES = ("L", "RGB")
"""Modes of which libjpeg itself gives the luminance; of CMYK it does not."""

_FILLING = 128
"""Level with which libjpeg fills blocks that it has no data of."""

_BLOCK = 8


def grey_of_jpeg(image: JpegImageFile, data: bytes) -> GreyImage:
    """Luminance of a JPEG, whose header `image` has read from `data`.

    libjpeg-turbo decodes sound data directly to grey, in about half of the time that it
    takes through Pillow. Where it warns of anything at all, Pillow, which overlooks more,
    and a check for missing data decide.

    Returns:
        (height, width) uint8.

    Raises:
        PageError: the data ends early.
        Exception: whatever Pillow raises on bad data; the caller translates.
    """
    if image.mode in _PLAIN_MODES:
        try:
            return _decode_strictly(data, image.height, image.width)
        except ValueError:  # whether that makes it unreadable is decided below
            pass
    image.draft("L", None)
    grey = grey_of(image)
    if _ends_early(grey, data):
        raise PageError("the JPEG data ends early. Scan or copy the file again")
    return grey


def _decode_strictly(data: bytes, height: int, width: int) -> GreyImage:
    """The luminance of sound JPEG data of a known size.

    Raises:
        ValueError: libjpeg warns of anything, or the size is another one.
    """
    grey = np.empty((height, width), np.uint8)
    decoded = simplejpeg.decode_jpeg(data, "GRAY", buffer=grey, strict=True)
    if decoded.shape != (height, width, 1):
        raise ValueError("Pillow and libjpeg see images of different sizes")
    return grey


def _ends_early(grey: GreyImage, data: bytes) -> bool:
    """Whether a JPEG has too little data although its end marker is there.

    The decoder fills what is missing with mid-grey. Only where the last block is
    exactly that, a second look is due: bytes slipped in before the end marker
    change the image if the decoder was still hungry.
    """
    if not (grey[-_BLOCK:, -_BLOCK:] == _FILLING).all():
        return False
    end = data.rfind(b"\xff\xd9")
    longer = data[:end] + b"\x5a" * 64 + data[end:]
    return not np.array_equal(_eighth(data), _eighth(longer))


def _eighth(jpeg: bytes) -> GreyImage:
    image = JpegImageFile(io.BytesIO(jpeg))
    image.draft("L", (image.width // _BLOCK, image.height // _BLOCK))
    return np.asarray(image)
