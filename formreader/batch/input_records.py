"""Records of the input files: the hash of their content, number of pages, and duplicates."""

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
"""Returns the number of pages of a PDF; raises PageError."""

_HASHING_THREADS = 4
"""Files that are hashed in parallel. Hashing is faster than most drives, so a few threads keep even
a network drive busy. A choice; no record of a measurement."""

_HASHED_CHUNK_BYTES = 2**18
"""Bytes read at a time: few enough to stay in the processor's cache until they are hashed."""

_MAX_FILES_AHEAD = 256
"""Files that are submitted for hashing at a time, so that memory does not grow with the batch."""


def input_records(
    files: Sequence[InputFile], known_pages: Mapping[str, int], count_pdf: CountPdf
) -> Iterator[FileRecord]:
    """Yield the record of each of `files`, in their order.

    A file that cannot be read has `error` set and one page. A file with the same content as
    an earlier file has the label of that file in `duplicate_of`, and one page.

    Args:
        known_pages: SHA-256 of a file's content -> its number of pages, as counted by an earlier
            run.
    """
    first = dict[str, str]()
    for file, (record, is_pdf) in zip(files, _records_so_far(files), strict=True):
        earlier = first.setdefault(record.sha256, record.label) if record.sha256 else record.label
        if earlier != record.label:
            yield replace(record, pages=1, duplicate_of=earlier, error="")
        elif not is_pdf:
            yield record
        elif pages := known_pages.get(record.sha256):
            yield replace(record, pages=pages)
        else:
            yield _with_page_count(record, file, count_pdf)


def _records_so_far(files: Sequence[InputFile]) -> Iterator[tuple[FileRecord, bool]]:
    """Yield what `_record_so_far` returns for each of `files`, hashed by several threads."""
    with ThreadPoolExecutor(_HASHING_THREADS) as threads:
        for start in range(0, len(files), _MAX_FILES_AHEAD):
            yield from threads.map(_record_so_far, files[start : start + _MAX_FILES_AHEAD])


def _record_so_far(file: InputFile) -> tuple[FileRecord, bool]:
    """Return the record of a file, and whether it is a PDF, whose pages are not counted yet."""
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


def _with_page_count(record: FileRecord, file: InputFile, count_pdf: CountPdf) -> FileRecord:
    try:
        return replace(record, pages=count_pdf(file))
    except PageError as error:
        return _failed(record, error)


def _failed(record: FileRecord, error: PageError) -> FileRecord:
    """Return the record of a file that cannot be read; the error does not repeat its name."""
    return replace(record, error=str(error).removeprefix(f"{record.label}: "))


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_HASHED_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
