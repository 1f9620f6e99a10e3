"""The fields of a report: in the order in which an answer is worth most, and in parts.

Fields come in the order of the table and are written to a file without a name. Kept in memory are
three numbers for each, by which they are then read back in the order of the review.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeAlias

from formreader.core.doubts import all_of
from formreader.core.records import DigitReading, FieldReading, ReviewField, Status
from formreader.output.table import digit_text, file_cell, whole_pixels

Json: TypeAlias = "str | int | float | list[Json]"

PART_BYTES = 1_000_000
"""Size of a part, at least, but for the last one. About 100 fields: one is loaded while a person
answers those of another, and a wall of 100 digits needs few. No measurement on record."""

_JSON = json.JSONEncoder(separators=(",", ":")).encode
"""As `json.dumps`, which makes an encoder each time."""

_KEY_DIGITS = 12
"""Hexadecimal digits of a field's key: 48 bits tell the fields of one job apart."""


class ReviewOrder:
    """Fields with a digit to review, on disk, by what an answer is worth; `size` is in bytes."""

    def __init__(self, folder: Path | None, *, blind: bool) -> None:
        """Without fields; their file will be in `folder`. `blind`: they keep their order."""
        self.size = 0
        self._blind = blind
        self._records = _nameless_file(folder)
        self._starts, self._worth = array("Q"), array("d")

    def take(
        self,
        fields: Iterable[ReviewField],
        sources: Mapping[str, str],
        gains: Mapping[tuple[str, int, int], float],
    ) -> None:
        """Take the fields, in the order of the table; `sources` are addresses of their files.

        `gains` is how many wrong values elsewhere an answer shows, by (file, page, number).
        """
        for field in fields:
            if field.reading.status is not Status.REVIEW:
                continue
            entry = _JSON(_entry(field, len(self._starts)))
            record = _JSON([_record(field, sources.get(field.file, "")), _pictures(field)])
            self._starts.append(self._records.tell())
            gain = gains.get((field.file, field.page, field.number), 0.0)
            self._worth.append(0.0 if self._blind else worth(field.reading, gain))
            self._records.write(f"{entry}\n{record}\n".encode("ascii"))
            self.size += len(record)

    def close(self) -> None:
        """Delete the file."""
        self._records.close()

    def parts(self) -> Iterator[tuple[list[str], list[str]]]:
        """Yield (entries of the index, records) of each part as JSON texts, worth most first."""
        entries, records, size = list[str](), list[str](), 0
        for i in sorted(range(len(self._starts)), key=lambda i: (-self._worth[i], i)):
            self._records.seek(self._starts[i])
            entries.append(self._line())
            records.append(self._line())
            size += len(records[-1])
            if size >= PART_BYTES:
                yield entries, records
                entries, records, size = [], [], 0
        if records:
            yield entries, records

    def _line(self) -> str:
        return self._records.readline().decode("ascii").rstrip("\n")


def _nameless_file(folder: Path | None) -> IO[bytes]:
    """A file on the disk that will hold the report: /tmp may be memory. None for anywhere."""
    with suppress(OSError):
        return TemporaryFile(dir=folder)
    return TemporaryFile()


def worth(read: FieldReading, gain: float = 0.0) -> float:
    """How many wrong values a key press puts right, as expected by the confidences.

    `gain`: wrong values of other fields that the answer shows, as their sum can then be checked.
    """
    keys = sum(digit.status is Status.REVIEW for digit in read.digits)
    return (doubt(read) + gain) / max(keys, 1)


def doubt(read: FieldReading) -> float:
    """The probability that digits to review make the value wrong, or that it has unread ones."""
    if read.frame is not None:  # a number in a cell was read as a whole
        return 1 - read.confidence
    waiting = (one.confidence for one in read.digits if one.status is Status.REVIEW)
    return 1 - math.prod(waiting)


def field_records(fields: Iterable[ReviewField]) -> Iterator[tuple[Json, Json]]:
    """Yield (record, pictures) of each field to review, in the order of the table, for programs.

    A record is file, page, field, area (left, top, width, height on the page, clockwise quarter
    turns to upright), boxes, key, frame, value, confidence, and 1 for a cell. Pictures are JPEG of
    the thumbnail and PNG of the crops, in base64.
    """
    for field in fields:
        if field.reading.status is Status.REVIEW:
            area, boxes, *whole = _record(field, "")[:6]
            place: list[Json] = [file_cell(field.file), field.page + 1, field.number + 1]
            yield [*place, area, boxes, _key(field), *whole], _pictures(field)


def _entry(field: ReviewField, row: int) -> list[Json]:
    """What the index says of field `row` of the table: `ReviewField` in report_model.js."""
    read = field.reading
    place: list[Json] = [file_cell(field.file), field.page + 1, field.number + 1]
    every = not any(digit.status is Status.REVIEW for digit in read.digits)  # a rule is broken
    asked = (every or digit.status is Status.REVIEW for digit in read.digits)
    texts = zip(map(digit_text, read.digits), asked, strict=True)
    marks = "".join((text or "_") if is_asked else "." for text, is_asked in texts)
    return [_key(field), *place, read.name, marks, round(doubt(read), 4), row]


def _record(field: ReviewField, source: str) -> list[Json]:
    """What only the shown field needs; `FieldDetail` in report_parts.js names the parts."""
    read = field.reading
    area: list[Json] = [*whole_pixels(field.thumbnail.area), field.thumbnail.turned]
    boxes: list[Json] = [_box_record(digit) for digit in read.digits]
    frame: list[Json] = list(whole_pixels(read.box))
    whole: list[Json] = [frame, read.value, round(read.confidence, 4), int(read.frame is not None)]
    return [area, boxes, *whole, source, all_of(*read.broken, read.remark)]


def _pictures(field: ReviewField) -> list[Json]:
    """The JPEG of the thumbnail and the PNG of the crops, in base64."""
    pictures = (field.thumbnail.jpeg, field.sprite)
    return [base64.b64encode(picture).decode("ascii") for picture in pictures]


def _key(field: ReviewField) -> str:
    """What browsers keep a field's answers under: the same as long as its writing is."""
    places = [whole_pixels(digit.box) for digit in field.reading.digits]
    name = json.dumps([file_cell(field.file), field.page, field.number, places])
    return hashlib.sha256(name.encode("ascii") + field.sprite).hexdigest()[:_KEY_DIGITS]


def _box_record(digit: DigitReading) -> list[Json]:
    """Return [x, y, width, height, guess, confidence, status, second guess, its confidence]."""
    second = "" if digit.second is None else str(digit.second)
    return [
        *whole_pixels(digit.box),
        digit_text(digit),
        round(digit.confidence, 4),
        digit.status.value,
        second,
        round(digit.second_confidence, 4),
    ]
