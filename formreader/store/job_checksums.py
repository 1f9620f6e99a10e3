"""Checksums of what a job stores: a flipped bit on the disk never changes a table silently."""

from __future__ import annotations

import hashlib
import marshal
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from formreader.store import job_sql as sql

Row: TypeAlias = tuple[Any, ...]
"""A row of a table: values that SQLite stores as they are."""

_DIGEST_BYTES = 8
"""Length of a checksum: chance hits one of 10 to the 19. It is no protection against forgers."""


_MARSHAL_FORMAT = 2
"""Python's format that tells all values and types apart, a text from a blob too, numbers exactly,
and writes a value alike wherever it stands. It has been the same in all versions of Python 3."""


def row_checksum(values: Iterable[object]) -> bytes:
    """Return the checksum of a row of a file or an answer, whose values SQLite stores as given."""
    return checksum(packed([values]))


def packed(rows: Iterable[Iterable[object]]) -> bytes:
    """Pack rows of SQLite's values, texts as `str`."""
    return marshal.dumps([tuple(row) for row in rows], _MARSHAL_FORMAT)


def unpacked(content: bytes) -> list[Row]:
    """The inverse of `packed`; of content that a process of this program has packed."""
    rows: list[Row] = marshal.loads(content)
    return rows


def checksum(content: bytes) -> bytes:
    """Return the checksum of packed rows."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def seal_run(connection: sqlite3.Connection) -> None:
    """Store the checksum of the record of the scan; to be called after each change of it."""
    rows = connection.execute(sql.CHECKED_RUN).fetchall()
    connection.execute(sql.SET_RUN_CHECKSUM, (checksum(packed(told for *told, _ in rows)),))


def seal_page(connection: sqlite3.Connection, page: int) -> None:
    """Store the checksum of the page with the id `page`; to be called after each change of it."""
    connection.execute(sql.SET_PAGE_CHECKSUM, (page_checksum(connection, page), page))


def run_is_whole(connection: sqlite3.Connection) -> bool:
    """Return whether the record of the scan is as it was stored."""
    with _any_text(connection):
        rows = connection.execute(sql.CHECKED_RUN).fetchall()
    return len(rows) == 1 and row_checksum(rows[0][:-1]) == rows[0][-1]


def page_checksum(connection: sqlite3.Connection, page: int) -> bytes:
    """Return the checksum of all that is stored of the page with the id `page`."""
    queries = (connection.execute(query, (page,)) for query in sql.CHECKED_ROWS)
    return checksum(packed(row for rows in queries for row in rows))


def drop_damaged(connection: sqlite3.Connection) -> int:
    """Delete pages of which not all, answers and file too, is as it was stored; count them."""
    with _any_text(connection):
        files = _damaged_files(connection)
        connection.executemany(sql.DROP_FILE, files)
        answered = _pages_of_damaged_answers(connection)
        connection.executemany(sql.DROP_PAGE, answered)
        pages = list(_damaged_pages(connection))
        connection.executemany(sql.DROP_PAGE, pages)
    if damaged := len(files) + len(answered) + len(pages):
        for statement in sql.DROP_ORPHANS:
            connection.execute(statement)
    return damaged


def has_damage(connection: sqlite3.Connection) -> bool:
    """Return whether a page, a file or an answer is not as it was stored."""
    with _any_text(connection):
        others = _damaged_files(connection) or _pages_of_damaged_answers(connection)
        return bool(others) or any(_damaged_pages(connection))


@contextmanager
def _any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts that need not be UTF-8, as damaged ones are not, in the `with` block."""
    decode = connection.text_factory
    connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = decode


def _damaged_files(connection: sqlite3.Connection) -> list[tuple[int]]:
    files = connection.execute(sql.CHECKED_FILES).fetchall()
    return [(file,) for file, *told, stored in files if row_checksum(told) != stored]


def _pages_of_damaged_answers(connection: sqlite3.Connection) -> list[tuple[object]]:
    answers = connection.execute(sql.CHECKED_ANSWERS).fetchall()
    damaged = {page for page, *told, stored in answers if row_checksum(told) != stored}
    return [(page,) for page in damaged]


def _damaged_pages(connection: sqlite3.Connection) -> Iterator[tuple[int]]:
    for (page,) in connection.execute(sql.PAGE_IDS).fetchall():
        (stored,) = connection.execute(sql.PAGE_CHECKSUM, (page,)).fetchone()
        if page_checksum(connection, page) != stored:
            yield (page,)
