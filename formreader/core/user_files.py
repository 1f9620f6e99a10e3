"""Files that people made: opened without waiting, read up to a limit, parsed at a known cost."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

_MAX_BYTES = 2**28
"""Largest file that is read whole if nothing else is said: a million corrections have 100 MB."""

_MAX_TOML_CHARACTERS = 2**20
"""Longest TOML text that is parsed. A form with 2,000 boxes has a tenth of it."""

_MAX_TOML_DOTS = 15
"""Most dots in one key or number; ours have one. `tomllib` keeps each beginning of a dotted key:
with 50,000 parts that took 100 s and 9.4 GiB. A text within both limits takes about a second."""

_TOML_TEXTS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:""")?'
    r"|'''(?:[^']|'(?!''))*+(?:''')?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
"""Strings and comments of a TOML text. Unfinished ones match too, so that no text takes long."""

_BETWEEN_TOML_KEYS = re.compile(r"[,=\[\]{}\n]")

_DELIMITERS = ",;\t"
"""What spreadsheets write between cells of CSV files, by country."""

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Opening a pipe must not wait for its other end; Windows has neither flag, and no such pipes."""


class NotAFileError(OSError):
    """It is a device, a pipe or a socket, from which bytes may come for ever, or never."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.EINVAL, "it is not a file", str(path))


def open_regular(path: str | Path, most: int | None = None) -> io.BufferedReader:
    """Open a regular file for reading bytes; `most` is the largest size, in bytes, to accept.

    The open file itself is asked what it is, as its name may lead elsewhere a moment later.

    Raises:
        NotAFileError: it is none.
        OSError: it is larger than `most`, a folder, gone, or there is no permission to read it.
    """
    try:
        stream = open(  # noqa: SIM115 - the caller closes it
            path, "rb", opener=lambda name, flags: os.open(name, flags | _NO_WAIT)
        )
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without a driver
            raise NotAFileError(path) from error
        raise
    facts = os.fstat(stream.fileno())
    if stat.S_ISREG(facts.st_mode) and (most is None or facts.st_size <= most):
        return stream
    stream.close()
    if not stat.S_ISREG(facts.st_mode):
        raise NotAFileError(path)
    raise _too_large(path, most or 0)


def read_regular(path: str | Path, most: int = _MAX_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path, most) as stream:
        content = stream.read(most + 1) or b""  # None where a file of the system has nothing to say
    if len(content) > most:  # it grows, or its size was not told
        raise _too_large(path, most)
    return content


def open_regular_text(
    path: str | Path, *, encoding: str = "utf-8", newline: str | None = None
) -> TextIO:
    """Open a regular file of at most 256 MiB as text; `encoding` and `newline` are those of `open`.

    Raises:
        OSError: as `open_regular`.
    """
    return io.TextIOWrapper(io.BytesIO(read_regular(path)), encoding, newline=newline)


def csv_reader(text: str) -> csv.DictReader[str]:
    """The rows of a CSV text with a heading, whatever its spreadsheet has between cells."""
    lines = text.splitlines(keepends=True)
    delimiter = max(_DELIMITERS, key=(lines[0] if lines else "").count)
    return csv.DictReader(lines, delimiter=delimiter)


def parse_toml(text: str) -> dict[str, Any]:
    """What a TOML text says; one that would take long or much memory is refused unread.

    Raises:
        tomllib.TOMLDecodeError: it is no TOML.
        ValueError: it is too long, has a key of too many parts, is nested too deep, or has a number
            of thousands of digits.
    """
    if len(text) > _MAX_TOML_CHARACTERS:
        raise ValueError(
            f"it has {len(text):,} characters, and at most {_MAX_TOML_CHARACTERS:,} are read"
        )
    pieces = _BETWEEN_TOML_KEYS.split(_TOML_TEXTS.sub("", text))
    if max(piece.count(".") for piece in pieces) > _MAX_TOML_DOTS:
        raise ValueError(f"a key has more than {_MAX_TOML_DOTS + 1} parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def parse_json(
    text: str | bytes,
    *,
    real: Callable[[str], Any] | None = None,
    whole: Callable[[str], Any] | None = None,
) -> Any:
    """What a JSON text says; `real` and `whole` make its numbers, else Python's own do.

    Raises:
        ValueError: it is no JSON, is nested too deep, or has NaN, Infinity or a whole number of
            thousands of digits.
    """
    try:
        return json.loads(text, parse_float=real, parse_int=whole, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _too_large(path: str | Path, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB", str(path))


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
