"""Checksums of what a job stores: a flipped bit on the disk never changes a table silently."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from formreader.store import job_sql as sql
from formreader.store.job_rows import encode

_DIGEST_BYTES = 8
"""Length of a checksum: chance hits one of 10 to the 19. It is no protection against forgers."""


class _Text(bytes):
    """A text as its bytes: damage need not be UTF-8, and may have made a blob of a text."""


def row_checksum(values: Iterable[object]) -> bytes:
    """Return the checksum of a row of a file or an answer, whose values SQLite stores as given."""
    return _digest([values])


def seal_run(connection: sqlite3.Connection) -> None:
    """Store the checksum of the record of the scan; to be called after each change of it."""
    rows = connection.execute(sql.CHECKED_RUN).fetchall()
    connection.execute(sql.SET_RUN_CHECKSUM, (_digest(told for *told, _ in rows),))


def seal_page(connection: sqlite3.Connection, page: int) -> None:
    """Store the checksum of the page with the id `page`; to be called after each change of it."""
    connection.execute(sql.SET_PAGE_CHECKSUM, (page_checksum(connection, page), page))


def run_is_whole(connection: sqlite3.Connection) -> bool:
    """Return whether the record of the scan is as it was stored."""
    with _bytes_for_text(connection):
        rows = connection.execute(sql.CHECKED_RUN).fetchall()
    return len(rows) == 1 and _digest([rows[0][:-1]]) == rows[0][-1]


def page_checksum(connection: sqlite3.Connection, page: int) -> bytes:
    """Return the checksum of all that is stored of the page with the id `page`."""
    return _digest(row for query in sql.CHECKED_ROWS for row in connection.execute(query, (page,)))


def drop_damaged(connection: sqlite3.Connection) -> int:
    """Delete the pages that are not as they were stored, or whose answers or file are not.

    Returns:
        The number of damaged pages, files and pages with damaged answers.
    """
    with _bytes_for_text(connection):
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
    with _bytes_for_text(connection):
        if _damaged_files(connection) or _pages_of_damaged_answers(connection):
            return True
        return any(True for _ in _damaged_pages(connection))


@contextmanager
def _bytes_for_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Read texts as `_Text` in the `with` block."""
    decode, connection.text_factory = connection.text_factory, _Text
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


def _digest(rows: Iterable[Iterable[object]]) -> bytes:
    """Return the checksum of rows of SQLite's values; a text has the same as `_Text`, no blob."""
    done, told = list[bytes](), list[str]()
    # Of texts and whole numbers most are there many times; SQLite knows no bool that equals one.
    texts, others = dict[str, str](), dict[object, str]()
    for row in rows:
        for value in row:
            if isinstance(value, float):
                number = repr(value)  # exact
                told.append(f"n{len(number)}:{number}")
            elif isinstance(value, str):
                told.append(texts.get(value) or texts.setdefault(value, _text(value)))
            elif isinstance(value, bytes):
                kind = b"t" if isinstance(value, _Text) else b"b"
                done += (encode("".join(told)), b"%b%d:" % (kind, len(value)), value)
                told.clear()
            else:
                told.append(others.get(value) or others.setdefault(value, _number(value)))
    # In one piece: most values are short, and each further call takes as long as hashing one.
    content = b"".join((*done, encode("".join(told))))
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _text(value: str) -> str:
    return f"t{len(encode(value))}:{value}"


def _number(value: object) -> str:
    return f"n{len(repr(value))}:{value!r}"
