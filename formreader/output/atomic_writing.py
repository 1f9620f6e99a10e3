"""Writes result files, whole or not at all, and checks before any work that they can be written."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from formreader.core.errors import OutputError, is_disk_full
from formreader.core.locations import STANDARD_OUTPUT, Place, is_url
from formreader.core.remote_files import check_upload, upload


def check_writable(place: Place, option: str = "--out") -> None:
    """Check before any work that `place`, chosen by `option`, can be written; leaves no trace.

    A temporary file is created beside it and deleted: permission bits do not hold for root, on
    network drives, or on a full or read-only disk.

    Raises:
        OutputError: the folder is missing or read-only, or `place` is locked or not an ordinary
            file.
        UsageError: a URL's protocol is unknown, or the package for it is missing.
    """
    if place == STANDARD_OUTPUT:
        return
    if is_url(place):
        try:
            check_upload(place)
        except OSError as error:
            raise _output_error(place, error, option) from error
        return
    path = Path(place)
    target = _target(path, option)
    try:
        if target.exists():
            with target.open("r+b"):
                pass
        part = _part_file(target)
        with part.open("x"):
            pass
        part.unlink()
    except OSError as error:
        raise _output_error(path, error, option) from error


@contextmanager
def atomic_writer(place: Place, option: str = "--out") -> Iterator[TextIO]:
    r"""Open `place` for UTF-8 text, which replaces the file only when all of it is written.

    Works as `atomic_stream`. Characters that UTF-8 cannot encode (from file names of broken
    encoding) are written as `\udcff`. Line ends are written as given.

    Raises:
        OutputError: the file cannot be written, for instance because the disk is full.
    """
    with atomic_stream(place, option) as stream:
        text = io.TextIOWrapper(stream, "utf-8", errors="backslashreplace", newline="")
        yield text
        text.detach()  # flushes; `atomic_stream` closes the stream


def atomic_stream(place: Place, option: str = "--out") -> AbstractContextManager[BinaryIO]:
    """Open `place` for bytes, which replace the file only when all of them are written.

    They go to a temporary file in the same folder, or for a URL on this machine, which replaces the
    file at the end of the `with` block. After an exception the old file is unchanged.

    Raises:
        OutputError: the file cannot be written, for instance because the disk is full.
        UsageError: a URL's protocol is unknown, or the package for it is missing.
    """
    if place == STANDARD_OUTPUT:
        return _printed(option)
    return _uploaded(place, option) if is_url(place) else _replaced(Path(place), option)


@contextmanager
def _printed(option: str) -> Iterator[BinaryIO]:
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader has enough
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        raise _output_error("the standard output", error, option) from error


@contextmanager
def _replaced(path: Path, option: str) -> Iterator[BinaryIO]:
    target = _target(path, option)
    part = _part_file(target)
    try:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(OSError):  # a new file, or a drive without permission bits
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        # An error of writing names no file or one of these two; others come from the caller.
        if error.filename is not None and Path(error.filename) not in (part, target):
            raise
        raise _output_error(path, error, option) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _uploaded(url: str, option: str) -> Iterator[BinaryIO]:
    with tempfile.TemporaryDirectory(prefix="formreader-") as folder:
        part = Path(folder, "part")
        with _replaced(part, option) as stream:
            yield stream
        try:
            upload(part, url)
        except OSError as error:
            raise _output_error(url, error, option) from error


def _target(path: Path, option: str) -> Path:
    """Return the file that `path` leads to; links are followed, so that they are not replaced."""
    try:
        target = path.resolve()
        ordinary = target.is_file() or not target.exists()
    except (OSError, RuntimeError) as error:  # a loop of links, or no permission for a folder
        raise OutputError(
            f"{path}: cannot be written: {error}. Choose another file with {option}."
        ) from error
    if not ordinary:
        kind = "a folder" if target.is_dir() else "a device or pipe, not an ordinary file"
        raise OutputError(
            f"{path}: cannot be written: it is {kind}. Give the name of a file with {option}."
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"{path}: cannot be written: the folder {target.parent} does not exist. "
            f"Create it or choose another with {option}."
        )
    return target


def _part_file(target: Path) -> Path:
    return target.with_name(f".formreader-{secrets.token_hex(6)}.part")


def _output_error(place: Place, error: OSError, option: str) -> OutputError:
    if is_disk_full(error):
        remedy = "Free some space"
    elif is_url(place):
        remedy = "Check the address, the permissions and the connection"
    elif error.errno in (errno.EACCES, errno.EPERM):
        remedy = "Ask for permission, close the file in other programs"
    else:
        remedy = "Check the disk"
    cause = error.strerror or str(error)
    return OutputError(
        f"{place}: cannot be written: {cause}. {remedy}, or choose another place with {option}."
    )
