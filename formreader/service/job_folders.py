"""The folder of the service's data: a folder a job, which holds all that belongs to it.

DATA/jobs/ID/job.json          what the job is, and how far
DATA/jobs/ID/files/000001.png  its files, by number
DATA/jobs/ID/results.*         its store, its table and its report, as of `scan`
DATA/jobs/ID/answers.json      answers that are typed and not applied yet
DATA/forms/HASH/               the forms of jobs as they were when the job came
DATA/watched.jsonl             what was taken from the watched folder
DATA/templates/                the forms as they are now
DATA/tmp/                      uploads that are not whole yet, tables to send
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from formreader.core.errors import OutputError, UsageError
from formreader.core.records import InputFile
from formreader.output.atomic_writing import atomic_writer
from formreader.store.job_store import JobStore

_ID = re.compile(r"[0-9a-f]{16}")
"""Names of jobs: drawn at random, so that nobody guesses those of others."""

_ID_BYTES = 8
"""Random bytes of the name of a job."""

RECORD_FILE, ANSWERS_FILE, TABLE_FILE = "job.json", "answers.json", "results.csv"

_T = TypeVar("_T")

_MAX_OPEN_JOBS = 4
"""Jobs that stay open: those that people look at."""

_MAX_IDLE_SECONDS = 60.0
"""Seconds without a look after which a job is closed, so that other programs may have it."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a job: its name on disk, its name in the results, its size in bytes.

    `origin` identifies a file of a watched folder, "" for one that was sent.
    """

    stored: str
    label: str
    size: int
    origin: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is kept of a job. Times are seconds since 1970.

    `state`: queued, done or failed. `forms`: the hash of its templates, "" for none. `read_by`: the
    program and the model that read it. `counts`: of the results. `problem`: status and detail of
    why it failed. `watch`: the name of a job of a watched folder, "" for an upload. `learns`: the
    forms that it learns become templates of the service. `carried`, `not_carried`: answers of the
    job that it reads again, with and without a place in this one.
    """

    id: str
    name: str
    created: float
    rows: str
    review_below: float
    max_error: float | None
    template: str
    forms: str
    read_by: str
    files: tuple[StoredFile, ...]
    skipped: int
    state: str = "queued"
    started: float | None = None
    finished: float | None = None
    pages: int | None = None
    counts: dict[str, int] | None = None
    problem: tuple[int, str] | None = None
    watch: str = ""
    learns: bool = False
    carried: int = 0
    not_carried: int = 0

    @classmethod
    def of_json(cls, text: str) -> Self:
        """The record in the text of a job.json.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        values: dict[str, Any] = json.loads(text)
        files = tuple(StoredFile(**one) for one in values.pop("files"))
        problem = values.pop("problem")
        return cls(**values, files=files, problem=tuple(problem) if problem else None)


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of one job."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def table(self) -> Path:
        return self.path / TABLE_FILE

    @property
    def store(self) -> Path:
        return self.table.with_suffix(".sqlite")

    @property
    def report(self) -> Path:
        return self.table.with_suffix(".html")

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def answers(self) -> Path:
        return self.path / ANSWERS_FILE

    def inputs(self, record: JobRecord) -> list[InputFile]:
        """The files to read, with their names in the results."""
        return [InputFile(str(self.files / one.stored), one.label) for one in record.files]

    def is_older_than_store(self) -> bool:
        """Whether the store of a job that is done was changed after its record was written."""
        with suppress(OSError):
            record = self.path / RECORD_FILE
            return record.stat().st_mtime_ns < self.store.stat().st_mtime_ns
        return False

    def write(self, record: JobRecord) -> None:
        """Keep the record of the job.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_writer(self.path / RECORD_FILE) as stream:
            json.dump(asdict(record), stream)


