"""What the files to read are: the hash of their content, their pages, which are duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO

from formreader.errors import FormreaderError
from formreader.forms.pages import count_pages, open_file
from formreader.remote import size_and_time
from formreader.results.store import FileRecord
from formreader.types import InputFile

_THREADS = 4
"""Enough to keep a drive on the network busy; hashing itself is quicker than most drives."""

_CHUNK = 2**18
"""Bytes, read at a time: few enough to be still in the core's cache when they are hashed."""

_FILES_AHEAD = 256
"""Files that are hashed at a time, so that what waits does not grow with their number."""


def input_records(files: Sequence[InputFile]) -> Iterator[FileRecord]:
    """The record of each of `files`, in their order.

    A file that cannot be read has `error` set and one page. A file with the same content as
    an earlier one has that one's label in `duplicate_of`.
    """
    first = dict[str, str]()
    for file, record in zip(files, _hashed(files), strict=True):
        if record.error:
            yield record
        elif (earlier := first.setdefault(record.sha256, record.label)) != record.label:
            yield replace(record, duplicate_of=earlier)
        else:
            # Not in the threads: PDFium must only be used by one.
            yield replace(record, pages=count_pages(file))


def _hashed(files: Sequence[InputFile]) -> Iterator[FileRecord]:
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(files), _FILES_AHEAD):
            yield from threads.map(_hash, files[start : start + _FILES_AHEAD])


def _hash(file: InputFile) -> FileRecord:
    """The record of one file, with one page."""
    try:
        size, changed = size_and_time(file.path)
        with open_file(file.path) as stream:
            sha256 = _sha256(stream)
    except (OSError, FormreaderError) as error:
        return FileRecord(file.label, file.path, 0, 0, "", pages=1, error=str(error))
    return FileRecord(file.label, file.path, size, changed, sha256, pages=1)


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
