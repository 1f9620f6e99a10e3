"""Images of any mode, and JPEG data, as grey pixels with bright paper and dark ink."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from formreader.core.errors import PageError
from formreader.core.records import GreyImage

_PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 262, 0
"""TIFF 6.0: the tag PhotometricInterpretation, and its value where 0 is white."""

_FLOAT_WHITES = (1.0, 255.0, 65535.0)
"""What programs use as white in images of floating-point numbers."""


def grey_of(image: Image.Image) -> GreyImage:
    """The luminance, (h, w) uint8, of an image of any mode; transparent parts become white."""
    image.load()
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if (
            isinstance(image, TiffImageFile)
            and image.tag_v2.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
        ):
            values = np.iinfo(np.uint16).max - values
        return _from_integers(values)
    if image.mode == "I":
        return _from_integers(np.asarray(image).clip(min=0))
    if image.mode == "F":
        return _from_floats(np.asarray(image))
    if image.mode == "LAB":
        return np.asarray(image.getchannel(0))
    if image.has_transparency_data:
        return _over_white(image)
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _over_white(image: Image.Image) -> GreyImage:
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (0, 0):  # wholly transparent: an unused channel
        return np.asarray(image.convert("L"))
    paper = Image.new("L", image.size, 255)
    paper.paste(image.convert("L"), mask=alpha)
    return np.asarray(paper)


def _from_integers(values: npt.NDArray[np.integer]) -> GreyImage:
    """The top 8 of the bits in use: 8 to 12 by the largest value, else 16 or more."""
    depth = int(values.max()).bit_length()
    depth = 16 if 12 < depth < 16 else max(8, depth)
    return (values >> (depth - 8)).astype(np.uint8)


def _from_floats(values: npt.NDArray[np.floating]) -> GreyImage:
    """Scale to 0..255; white is the smallest of `_FLOAT_WHITES` that no value exceeds."""
    known = np.nan_to_num(values, nan=np.inf, posinf=np.inf, neginf=0)
    peak = float(known.max(where=np.isfinite(known), initial=0))
    white = next((white for white in _FLOAT_WHITES if peak <= white), peak)
    scaled: npt.NDArray[np.floating] = known.clip(0, white) * (255 / white)
    return scaled.round().astype(np.uint8)


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
    """The luminance, (h, w) uint8, of the JPEG `data`, whose header is already in `image`.

    libjpeg-turbo takes half of Pillow's time, but Pillow tolerates more: it decodes what warns.

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
    """The luminance of JPEG data; ValueError on a warning of libjpeg or another size."""
    grey = np.empty((height, width), np.uint8)
    decoded = simplejpeg.decode_jpeg(data, "GRAY", buffer=grey, strict=True)
    if decoded.shape != (height, width, 1):
        raise ValueError("Pillow and libjpeg see images of different sizes")
    return grey


def _ends_early(grey: GreyImage, data: bytes) -> bool:
    """Whether JPEG data is incomplete although its end marker is there.

    Missing blocks are mid-grey. If the last one is, the image is decoded again with extra bytes
    before the end marker: they change it only if the decoder still expected data.
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
