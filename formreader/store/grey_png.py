"""Encode small grey images as PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from formreader.core.records import GreyImage

_PNG_COMPRESSION_LEVEL = 1
"""Of 0 to 9. The highest saves 8 % of the bytes and takes 15 times as long."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMAT_OF_GREY = bytes([8, 0, 0, 0, 0])
"""Of the header: 8 bits a pixel, grey, the only compression and set of filters, not interlaced."""


def grey_png(image: GreyImage) -> bytes:
    """The content of a PNG file of a grey image, (h, w) uint8.

    No row is filtered: crops are mostly black. That takes less than half of Pillow's time on
    crops, which counts where one process stores the pages of many, and 6 % fewer bytes.
    """
    height, width = image.shape
    rows = np.zeros((height, width + 1), np.uint8)  # the first byte of each names its filter: none
    rows[:, 1:] = image
    pixels = zlib.compress(rows.tobytes(), _PNG_COMPRESSION_LEVEL)
    header = struct.pack(">LL", width, height) + _FORMAT_OF_GREY
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))
