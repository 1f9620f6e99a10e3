"""Read still images as grey pixels, and their resolution."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from formreader.core.errors import PageError
from formreader.core.records import GreyImage
from formreader.input.file_formats import PNG, TIFF, FileFormat
from formreader.input.grey import grey_of
from formreader.input.jpeg import grey_of_jpeg
from formreader.input.resolution import METADATA_ERRORS, credible_dpi, stated_dpi

_TURNS: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
"""The operation that turns an image upright, by its EXIF orientation."""

_ORIENTATION_TAG = 0x0112
"""Of EXIF and TIFF 6.0."""


def check_size(width: float, height: float, max_pixels: int) -> None:
    """Refuse an image that is too large, before it is decoded.

    Raises:
        PageError: it has more than `max_pixels` pixels.
    """
    if width * height > max_pixels:
        raise PageError(
            f"the image of {width:.0f} x {height:.0f} px is over the limit of "
            f"{max_pixels / 1e6:.0f} million pixels. Scan it at a lower resolution"
        )


def read_raster(
    stream: BinaryIO, file_format: FileFormat, number: int, max_pixels: int
) -> tuple[GreyImage, float | None]:
    """Decode image `number` (0-based) of an open file.

    Returns:
        The upright image, (height, width) uint8, and the dpi that it states, if credible.

    Raises:
        PageError: too many pixels, or damage that Pillow does not detect.
        Exception: whatever Pillow raises on bad data; the caller turns it into a `PageError`.
    """
    if file_format is PNG:
        data = stream.read()
        _check_png(data)
        stream = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of faults in the file that Pillow tolerates
        image = file_format.open(stream)
        if file_format is TIFF:
            image.seek(number)
        check_size(*image.size, max_pixels)
        grey = _grey(image, stream)
        dpi = stated_dpi(image)
        # A TIFF is already turned: Pillow does it on loading, and removes its tag.
        turn = _TURNS.get(_orientation(image))
    if turn is not None:
        grey = np.asarray(Image.fromarray(grey).transpose(turn))
    return grey, credible_dpi(dpi, grey.shape)


def count_tiff_pages(stream: BinaryIO, max_pages: int | None = None) -> int:
    """The number of pages of a TIFF file, from its chain of directories (TIFF 6.0, section 2).

    Where the chain breaks off, the missing page is counted, so that reading it fails and no
    page is lost silently. Counting ends at `max_pages` + 1.
    """
    last = math.inf if max_pages is None else max_pages
    head = stream.read(16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    count_format, entry_size, next_format = ("Q", 20, "Q") if is_big else ("H", 12, "L")
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + next_format, head, 8 if is_big else 4)
        while offset and offset not in seen and len(seen) <= last:
            seen.add(offset)
            stream.seek(offset)
            (entries,) = _unpack(stream, order + count_format)
            if not entries:  # not an image; in a run of zeros each would lead to the next
                break
            stream.seek(entries * entry_size, io.SEEK_CUR)
            (offset,) = _unpack(stream, order + next_format)
    except (struct.error, OSError, OverflowError, ValueError):
        pass
    return max(1, len(seen))


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def _grey(image: ImageFile, stream: BinaryIO) -> GreyImage:
    """The luminance of an image that was opened from `stream`."""
    if not isinstance(image, JpegImageFile):
        return grey_of(image)
    stream.seek(0)
    return grey_of_jpeg(image, stream.read())


def _check_png(data: bytes) -> None:
    """Check what Pillow does not: that all chunks exist and have the right checksums.

    Raises:
        PageError: data is damaged or missing.
    """
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">L4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(memoryview(data)[position + 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise PageError("a part of the PNG data is damaged. Scan or copy the file again")
        if name == b"IEND":
            return
        position = end + 4
    raise PageError("the PNG data ends early. Scan or copy the file again")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where the metadata is missing or damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except METADATA_ERRORS:
        return 1
