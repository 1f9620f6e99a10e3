"""The SQLite file of a job: of one process at a time, its faults told as errors of ours."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from formreader.core.errors import OutputError, UsageError
from formreader.store.job_rows import Row, decode
from formreader.store.job_sql import APPLICATION_ID, FORMAT, SCHEMA, TABLES

_LOCK_SECONDS = 1.0
"""How long to wait for the file: a program that shows it holds it for moments, a scan for long."""

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

    It is not to be used from other threads, nor in a process that is forked from this one;
    and on POSIX systems no one may open it past SQLite in this process, for instance to look
    whether it can be written: closing it then would free the lock.

    `is_new` tells that there was no job in it.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Takes over a connection that is locked; `JobFile.open` makes them."""
        self._path = path
        self._connection = connection
        self._opened = os.stat(path)
        self.is_new = _is_empty(connection)
        if not self.is_new:
            _check(path, connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the job at `path`, or an empty file for a new one.

        Raises:
            UsageError: another process has it open, or it is something else than a job of
                this format; it is left as it is.
            OutputError: it cannot be opened or written, or it is damaged.
        """
        with _output_errors(path):
            connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
            try:
                connection.text_factory = decode
                _lock(path, connection)
                connection.execute("PRAGMA synchronous = FULL")  # added is added, power or not
                connection.execute("PRAGMA foreign_keys = ON")
                return cls(path, connection)
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Free the file for others; what was committed is on the disk already."""
        self._connection.close()

    def recreate(self, fill: str, values: Row) -> None:
        """Empty tables in place of all that there are, with what the statement `fill` adds.

        Raises:
            OutputError: it cannot be written; the old job is kept.
        """
        self._set("foreign_keys = OFF")  # or each row that goes is looked up in other tables
        with self.transaction() as connection:
            for table in TABLES:
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(fill, values)
        if not self.is_new:
            with _output_errors(self._path):
                self._connection.execute("VACUUM")  # gives the old job's space back
        self._set("foreign_keys = ON")

    def query(self, sql: str, *values: object) -> Iterator[Any]:
        """The rows that a query finds, one at a time.

        Raises:
            OutputError: the file cannot be read, or is damaged.
        """
        with _output_errors(self._path):
            yield from self._connection.execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """What is executed in the `with` block is on the disk at its end, all or nothing.

        Raises:
            OutputError: it cannot be written, or the file is no longer in its place.
        """
        with _output_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._check_in_place()
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite did it itself, or will when it is opened
                    self._connection.execute("ROLLBACK")
                raise

    def _set(self, pragma: str) -> None:
        with _output_errors(self._path):
            self._connection.execute(f"PRAGMA {pragma}")

    def _check_in_place(self) -> None:
        """On POSIX systems a file that was deleted or moved can be written to all the same."""
        with suppress(OSError):
            if os.path.samestat(os.stat(self._path), self._opened):
                return
        raise OutputError(
            f"{self._path}: the job was moved or deleted during the scan. Put it back and scan "
            "again to go on with it, or choose another place with --out"
        )


def _lock(path: Path, connection: sqlite3.Connection) -> None:
    """Keep all others out until the connection is closed."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try:
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")  # in this locking mode the lock stays
    except sqlite3.Error as error:
        code = _primary_code(error)
        if code == sqlite3.SQLITE_BUSY:
            raise UsageError(
                f"{path}: another scan, or a program that shows the job, has it open. Wait for "
                "it, close it, or choose another table with --out"
            ) from error
        if code == sqlite3.SQLITE_NOTADB:
            raise _no_job(path) from error
        raise


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever written, as in a file that SQLite has just made."""
    tables = _number(connection, "SELECT count(*) FROM sqlite_master")
    return not tables and not _number(connection, "PRAGMA application_id")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Find out before any work whether this is a job of ours, and whole."""
    if _number(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise _no_job(path)
    if (found := _number(connection, "PRAGMA user_version")) != FORMAT:
        raise UsageError(
            f"{path}: it is a job of format {found}, and this version of formreader knows format "
            f"{FORMAT}. Use the version that made it, or choose another table with --out"
        )
    # It reads the whole job, which is a hundredth of the pages that it saves from being read.
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    missing = [table for table in TABLES if table not in names]
    if verdict != "ok" or missing:
        raise _damaged(path, f"without {', '.join(missing)}" if missing else verdict)


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _no_job(path: Path) -> UsageError:
    return UsageError(
        f"{path}: it is not a job of formreader, so it is not written to. Move it away, or choose "
        "another table with --out"
    )


def _damaged(path: Path, cause: object) -> OutputError:
    reason = " ".join(str(cause).split())  # SQLite's own has several lines
    return OutputError(
        f"{path}: the job is damaged ({reason}). Delete it to begin anew, put a copy of it in its "
        "place, or choose another table with --out"
    )


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors about the file into ours; any other is a bug and stays itself."""
    try:
        yield
    except sqlite3.Error as error:
        code = _primary_code(error)
        if code in _DAMAGED:
            raise _damaged(path, error) from error
        if code in _REMEDIES:
            raise OutputError(
                f"{path}: the job cannot be written: {error}. {_REMEDIES[code]}, or choose "
                "another place with --out"
            ) from error
        raise


def _primary_code(error: sqlite3.Error) -> int | None:
    """The kind of an error without its details, which SQLite adds in the higher bytes."""
    code: int | None = getattr(error, "sqlite_errorcode", None)  # none on the module's own
    return None if code is None else code & 0xFF
