"""Read still images as grey pixels, and their resolution."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.WebPImagePlugin import WebPImageFile

from formreader.core.errors import PageError
from formreader.core.geometry import MM_PER_INCH
from formreader.core.records import GreyImage
from formreader.input.file_formats import PNG, TIFF, FileFormat
from formreader.input.grey import grey_of, grey_of_jpeg

_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that turns an image upright, by its EXIF orientation."""

_TIFF_HEADER_BYTES = 16
"""Of the larger layout, BigTIFF."""

_ORIENTATION_TAG = 0x0112
"""Of EXIF and TIFF 6.0."""

_METADATA_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError, OSError),
    *(SyntaxError, TypeError, ValueError, struct.error),
)
"""Exceptions that Pillow raises on damaged metadata."""

_X_RESOLUTION_TAG, _Y_RESOLUTION_TAG, _RESOLUTION_UNIT_TAG = 0x011A, 0x011B, 0x0128
_PER_CENTIMETRE = 3
"""Tags of EXIF and TIFF 6.0, and the unit's value where it is not the inch."""

_SHEETS_MM = ((210, 297), (216, 279))
"""A4, Letter."""

_PAPER_MM = (*_SHEETS_MM, (297, 420), (148, 210), (105, 148), (216, 356), (279, 432))
"""The former and A3, A5, A6, Legal, Tabloid."""

_MIN_CREDIBLE_DPI, _MAX_CREDIBLE_DPI = 50, 2400
_MAX_CREDIBLE_DPI_RATIO = 1.05
"""A resolution outside of the range, or with a larger ratio between its axes, is taken to be
wrong. No record of a measurement; a fax of 204 x 98 dpi counts as wrong."""

_PROGRAM_DEFAULT_DPI = (72, 96)
"""Written by programs that do not know the resolution."""

_MAX_PAPER_DEVIATION = 0.02
"""Of a page's sides from a paper size, as a share of these. No record of a measurement."""


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
    """Image `number` (0-based) of an open file, upright, (h, w) uint8, and its dpi if credible.

    Raises:
        PageError: there is no such image, it has too many pixels, or damage that Pillow does not
            detect.
        Exception: whatever Pillow raises on bad data; the caller turns it into a `PageError`.
    """
    if number and file_format is not TIFF:
        raise PageError("the file has one page")
    if file_format is PNG:
        data = stream.read()
        _check_png(data)
        stream = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of faults in the file that Pillow tolerates
        if file_format is TIFF and number:
            image = _open_tiff_page(file_format, stream, number)
        else:
            image = file_format.open(stream)
        check_size(*image.size, max_pixels)
        if isinstance(image, JpegImageFile):
            stream.seek(0)
            grey = grey_of_jpeg(image, stream.read())
        else:
            grey = grey_of(image)
        dpi = _stated_dpi(image)
        # A TIFF is already turned: Pillow does it on loading, and removes its tag.
        turn = _TURNS.get(_orientation(image))
    if turn is not None:
        grey = np.asarray(Image.fromarray(grey).transpose(turn))
    return grey, credible_dpi(dpi, grey.shape)


def count_tiff_pages(stream: BinaryIO, max_pages: int | None = None) -> int:
    """The number of pages of a TIFF file, from its chain of directories (TIFF 6.0, section 2).

    If the chain breaks off, the missing page is counted: reading it fails, and no page is lost
    silently. Counting ends at `max_pages` + 1.
    """
    last = None if max_pages is None else max_pages + 1
    return max(1, sum(1 for _ in islice(_tiff_directories(_TiffHeader.of(stream), stream), last)))


@dataclass(frozen=True, slots=True)
class _TiffHeader:
    """The beginning of a TIFF, up to the offset of its first directory, in its two layouts."""

    head: bytes
    count_format: str
    entry_size: int
    next_format: str
    first_at: int

    @classmethod
    def of(cls, stream: BinaryIO) -> _TiffHeader:
        stream.seek(0)
        head = stream.read(_TIFF_HEADER_BYTES)
        order = "<" if head[:2] == b"II" else ">"
        if head[2:4] in (b"+\0", b"\0+"):  # BigTIFF
            return cls(head, f"{order}Q", 20, f"{order}Q", 8)
        return cls(head, f"{order}H", 12, f"{order}L", 4)

    def leading_to(self, offset: int) -> bytes:
        """The same, with the directory at `offset` as the first one."""
        changed = bytearray(self.head)
        struct.pack_into(self.next_format, changed, self.first_at, offset)
        return bytes(changed)


