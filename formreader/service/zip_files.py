"""Unpacks ZIPs of strangers, in a worker: with limits, and nothing outside the folder."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from formreader.core.errors import PageError
from formreader.service.file_names import is_hidden, is_page_file

_MAX_RATIO = 200
"""Most times that unpacked files may be larger than the ZIP. Scans as TIFF or JPEG hardly shrink;
blank pages as BMP shrink by up to 150. A bomb has 1,000 or far more. A choice."""

_SMALL = 2**24
"""Bytes unpacked up to which the ratio does not matter."""

_CHUNK = 2**18
"""Bytes that are unpacked at a time."""


class ZipTooLargeError(Exception):
    """A ZIP is over a limit; the message says which."""


def unpack_zip(
    archive: Path, folder: Path, max_files: int, max_size: int
) -> tuple[list[tuple[str, str, int]], int]:
    """Unpack the page files of `archive` into `folder`, as numbered files.

    Returns (name, name of its file in the folder, size) of each, and the number of other files.

    Names in the archive are never used as paths. What its directory says of sizes is not believed:
    bytes are counted as they come.

    Raises:
        ZipTooLargeError: it has too many files, is too large, or shrinks too well.
        PageError: it is damaged, needs a password, or has links or names outside its folder.
        OSError: its files cannot be written.
    """
    with _errors_of_reading():
        opened = zipfile.ZipFile(archive)
    with opened:
        return _unpack(opened, archive.stat().st_size, folder, max_files, max_size)


@contextmanager
def _errors_of_reading() -> Iterator[None]:
    """Turn every exception of reading an archive into a `PageError`.

    What is written is written outside of it: a full disk is no fault of the archive.
    """
    try:
        yield
    except Exception as error:  # zipfile lets those of zlib, bz2, lzma and struct through
        if type(error) is RuntimeError:  # what zipfile raises for a password
            raise PageError("the ZIP needs a password. Send it without one") from error
        raise PageError(f"the ZIP is damaged ({error}). Pack it again") from error


def _unpack(
    opened: zipfile.ZipFile, packed: int, folder: Path, max_files: int, max_size: int
) -> tuple[list[tuple[str, str, int]], int]:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > max_files:
        raise ZipTooLargeError(f"the ZIP has more than {max_files:,} files. Send several")
    for entry in entries:
        _check(entry)
    pages = [e for e in entries if is_page_file(e.filename) and not is_hidden(e.filename)]
    allowed = min(max_size, max(_SMALL, _MAX_RATIO * packed))
    if sum(entry.file_size for entry in pages) > allowed:
        raise _too_large(max_size)
    files, total = list[tuple[str, str, int]](), 0
    for number, entry in enumerate(pages, 1):
        name, size = f"{number:06}.unpacked", 0
        with folder.joinpath(name).open("xb") as target:
            for chunk in _content(opened, entry):
                size += len(chunk)
                if total + size > allowed:
                    raise _too_large(max_size)
                target.write(chunk)
        total += size
        files.append((entry.filename, name, size))
    return files, len(entries) - len(pages)


def _check(entry: zipfile.ZipInfo) -> None:
    """Refuse links, devices and names outside of the archive (PageError): scans have none."""
    mode = stat.S_IFMT(entry.external_attr >> 16)
    if mode not in (0, stat.S_IFREG):
        raise PageError(f"{entry.filename}: it is a link or a device in the ZIP. Pack files only")
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        raise PageError(f"{entry.filename}: the name leads out of the ZIP. Pack it again")


def _content(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with _errors_of_reading(), opened.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _too_large(max_size: int) -> ZipTooLargeError:
    return ZipTooLargeError(
        f"the ZIP unpacks to more than {max_size / 2**20:,.0f} MiB, or to far more than its own "
        "size. Send the files without a ZIP, or in several"
    )
