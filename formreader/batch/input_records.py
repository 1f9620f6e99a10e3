"""What the files to read are: the hash of their content, their pages, which are duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO, TypeAlias

from formreader.core.errors import PageError
from formreader.core.records import InputFile
from formreader.core.remote_files import size_and_time
from formreader.input.open_page import count_image_pages, open_file, page_errors
from formreader.store.job_store import FileRecord

CountPdf: TypeAlias = Callable[[InputFile], int]
"""The number of pages of a PDF; raises PageError."""

_THREADS = 4
"""Enough to keep a drive on the network busy; hashing itself is quicker than most drives."""

_CHUNK = 2**18
"""Bytes, read at a time: few enough to be still in the core's cache when they are hashed."""

_FILES_AHEAD = 256
"""Files that are hashed at a time, so that what waits does not grow with their number."""


def input_records(
    files: Sequence[InputFile], known_pages: Mapping[str, int], count_pdf: CountPdf
) -> Iterator[FileRecord]:
    """The record of each of `files`, in their order.

    A file that cannot be read has `error` set and one page. A file with the same content as
    an earlier one has that one's label in `duplicate_of`, and one page.

    Args:
        known_pages: SHA-256 of the content -> pages, of files that an earlier run counted.
    """
    first = dict[str, str]()
    for file, (record, is_pdf) in zip(files, _looked_into(files), strict=True):
        earlier = first.setdefault(record.sha256, record.label) if record.sha256 else record.label
        if earlier != record.label:
            yield replace(record, pages=1, duplicate_of=earlier, error="")
        elif not is_pdf:
            yield record
        elif pages := known_pages.get(record.sha256):
            yield replace(record, pages=pages)
        else:
            yield _counted(record, file, count_pdf)


def _looked_into(files: Sequence[InputFile]) -> Iterator[tuple[FileRecord, bool]]:
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(files), _FILES_AHEAD):
            yield from threads.map(_look_into, files[start : start + _FILES_AHEAD])


def _look_into(file: InputFile) -> tuple[FileRecord, bool]:
    """The record of one file, and whether it is a PDF, whose pages are still to be counted."""
    record = FileRecord(file.label, file.path, 0, 0, "", pages=1)
    try:
        with page_errors(file.label):
            size, changed = size_and_time(file.path)
            record = replace(record, size=size, mtime_ns=changed)
            with open_file(file.path) as stream:
                record = replace(record, sha256=_sha256(stream))
                pages = count_image_pages(stream)
    except PageError as error:
        return _failed(record, error), False
    return (record, True) if pages is None else (replace(record, pages=pages), False)


def _counted(record: FileRecord, file: InputFile, count_pdf: CountPdf) -> FileRecord:
    try:
        return replace(record, pages=count_pdf(file))
    except PageError as error:
        return _failed(record, error)


def _failed(record: FileRecord, error: PageError) -> FileRecord:
    """The record of a file that cannot be read; results name it in a column of their own."""
    return replace(record, error=str(error).removeprefix(f"{record.label}: "))


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
