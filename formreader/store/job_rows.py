"""Rows of a job's tables from readings and back, without loss; all numbers count from 1."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

import numpy as np

from formreader.core.classes import CROP_SIDE
from formreader.core.geometry import Box
from formreader.core.records import (
    DigitReading,
    FieldReading,
    GreyImage,
    PageCrops,
    PageReading,
    Status,
    Thumbnail,
)
from formreader.store.job_checksums import Row, checksum, packed, unpacked

_NO_FRAME = (None, None, None, None)


def encode(text: str) -> bytes:
    """UTF-8 of a text for SQLite, to be cast to TEXT. File names may have lone surrogates: kept."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """The inverse of `encode`."""
    return data.decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class PageRows:
    """What a job stores of a page, packed where it was read.

    `content` has all rows that `checksum` is of, in the order of `CHECKED_ROWS`, `counts` the
    numbers of those of other tables than the page's. `seconds` are those of its stages, as JSON.
    """

    seconds: str
    content: bytes
    checksum: bytes
    counts: tuple[int, ...]

    def unpacked(self) -> tuple[Row, list[list[Row]]]:
        """The row of the page, and those of each other table."""
        rows = iter(unpacked(self.content))
        return next(rows), [list(islice(rows, count)) for count in self.counts]


def page_rows(
    page: PageCrops, reading: PageReading, copy: tuple[bytes, str] | None = None
) -> PageRows:
    """Return what a job stores of a page, from its crops and its reading.

    `copy` is kept with a page whose form is yet to be learned: its picture and fields.

    Raises:
        ValueError: crops and reading are not of the same page, or a field has no picture.
    """
    number = reading.number + 1
    texts = (str(text) for text in (reading.error, reading.notice, reading.form))
    own = (reading.file, number, *texts, "")
    copies = [] if copy is None else [(*copy, "")]
    tables = [list(make) for make in (
        _field_rows(reading), _digit_rows(reading), _picture_rows(page, reading), copies
    )]  # fmt: skip
    content = packed([own, *(row for rows in tables for row in rows)])
    seconds = json.dumps(dict(page.seconds))
    return PageRows(seconds, content, checksum(content), tuple(map(len, tables)))


def _field_rows(reading: PageReading) -> Iterator[Row]:
    """A row of `FIELD_COLUMNS` for each field."""
    for number, field in enumerate(reading.fields, 1):
        frame = _NO_FRAME if field.frame is None else _box_row(field.frame)
        read = field.value, field.cells, float(field.confidence), field.status.value
        yield number, *read, *frame, field.name, "\n".join(field.broken), str(field.remark)


def _digit_rows(reading: PageReading) -> Iterator[Row]:
    """A row (box, *`DIGIT_COLUMNS`) for each box."""
    for number, field in enumerate(reading.fields, 1):
        for box, digit in enumerate(field.digits, 1):
            best = digit.digit, float(digit.confidence), digit.status.value
            second = digit.second, float(digit.second_confidence)
            acceptable = int(digit.acceptable)
            yield box, number, *_box_row(digit.box), *best, *second, acceptable


def _picture_rows(crops: PageCrops, reading: PageReading) -> Iterator[Row]:
    """A row of `PICTURE_COLUMNS` for each field with writing, as any may be put up for review."""
    if [len(one.boxes) for one in crops.fields] != [len(one.digits) for one in reading.fields]:
        raise ValueError(f"{reading.file}: the reading has other boxes than the crops")
    for number, (field, read) in enumerate(zip(crops.fields, reading.fields, strict=True), 1):
        if read.status is not Status.BLANK or any(digit.is_mark for digit in read.digits):
            if field.thumbnail is None:
                raise ValueError(f"{reading.file}: field {number} has no picture")
            shown = field.thumbnail
            area = *_box_row(shown.area), float(shown.scale), int(shown.turned)
            sprite = grey_png(field.crops.transpose(1, 0, 2).reshape(CROP_SIDE, -1))  # (28, 28 n)
            yield number, *area, shown.jpeg, sprite


def read_fields(fields: Iterable[Row], digits: Iterable[Row]) -> tuple[FieldReading, ...]:
    """The fields of a page, from ordered rows of `FIELD_COLUMNS` and `DIGIT_COLUMNS`."""
    of_field = {
        number: tuple(map(_read_digit, rows)) for number, rows in groupby(digits, itemgetter(0))
    }
    return tuple(_read_field(row, of_field.get(row[0], ())) for row in fields)


def read_picture(row: Row) -> tuple[Thumbnail, bytes]:
    """The picture of a field and the PNG of its crops, from a row of `PICTURE_COLUMNS`."""
    _, left, top, width, height, scale, turned, jpeg, crops = row
    return Thumbnail(jpeg, Box(left, top, width, height), scale, turned), crops


def _read_field(row: Row, digits: tuple[DigitReading, ...]) -> FieldReading:
    _, value, cells, confidence, status, left, top, width, height, *others = row
    name, broken, remark, *lowest = others
    box = None if left is None else Box(left, top, width, height)
    least = min((digit.confidence for digit in digits), default=lowest[0] if lowest else 1.0)
    read = digits, value, cells, confidence, Status(status), box, least, name
    return FieldReading(*read, tuple(broken.splitlines()), remark)


def _read_digit(row: Row) -> DigitReading:
    _, left, top, width, height, digit, confidence, status, *others = row
    second, second_confidence, acceptable = others
    box, judged = Box(left, top, width, height), Status(status)
    return DigitReading(box, digit, confidence, judged, second, second_confidence, bool(acceptable))


def _box_row(box: Box) -> tuple[float, float, float, float]:
    # SQLite stores NumPy's float32 as bytes, not as a number, and -0.0 as 0.0.
    return float(box.left) + 0.0, float(box.top) + 0.0, float(box.width), float(box.height)


_PNG_COMPRESSION_LEVEL = 1
"""Of 0 to 9. The highest saves 8 % of the bytes and takes 15 times as long."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORMAT_OF_GREY = bytes([8, 0, 0, 0, 0])
"""Of the header: 8 bits a pixel, grey, the only compression and set of filters, not interlaced."""


def grey_png(image: GreyImage) -> bytes:
    """The content of a PNG file of a grey image, (h, w) uint8.

    No row is filtered: crops are mostly black. That takes less than half of Pillow's time on
    crops, and 6 % fewer bytes.
    """
    height, width = image.shape
    rows = np.zeros((height, width + 1), np.uint8)  # the first byte of each names its filter: none
    rows[:, 1:] = image
    pixels = zlib.compress(rows.tobytes(), _PNG_COMPRESSION_LEVEL)
    header = struct.pack(">LL", width, height) + _FORMAT_OF_GREY
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))
