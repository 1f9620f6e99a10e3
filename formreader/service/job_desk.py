"""Finished jobs as they are looked at: each open one has a thread of its own, for a while.

A job's store belongs to one thread, and opening it checks all of it. So the last few stay open.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from formreader.store.job_store import JobStore

_T = TypeVar("_T")

_MAX_OPEN_JOBS = 4
"""Jobs that stay open: those that people look at. Each has a thread and a file."""

_MAX_IDLE_SECONDS = 60.0
"""Seconds without a look after which a job is closed, so that other programs may have it."""


class _OpenJob:
    """A job that is open in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.used = time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job-desk")
        try:
            self._store = self._thread.submit(JobStore.open_finished, path).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def use(self, look: Callable[[JobStore], _T]) -> _T:
        self.used = time.monotonic()
        try:
            return self._thread.submit(look, self._store).result()
        finally:
            self.used = time.monotonic()

    def is_old(self) -> bool:
        return time.monotonic() - self.used > _MAX_IDLE_SECONDS

    def close(self) -> None:
        self._thread.submit(self._store.__exit__, None, None, None).result()
        self._thread.shutdown()


class _Entry:
    """The lock of a job, and the open job if it is open."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: _OpenJob | None = None

    def close(self) -> None:
        """Close the job, if nobody uses it now; the caller has the lock."""
        if self.open is not None:
            self.open.close()
            self.open = None


class JobDesk:
    """Lets several threads look at jobs; one look at a job at a time."""

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
            if entry.open is None:
                entry.open = _OpenJob(job)
            found = entry.open.use(use)
        self.close_idle(_MAX_OPEN_JOBS)
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
            entries = [entry for entry in self._entries.values() if entry.open is not None]
        for i, entry in enumerate(entries):
            if not entry.lock.acquire(blocking=False):
                continue
            try:
                if entry.open is not None and (len(entries) - i > keep or entry.open.is_old()):
                    entry.close()
            finally:
                entry.lock.release()

    def _entry(self, job: Path) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(job, _Entry())
            self._entries.move_to_end(job)
            return entry
