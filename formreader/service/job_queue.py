"""The jobs: they wait, are read a few at a time, and survive the end of the service."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, cast

from formreader.batch import scan_job
from formreader.batch.auto_forms import AutoForms
from formreader.batch.page_log import PageFigures, ScanProgress
from formreader.batch.scan_job import ScanSummary
from formreader.batch.scan_means import SharedMeans, WarmMeans
from formreader.core.errors import FormreaderError
from formreader.core.options import Rows, ScanOptions
from formreader.review.carried_answers import waiting_answers
from formreader.service.job_folders import DataFolder, JobDesk, JobFolder, JobRecord
from formreader.service.problems import ProblemError
from formreader.service.service_metrics import Metrics
from formreader.service.template_shelf import LEARNED_FORMS

_JOBS_PER_WORKER = 2
"""Jobs that are read at a time, for each worker: while one opens its store or writes its table,
the pages of others keep the workers busy. A choice; the benchmark of the service measures it."""

_STOP_SECONDS = 10.0
"""Seconds that running jobs have for the pages they have begun, when the service stops."""

_COUNTS = ("pages", "fields", "digits", "blank", "review", "checked", "failed", "duplicates")

_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """No more jobs are taken now; the message says why."""


class LiveJob(ScanProgress):
    """A job with its progress: a scan reports to it."""

    def __init__(self, folder: JobFolder, record: JobRecord, client: str) -> None:
        self.folder = folder
        self.record = record
        self.client = client
        self.running = False
        self.deleted = False
        self.again = False  # it got more files while it was read
        self.pages_done = self.pages_failed = self._done_before = 0
        self.version = 1
        self.means: SharedMeans | None = None
        self.answering = threading.Lock()  # guards the answers on disk
        self.left = threading.Event()  # set while no thread works on it
        self.left.set()
        self._began = 0.0
        self._stop = False

    def begin(self, means: SharedMeans) -> None:
        """Note that its scan begins."""
        self.means = means
        self.pages_done = self.pages_failed = self._done_before = 0
        self._began = time.monotonic()
        self.running, self._stop = True, False
        self.version += 1

    def end(self, record: JobRecord) -> None:
        """Note that its scan has ended."""
        self.record, self.running, self.means = record, False, None
        self.version += 1

    def ask_to_stop(self) -> None:
        """Let the scan end after the pages that it has begun."""
        self._stop = True

    def pages_per_second(self) -> float | None:
        """How quickly pages are read now; None where that is not known."""
        read = self.pages_done - self._done_before
        if not self.running or read < 1:
            return None
        return read / max(time.monotonic() - self._began, 1e-6)

    def started(self, files: int, pages: int, done: int) -> None:
        self.record = replace(self.record, pages=pages)
        self.pages_done = self._done_before = done
        self.version += 1

    def page_done(self, figures: PageFigures) -> None:
        self.pages_done += 1
        self.pages_failed += bool(figures.error)
        self.version += 1

    def message(self, text: str) -> None:
        _log.warning("job %s: %s", self.folder.id, text)

    def stopped(self) -> bool:
        return self._stop


@dataclass(eq=False)
class JobQueue:
    """All jobs of the service, and the threads that read them.

    `read_by` identifies the program and its models; jobs that others began are begun anew.
    `keep_forms` turns the forms that a job has learned, in a folder, into templates of the service.
    """

    data: DataFolder
    desk: JobDesk
    warm: WarmMeans
    scan: ScanOptions
    metrics: Metrics
    read_by: str
    max_jobs: int
    max_client_jobs: int
    keep_forms: Callable[[Path], object]

    def __post_init__(self) -> None:
        self._jobs = OrderedDict[str, LiveJob]()
        self._uploads = Counter[str]()
        self._lock = threading.RLock()  # guards the two above and the states of jobs
        self._waiting = SimpleQueue[LiveJob | None]()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"job-{i}", daemon=True)
            for i in range(_JOBS_PER_WORKER * self.scan.workers)
        ]

    def start(self) -> None:
        """Find the jobs of earlier runs of the service, and go on with those that are not done."""
        found = [(folder, record) for folder, record in self.data.all() if record is not None]
        for folder, record in sorted(found, key=lambda one: one[1].created):
            job = LiveJob(folder, record, client="")
            job.pages_done = record.pages or 0 if record.state == "done" else 0
            self._jobs[record.id] = job
            if record.state == "queued":
                self._waiting.put(job)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; jobs that are not done are gone on with by the next start."""
        self._stopping = True
        with self._lock:
            jobs = list(self._jobs.values())
        for _ in self._threads:
            self._waiting.put(None)
        for job in jobs:
            job.ask_to_stop()
        ends = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, ends - time.monotonic()))
        for job in jobs:
            if job.means is not None:
                job.means.cancel()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_STOP_SECONDS)

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold a place in the queue for an upload that comes from an address.

        Raises:
            QueueFullError: there are too many jobs, of all or of this client.
        """
        with self._lock:
            waiting = [job for job in self._jobs.values() if job.record.state == "queued"]
            mine = sum(job.client == client for job in waiting) + self._uploads[client]
            if len(waiting) + self._uploads.total() >= self.max_jobs:
                raise QueueFullError(f"{len(waiting):,} jobs wait already")
            if mine >= self.max_client_jobs:
                raise QueueFullError(f"{mine:,} jobs of your address wait already")
            self._uploads[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads[client] -= 1
                if not self._uploads[client]:
                    del self._uploads[client]

    def add(self, folder: JobFolder, record: JobRecord, client: str) -> LiveJob:
        """Add a job that is whole in its folder."""
        job = LiveJob(folder, record, client)
        with self._lock:
            self._jobs[record.id] = job
            self._waiting.put(job)
        return job

    def read_again(self, job: LiveJob, record: JobRecord) -> bool:
        """Read a job again that has got more files. False if it was deleted meanwhile."""
        with self._lock:
            if job.deleted:
                return False
            job.folder.write(record)
            job.record = record
            job.version += 1
            job.again = not job.left.is_set()
            if not job.again:
                self._waiting.put(job)
        return True

    def get(self, job_id: str) -> LiveJob | None:
        """The job of this name."""
        return self._jobs.get(job_id)

    def all(self) -> list[LiveJob]:
        """All jobs, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def ahead_of(self, job: LiveJob) -> int:
        """Number of jobs that wait before this one."""
        ahead = 0
        with self._lock:
            for other in self._jobs.values():
                if other is job:
                    break
                ahead += other.record.state == "queued" and not other.running
        return ahead

    def counts(self) -> tuple[int, int]:
        """The numbers of jobs that wait and that are read now."""
        with self._lock:
            running = sum(job.running for job in self._jobs.values())
            waiting = sum(job.record.state == "queued" for job in self._jobs.values())
        return waiting - running, running

    def delete(self, job: LiveJob) -> None:
        """Delete a job and all that belongs to it, whatever it is doing."""
        with self._lock:
            if job.deleted:
                return
            job.deleted = True
            job.version += 1
            self._jobs.pop(job.record.id, None)
            if job.means is not None:
                job.means.cancel()
        job.ask_to_stop()
        job.left.wait()
        with self.desk.closed(job.folder.store):
            self.data.drop(job.folder)

    def change(self, job: LiveJob, change: Callable[[JobRecord], JobRecord]) -> None:
        """Change the record of a job that is done, also on disk."""
        with self._lock:
            job.record = change(job.record)
            job.version += 1
            with suppress(FormreaderError):  # the next start counts again
                job.folder.write(job.record)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            if self._stopping:
                continue
            try:
                self._read(job)
            except Exception:  # the thread must live on for the other jobs
                _log.exception("job %s", job.folder.id)

    def _read(self, job: LiveJob) -> None:
        with self._lock:
            if job.deleted or job.record.state != "queued" or not job.left.is_set():
                return
            job.left.clear()
            record = replace(job.record, started=time.time())
            means = self.warm.of(job.folder.inputs(record), record.skipped)
            job.begin(means)
        done: JobRecord | None = None
        try:
            with self.desk.closed(job.folder.store):
                done = self._scanned(job, record, means)
        finally:
            means.cancel()
            with self._lock:
                self._settle(job, done)
                job.left.set()

    def _settle(self, job: LiveJob, done: JobRecord | None) -> None:
        """Note how a scan has ended, None if it was stopped; the caller has the lock."""
        if job.again and not job.deleted:  # it has more files by now
            job.again = False
            job.end(job.record)
            self._waiting.put(job)
            return
        if done is None or job.deleted:
            job.end(job.record)
            return
        with suppress(FormreaderError):  # if it is not written, the next start reads it again
            job.folder.write(done)
        job.end(done)
        self.metrics.add("jobs_total", 1, f'state="{done.state}"')

    def _scanned(self, job: LiveJob, record: JobRecord, means: SharedMeans) -> JobRecord | None:
        """Scan a job; return its record afterwards, None if the scan was stopped."""
        try:
            if record.read_by != self.read_by:
                self._begin_anew(job, record)
            summary = scan_job.scan(self._options(job, record), job, means)
            if record.learns and not summary.interrupted:
                self.keep_forms(AutoForms.folder_of(job.folder.store))
        except (CancelledError, KeyboardInterrupt):
            return None
        except FormreaderError as error:
            if self._stopping:
                return None
            reason = str(error)
        except ProblemError as problem:  # no form was learned
            reason = problem.detail
        except Exception as error:
            if job.deleted or self._stopping:
                return None
            _log.exception("job %s", job.folder.id)
            reason = f"a bug: {type(error).__name__}: {error}. The service's log has more"
        else:
            self._count(summary)
            return None if summary.interrupted else _done(job.record, record, summary)
        reason = reason.replace(f"{job.folder.path}/", "")
        return replace(
            job.record,
            state="failed",
            started=record.started,
            finished=time.time(),
            problem=(422, reason),
        )

    def _begin_anew(self, job: LiveJob, record: JobRecord) -> None:
        """Forget what another version of the program, or another model, has read of a job."""
        for path in job.folder.path.glob(f"{job.folder.table.stem}.*"):
            # The scan itself deletes forms that it has learned.
            if path.is_file() and path != waiting_answers(job.folder.store):
                path.unlink()
        with self._lock:
            job.record = replace(job.record, read_by=self.read_by)
            job.folder.write(job.record)

    def _options(self, job: LiveJob, record: JobRecord) -> ScanOptions:
        learned: Literal["auto"] | None = "auto" if record.template == LEARNED_FORMS else None
        return replace(
            self.scan,
            paths=(record.name,),
            out=job.folder.table,
            report="none",  # written when somebody asks for it
            rows=cast("Rows", record.rows),
            split_forms=False,  # a job has one table, from which clients choose
            review_below=record.review_below,
            max_error=record.max_error,
            template=self.data.forms / record.forms if record.forms else learned,
        )

    def _count(self, summary: ScanSummary) -> None:
        self.metrics.add("pages_total", summary.read)
        self.metrics.add("pages_failed_total", summary.failed)
        self.metrics.add_seconds(summary.stages)


def _done(now: JobRecord, begun: JobRecord, summary: ScanSummary) -> JobRecord:
    counts = {name: int(getattr(summary, name)) for name in _COUNTS}
    return replace(
        now,
        state="done",
        started=begun.started,
        finished=time.time(),
        pages=summary.total,
        counts=counts,
        problem=None,
        carried=summary.carried.over,
        not_carried=summary.carried.lost,
    )