class DataFolder:
    """All that the service keeps on disk, for this process alone while it is open."""

    def __init__(self, path: Path) -> None:
        """Make what is missing, and clear away what was not whole when the service ended.

        Raises:
            OutputError: the folder cannot be written.
            UsageError: another service uses it.
        """
        self.path = path.absolute()
        self.jobs = self.path / "jobs"
        self.forms = self.path / "forms"
        self.templates = self.path / "templates"
        self._tmp = self.path / "tmp"
        try:
            for folder in (self.jobs, self.forms, self.templates, self._tmp):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _locked(self.path / "lock")
            shutil.rmtree(self._tmp)
            self._tmp.mkdir(mode=0o700)
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror}). Choose another folder with --data"
            ) from error

    def close(self) -> None:
        """Let another service have the folder."""
        os.close(self._lock)

    def new(self) -> JobFolder:
        """Return a folder for a job that is not whole yet; `keep` makes it a job."""
        folder = JobFolder(self._tmp / secrets.token_hex(_ID_BYTES))
        try:
            folder.files.mkdir(parents=True)
        except OSError:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        return folder

    def keep(self, folder: JobFolder) -> JobFolder:
        """Move the folder of a complete job to the jobs, in one step that survives a crash."""
        kept = JobFolder(self.jobs / folder.id)
        folder.path.rename(kept.path)
        _sync(self.jobs)
        return kept

    def drop(self, folder: JobFolder) -> None:
        """Delete a job. It is no job any more at once, even if the process dies in between."""
        gone = self._tmp / f"{folder.id}-{secrets.token_hex(4)}"
        with suppress(FileNotFoundError):
            folder.path.rename(gone)
            _sync(self.jobs)
        shutil.rmtree(gone, ignore_errors=True)

    def all(self) -> Iterator[tuple[JobFolder, JobRecord | None]]:
        """Yield each job with its record; None for one that cannot be read."""
        for path in sorted(self.jobs.iterdir()):
            if not _ID.fullmatch(path.name):
                continue
            record = None
            with suppress(OSError, ValueError, TypeError, KeyError):
                record = JobRecord.of_json((path / RECORD_FILE).read_text(encoding="utf-8"))
            yield JobFolder(path), record

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield an empty folder that is gone afterwards."""
        folder = self._tmp / secrets.token_hex(_ID_BYTES)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def new_file(self, suffix: str) -> Iterator[Path]:
        """Yield the path of a new file, which its caller or an error in the `with` block deletes.

        The next start deletes what is left.
        """
        path = self._tmp / f"{secrets.token_hex(_ID_BYTES)}{suffix}"
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def free_bytes(self) -> int:
        """Return the space that is left on the disk."""
        return shutil.disk_usage(self.path).free


class _Entry:
    """The lock of a job, its store if it is open, and when that was last used."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.store: JobStore | None = None
        self.used = 0.0

    def close(self) -> None:
        """Close the store if it is open. The caller has the lock."""
        if self.store is not None:
            self.store.__exit__()
            self.store = None


class JobDesk:
    """Lets several threads look at finished jobs; one look at a job at a time.

    Opening a store checks all of it, so the last few stay open.
    """

    def __init__(self) -> None:
        self._entries = OrderedDict[Path, _Entry]()
        self._lock = threading.Lock()  # guards the entries, not what they hold

    def look(self, job: Path, use: Callable[[JobStore], _T]) -> _T:
        """Return what `use` finds in the store at `job`; it must not change the store.

        Raises:
            NoInputError, UsageError, OutputError: the job cannot be opened.
        """
        entry = self._entry(job)
        with entry.lock:
            if entry.store is None:
                entry.store = JobStore.open_finished(job)
            try:
                found = use(entry.store)
            finally:
                entry.used = time.monotonic()
        self.close_idle()
        return found

    @contextmanager
    def closed(self, job: Path) -> Iterator[None]:
        """Keep the store at `job` closed, for work that opens it itself."""
        entry = self._entry(job)
        with entry.lock:
            entry.close()
            yield

    def close_idle(self, keep: int = _MAX_OPEN_JOBS) -> None:
        """Close all but the last `keep` jobs, and those that nobody looked at for long."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if entry.store is not None]
        for i, entry in enumerate(entries):
            if not entry.lock.acquire(blocking=False):
                continue
            try:
                idle = time.monotonic() - entry.used > _MAX_IDLE_SECONDS
                if len(entries) - i > keep or idle:
                    entry.close()
            finally:
                entry.lock.release()

    def _entry(self, job: Path) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(job, _Entry())
            self._entries.move_to_end(job)
            return entry


def is_job_id(text: str) -> bool:
    """Whether a job may have this name."""
    return _ID.fullmatch(text) is not None


def _locked(path: Path) -> int:
    """Lock a file for this process; the system releases it when the process ends."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:  # Windows
        return number
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(number)
        raise UsageError(
            f"{path.parent}: another service uses this folder. End it, or choose another with "
            "--data"
        ) from error
    return number


def _sync(folder: Path) -> None:
    """Write a folder's entries to the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
