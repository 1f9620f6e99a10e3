"""The SQLite file of a job: locked by one process, its errors translated into the program's own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from formreader.core.errors import OutputError, UsageError
from formreader.store.job_rows import decode
from formreader.store.job_sql import APPLICATION_ID, JOB_FORMAT, SCHEMA, TABLES

_MAX_LOCK_WAIT = 1.0
"""Seconds to wait for a locked file: a viewer locks it for moments, another scan for long."""

_ROWS_AT_A_TIME = 64
"""Rows that a query fetches at a time: twice as fast as one by one. Rows of copies have megabytes
together, others kilobytes."""

_REMEDIES = {
    sqlite3.SQLITE_FULL: "Free some space",
    sqlite3.SQLITE_IOERR: "Check the disk and the space on it",
    sqlite3.SQLITE_CANTOPEN: "Check that its folder exists, and the permissions",
    sqlite3.SQLITE_READONLY: "Check the permissions",
    sqlite3.SQLITE_PERM: "Check the permissions",
    sqlite3.SQLITE_BUSY: "Close it in other programs",
}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class JobFile:
    """A job's file, open and locked until it is closed or the process dies.

    Use it in one thread at a time, and not in a process forked from this one. On POSIX systems, do
    not open the file without SQLite in this process: closing it again would release the lock.

    `is_new`: nothing was written to it when it was opened, as when SQLite has just created it. Its
    methods raise OutputError where the file cannot be read or written, or is damaged.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._opened = os.stat(path)
        tables = _number(connection, "SELECT count(*) FROM sqlite_master")
        self.is_new = not tables and not _number(connection, "PRAGMA application_id")
        if not self.is_new:
            _check(path, connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the job at `path`, or an empty file for a new one.

        Raises:
            UsageError: another process has it open, or it is not a job of this format; the
                file is not changed.
            OutputError: it cannot be opened or written, or it is damaged.
        """
        with _output_errors(path, (*_DAMAGED, sqlite3.SQLITE_ERROR)):  # no statement here is wrong
            connection = sqlite3.connect(
                path, timeout=_MAX_LOCK_WAIT, isolation_level=None, check_same_thread=False
            )
            try:
                connection.text_factory = decode
                _lock(path, connection)
                connection.execute("PRAGMA synchronous = FULL")  # survives a power cut
                connection.execute("PRAGMA foreign_keys = ON")
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Release the file; everything committed is already on disk."""
        self._connection.close()

    def recreate(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Replace all tables by empty ones that `fill` fills; if that fails the old ones stay."""
        # Else each deleted row is looked up in other tables.
        self._execute("PRAGMA foreign_keys = OFF")
        with self.transaction() as connection:
            for table in TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in SCHEMA:
                connection.execute(statement)
            fill(connection)
        if not self.is_new:
            self._execute("VACUUM")  # frees the old job's space
        self._execute("PRAGMA foreign_keys = ON")

    def query(self, sql: str, *values: object) -> Iterator[Any]:
        """Yield the rows of a query, with few of them in memory at a time."""
        with _output_errors(self._path):
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
                yield from rows

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Execute the statements of the `with` block as one transaction, on disk at its end.

        Inside another one it is a part of that.

        Raises:
            OutputError: the file cannot be written, or was moved or deleted; nothing is stored.
        """
        with _output_errors(self._path):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._check_in_place()
                self._connection.execute("COMMIT")
            except BaseException:
                # Where this fails SQLite has rolled back, or does when the file is opened next.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _execute(self, statement: str) -> None:
        with _output_errors(self._path):
            self._connection.execute(statement)

    def _check_in_place(self) -> None:
        """Refuse a file that was moved or deleted: POSIX systems would let us write to it."""
        with suppress(OSError):
            if os.path.samestat(os.stat(self._path), self._opened):
                return
        raise OutputError(
            f"{self._path}: the job was moved or deleted during the scan. Put it back and scan "
            "again to continue it, or choose another place with --out"
        )


def _lock(path: Path, connection: sqlite3.Connection) -> None:
    """Lock the file against all other connections until this one is closed."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")  # EXCLUSIVE mode keeps the lock
    except sqlite3.Error as error:
        code = _primary_code(error)
        if code == sqlite3.SQLITE_BUSY:
            raise UsageError(
                f"{path}: another scan, or a program that shows the job, has it open. Wait until "
                "it ends, close it, or choose another table with --out"
            ) from error
        if code == sqlite3.SQLITE_NOTADB:
            raise _not_a_job(path) from error
        raise


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a file that is not a job of this format, or is damaged."""
    if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise _not_a_job(path)
    if (found := _number(connection, "PRAGMA user_version")) != JOB_FORMAT:
        raise UsageError(
            f"{path}: it is a job of format {found}, but this version of formreader reads format "
            f"{JOB_FORMAT}. Use the version that made it, or choose another table with --out"
        )
    # This reads the whole job: a hundredth of what reading its pages again would take. Unlike
    # quick_check it compares indexes and tables: a page that an index lost would not be in results.
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    made = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
    missing = [table for table in TABLES if table not in made]
    if verdict != "ok" or missing:
        raise damaged_job(path, f"without {', '.join(missing)}" if missing else verdict)
    # SQLite keeps the statements: a bit in one of them renames a column.
    stored = {_words(statement) for statement in made.values() if statement}
    if not stored >= {_words(one) for one in SCHEMA if _words(one).startswith("CREATE")}:
        raise damaged_job(path, "its tables have other columns")


def _words(statement: str) -> str:
    return " ".join(statement.split())


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _not_a_job(path: Path) -> UsageError:
    return UsageError(
        f"{path}: it is not a job of formreader, and stays as it is. Move it away, or choose "
        "another table with --out"
    )


def damaged_job(path: Path, cause: object) -> OutputError:
    """The error for a job that is damaged as a whole."""
    reason = " ".join(str(cause).split())  # SQLite's message may have several lines
    return OutputError(
        f"{path}: the job is damaged ({reason}). Delete it to start afresh, replace it by a copy, "
        "or choose another table with --out"
    )


@contextmanager
def _output_errors(path: Path, damaged: Sequence[int] = _DAMAGED) -> Iterator[None]:
    """Turn SQLite's errors about the file, `damaged` ones or others, into `OutputError`."""
    try:
        yield
    except UnicodeDecodeError as error:  # also of SQLite's own messages, which quote the file
        raise damaged_job(path, error) from error
    except sqlite3.Error as error:
        code = _primary_code(error)
        if code in damaged:
            raise damaged_job(path, error) from error
        if code in _REMEDIES:
            raise OutputError(
                f"{path}: the job cannot be written: {error}. {_REMEDIES[code]}, or choose "
                "another place with --out"
            ) from error
        raise


def _primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code of an error: the lowest byte of its extended code."""
    # Errors that Python's module raises by itself have no code.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
