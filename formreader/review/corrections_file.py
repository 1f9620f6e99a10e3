"""Reads corrections.csv, which the report saves: the one reader of that file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from formreader.core.classes import CLASSES, NOT_A_DIGIT
from formreader.core.errors import NoInputError
from formreader.core.geometry import Box

COLUMNS = ("file", "page", "x", "y", "width", "height", "digit")
"""The columns of corrections.csv that are needed."""

_BLANK_OR_UNREADABLE = ("", "?")
"""Value of `digit` for a box marked as blank, and for one marked as unreadable."""

_WHOLE_FIELD = "0"
"""Value of `box` in a row about a whole field, whose `value` it gives."""

_VALUE_MARKS = frozenset("0123456789?.,- ")
"""The characters of a value."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person saw in a box, or what the value of a whole field is.

    `file` is the name in the results, `page` is 0-based, `place` in whole pixels of the page.
    `digit` is 0 to 9, "" for a blank or "?" for no digit. With a `value` the row is about a whole
    field, and `digit` means nothing. `field` and `box` count from 1; they, `guess`, `confidence`
    and `job` (what was read, and in which job) are None in tables that do not have them. `source`
    names the table and the line.
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
        with path.open(encoding="utf-8-sig", newline="") as stream:  # -sig: spreadsheets add a BOM
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise NoInputError(
                    f"{path}: has no column {', '.join(missing)}. Give the corrections.csv that "
                    "the report of `formreader scan` saved, as it was saved."
                )
            corrections = [_correction(path, reader.line_num, row) for row in reader]
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


def check_value(value: str) -> str:
    """Return the value of a field if it can be one.

    Raises:
        ValueError: it has other characters than digits, ?, separators and a minus.
    """
    if not set(value) <= _VALUE_MARKS:
        raise ValueError(f"a value has only digits, ?, separators and a minus. Received: {value}")
    return value


def _correction(path: Path, line: int, row: Mapping[str, str]) -> Correction:
    """Parse one row; its missing values are None where the line is too short."""
    try:
        page = int(row["page"])
        if not row["file"] or page < 1:
            raise ValueError("it names no page")
        left, top, width, height = (int(row[side]) for side in ("x", "y", "width", "height"))
        whole = row.get("box") == _WHOLE_FIELD
        return Correction(
            PurePosixPath(row["file"]).as_posix(),
            page - 1,
            Box(left, top, width, height),
            _digit(row["digit"]),
            check_value(row["value"] or "") if whole else None,
            _number(row.get("field")),
            _number(row.get("box")),
            row.get("guess"),
            row.get("confidence"),
            row.get("job"),
            row.get("by") or "",
            row.get("at") or "",
            f"{path}, line {line}",
        )
    except (KeyError, TypeError, ValueError) as error:
        cause = f"it has no {error}" if isinstance(error, KeyError) else error
        raise NoInputError(
            f"{path}, line {line}: {cause}. Mend or delete the line, or save again in the report."
        ) from error


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _digit(digit: str) -> str:
    if digit not in (*_BLANK_OR_UNREADABLE, *CLASSES[:NOT_A_DIGIT]):
        raise ValueError(f"`digit` must be 0 to 9, ? or nothing. Received: {digit}")
    return digit