def _tiff_directories(header: _TiffHeader, stream: BinaryIO) -> Iterator[int]:
    """The offsets of the directories of a TIFF, one a page, until the chain breaks off."""
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(header.next_format, header.head, header.first_at)
        while offset and offset not in seen:
            seen.add(offset)
            yield offset
            stream.seek(offset)
            (entries,) = _unpack(stream, header.count_format)
            if not entries:  # not an image; in a run of zeros each would lead to the next
                break
            stream.seek(entries * header.entry_size, io.SEEK_CUR)
            (offset,) = _unpack(stream, header.next_format)
    except (struct.error, OSError, OverflowError, ValueError):
        pass


def _open_tiff_page(file_format: FileFormat, stream: BinaryIO, number: int) -> ImageFile:
    """Open page `number` (or EOFError) as the first: Pillow reads all before, 0.1 s for 2,000."""
    header = _TiffHeader.of(stream)
    offset = next(islice(_tiff_directories(header, stream), number, None), None)
    if offset is None:
        raise EOFError(f"there is no page {number + 1} in the file")
    stream.seek(0)
    return file_format.open(cast("BinaryIO", _Overlaid(stream, header.leading_to(offset))))


class _Overlaid:
    """A file that begins with other bytes of the same number; else the file itself."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream = stream
        self._head = head

    def read(self, size: int = -1) -> bytes:
        at = self._stream.tell()
        data = self._stream.read(size)
        instead = self._head[at : at + len(data)]
        return instead + data[len(instead) :]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def _check_png(data: bytes) -> None:
    """Check what Pillow does not: that all chunks are there with their checksums (PageError)."""
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
    except _METADATA_ERRORS:
        return 1


def _stated_dpi(image: ImageFile) -> tuple[float, float] | None:
    """The dots per inch along x and y that a file states; None where it states none."""
    try:
        if "dpi" in image.info:
            x, y = image.info["dpi"]
            return float(x), float(y)
        if isinstance(image, WebPImageFile):
            exif = image.getexif()
            scale = 2.54 if exif.get(_RESOLUTION_UNIT_TAG) == _PER_CENTIMETRE else 1.0
            return scale * float(exif[_X_RESOLUTION_TAG]), scale * float(exif[_Y_RESOLUTION_TAG])
    except _METADATA_ERRORS:
        pass
    return None


def credible_dpi(stated: tuple[float, float] | None, shape: tuple[int, ...]) -> float | None:
    """The stated resolution; None if it is absurd, differs by axis, or is a program's default.

    A program's default counts if it gives the page a usual paper size. `shape` is (height, width)
    in pixels.
    """
    if stated is None or not all(math.isfinite(value) for value in stated):
        return None
    low, high = sorted(stated)
    possible = _MIN_CREDIBLE_DPI <= low <= high <= _MAX_CREDIBLE_DPI
    if not possible or high > _MAX_CREDIBLE_DPI_RATIO * low:
        return None
    dpi = (low + high) / 2
    by_program = any(abs(dpi - default) < 1 for default in _PROGRAM_DEFAULT_DPI)
    return None if by_program and not _is_paper(shape, dpi) else round(dpi, 1)


def estimated_dpi(shape: tuple[int, ...]) -> float:
    """The dpi of a page (height, width) in pixels if it is a whole sheet of A4 or Letter."""
    short, long = sorted(shape)
    width, height = min(_SHEETS_MM, key=lambda mm: abs(short / long - mm[0] / mm[1]))
    return round(MM_PER_INCH * max(short / width, long / height), 1)


def _is_paper(shape: tuple[int, ...], dpi: float) -> bool:
    """Whether a page of this (height, width) in pixels has a usual paper size."""
    short, long = (MM_PER_INCH * side / dpi for side in sorted(shape))
    return any(
        abs(short - a) < _MAX_PAPER_DEVIATION * a and abs(long - b) < _MAX_PAPER_DEVIATION * b
        for a, b in _PAPER_MM
    )
