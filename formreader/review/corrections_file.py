"""Reads corrections.csv, which the report saves: the one reader of that file."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TextIO

from formreader.core.classes import CLASSES, NOT_A_DIGIT
from formreader.core.errors import NoInputError
from formreader.core.geometry import Box
from formreader.core.printable import printable
from formreader.core.user_files import open_regular_text

COLUMNS = ("file", "page", "x", "y", "width", "height", "digit")
"""The columns of corrections.csv that are needed."""

_BLANK_OR_UNREADABLE = ("", "?")
"""Value of `digit` for a box marked as blank, and for one marked as unreadable."""

_WHOLE_FIELD = "0"
"""Value of `box` in a row about a whole field, whose `value` it gives."""

_MAX_NUMBER = 10**9
"""Largest page, field, box or coordinate: files have far fewer, and no page so many pixels."""

_MAX_ROWS = 200_000
"""Most rows of a file. A person answers a few thousand digits a day; these take seconds."""

_MAX_SHOWN = 80
"""Characters of a wrong cell that a message shows."""

_MAX_CAUSE = 300
"""Characters of an error that a message shows."""

_MAX_CONFIDENCE_LENGTH = 40
"""Characters of a confidence; the report writes six."""

_VALUE_MARKS = frozenset("0123456789?.,- ")
"""The characters of a value."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person saw in a box, or what the value of a whole field is.

    `file` is the name in the results, `page` is 0-based, `place` in whole pixels of the page.
    `digit` is 0 to 9, "" for a blank or "?" for no digit. With a `value` the row is about a whole
    field, and `digit` means nothing. `field` and `box` count from 1. `guess` and `confidence` are
    what was read, in `job`. These five are None in tables without them. `source` names the table
    and the line.
    """

    file: str
    page: int
    place: Box
    digit: str
    value: str | None = None
    field: int | None = None
    box: int | None = None
    guess: str | None = None
    confidence: str | None = None
    job: str | None = None
    by: str = ""
    at: str = ""
    source: str = ""

    @property
    def label(self) -> int:
        """The class of the box: 0-9, or 10 for a blank or a non-digit."""
        return NOT_A_DIGIT if self.digit in _BLANK_OR_UNREADABLE else CLASSES.index(self.digit)


def read_corrections(path: Path) -> list[Correction]:
    """Read the rows of a corrections.csv, at least one.

    Raises:
        NoInputError: the file cannot be read, lacks columns or rows, or has an invalid row.
    """
    try:
        with open_corrections(path) as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise NoInputError(
                    f"{path}: has no column {', '.join(missing)}. Give the corrections.csv that "
                    "the report of `formreader scan` saved, as it was saved."
                )
            corrections = [
                _correction(path, reader.line_num, row) for row in islice(reader, _MAX_ROWS)
            ]
            if next(reader, None) is not None:
                raise NoInputError(
                    f"{path}: holds more than {_MAX_ROWS:,} corrections. Split the file"
                )
    except (OSError, UnicodeError, csv.Error) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise NoInputError(
            f"{path}: the corrections cannot be read ({cause}). Save them again in the report."
        ) from error
    if not corrections:
        raise NoInputError(
            f"{path}: holds no corrections. Check digits in the report, then save with S."
        )
    return corrections


def open_corrections(path: Path) -> TextIO:
    """Open a file of corrections, or an edited table, as text.

    Raises:
        OSError: it is too large, is no file, or cannot be read.
    """
    return open_regular_text(path, encoding="utf-8-sig", newline="")  # spreadsheets add a BOM


def shown(text: str, most: int = _MAX_SHOWN) -> str:
    """What a message shows of a text that another program wrote: one short line."""
    text = printable(text)
    return text if len(text) <= most else f"{text[:most]}..."


def check_value(value: str) -> str:
    """Return the value of a field if it can be one.

    Raises:
        ValueError: it has other characters than digits, ?, separators and a minus.
    """
    if not set(value) <= _VALUE_MARKS:
        raise ValueError(
            f"a value has only digits, ?, separators and a minus. Received: {shown(value)}"
        )
    return value


def _correction(path: Path, line: int, row: Mapping[str, str]) -> Correction:
    """Parse one row; its missing values are None where the line is too short."""
    try:
        page = _whole_number(row["page"])
        if not row["file"] or page < 1:
            raise ValueError("it names no page")
        left, top, width, height = (
            _whole_number(row[side]) for side in ("x", "y", "width", "height")
        )
        whole = row.get("box") == _WHOLE_FIELD
        return Correction(
            _name(row["file"]),
            page - 1,
            Box(left, top, width, height),
            _digit(row["digit"]),
            check_value(row["value"] or "") if whole else None,
            _number(row.get("field")),
            _number(row.get("box")),
            row.get("guess"),
            _confidence(row.get("confidence")),
            row.get("job"),
            row.get("by") or "",
            row.get("at") or "",
            f"{path}, line {line}",
        )
    except (KeyError, TypeError, ValueError) as error:
        cause = shown(str(error), _MAX_CAUSE)
        if isinstance(error, KeyError):
            cause = f"it has no {cause}"
        raise NoInputError(
            f"{path}, line {line}: {cause}. Mend or delete the line, or save again in the report."
        ) from error


@lru_cache(maxsize=1024)
def _name(file: str) -> str:
    """The name of a file without a leading `./`; many rows have the same."""
    return PurePosixPath(file).as_posix()


def _number(text: str | None) -> int | None:
    return _whole_number(text) if text else None


def _whole_number(text: str) -> int:
    """The number in a cell; ValueError for none, or one larger than any that the report saves."""
    number = int(text)
    if abs(number) > _MAX_NUMBER:
        raise ValueError(f"a number is too large: {shown(text)}")
    return number


def _confidence(text: str | None) -> str | None:
    """A confidence as it is written; ValueError if it is no number."""
    if text and not (len(text) <= _MAX_CONFIDENCE_LENGTH and math.isfinite(float(text))):
        raise ValueError(f"the confidence is no number: {shown(text)}")
    return text


def _digit(digit: str) -> str:
    if digit not in (*_BLANK_OR_UNREADABLE, *CLASSES[:NOT_A_DIGIT]):
        raise ValueError(f"`digit` must be 0 to 9, ? or nothing. Received: {shown(digit)}")
    return digit
