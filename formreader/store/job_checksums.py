"""Checksums of what a job stores: a flipped bit on the disk never changes a table silently."""

from __future__ import annotations

import hashlib
import marshal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from formreader.store import job_sql as sql
from formreader.store.job_rows import encode

_DIGEST_BYTES = 8
"""Length of a checksum: chance hits one of 10 to the 19. It is no protection against forgers."""


_MARSHAL_FORMAT = 2
"""Python's format that tells all values and types apart, numbers exactly, and writes a value alike
wherever it stands. It has been the same in all versions of Python 3."""


def file_checksum(label: str, sha256: str, pages: int) -> bytes:
    """Return the checksum of what later runs trust of a file."""
    return _digest([(encode(label), encode(sha256), pages)])


def page_checksum(connection: sqlite3.Connection, page: int) -> bytes:
    """Return the checksum of all that is stored of the page with the id `page`."""
    with _bytes_for_text(connection):
        return _digest(
            [connection.execute(query, (page,)).fetchall() for query in sql.CHECKED_ROWS]
        )


def drop_damaged(connection: sqlite3.Connection) -> int:
    """Delete the pages that are not as they were stored, and all of files that are not.

    Returns:
        The number of pages and files deleted.
    """
    with _bytes_for_text(connection):
        files = _damaged_files(connection)
        connection.executemany(sql.DROP_FILE, files)
        pages = list(_damaged_pages(connection))
        connection.executemany(sql.DROP_PAGE, pages)
    return len(files) + len(pages)


def has_damage(connection: sqlite3.Connection) -> bool:
    """Return whether a page or a file is not as it was stored."""
    with _bytes_for_text(connection):
        return bool(_damaged_files(connection)) or any(True for _ in _damaged_pages(connection))


@contextmanager
def _bytes_for_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts as bytes in the `with` block: damage need not be text."""
    decode, connection.text_factory = connection.text_factory, bytes
    try:
        yield
    finally:
        connection.text_factory = decode


def _damaged_files(connection: sqlite3.Connection) -> list[tuple[int]]:
    files = connection.execute(sql.CHECKED_FILES).fetchall()
    return [(file,) for file, *told, stored in files if _digest([tuple(told)]) != stored]


def _damaged_pages(connection: sqlite3.Connection) -> Iterator[tuple[int]]:
    for (page,) in connection.execute(sql.PAGE_IDS).fetchall():
        (stored,) = connection.execute(sql.PAGE_CHECKSUM, (page,)).fetchone()
        if page_checksum(connection, page) != stored:
            yield (page,)


def _digest(rows: list[Any]) -> bytes:
    """Return the checksum of rows of SQLite's values, with texts as bytes."""
    content = marshal.dumps(rows, _MARSHAL_FORMAT)
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
