"""What all requests share: made when the service starts, ended when it stops."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeAlias

import psutil
from fastapi import Depends, Request

from formreader.batch.job_plan import run_record
from formreader.batch.scan_means import WarmMeans
from formreader.core.errors import UsageError
from formreader.core.options import ServeOptions
from formreader.output.wording import languages
from formreader.service.access import Access
from formreader.service.job_desk import JobDesk
from formreader.service.job_folders import DataFolder, is_job_id
from formreader.service.job_queue import JobQueue, LiveJob
from formreader.service.problems import ProblemError
from formreader.service.service_metrics import Metrics
from formreader.service.template_shelf import TemplateShelf
from formreader.template.template_file import template_folders

_MAX_READS_PER_WORKER = 16
"""Calls of /read and /digits at a time, for each worker: more would wait longer than clients do."""

_MAX_CLIENT_READS_PER_WORKER = 8
"""The same of one client: half of it."""

_CLEANING_SECONDS = 60.0
"""Seconds between two looks for jobs to delete and for stores to close."""

_DAY = 86_400
"""Seconds of a day."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Service:
    """The parts of the service."""

    options: ServeOptions
    access: Access
    data: DataFolder
    warm: WarmMeans
    desk: JobDesk
    queue: JobQueue
    shelf: TemplateShelf
    metrics: Metrics
    started: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)
    _reads: Counter[str] = field(default_factory=Counter)

    @classmethod
    def start(cls, options: ServeOptions) -> Service:
        """Start workers, load networks, and go on with the jobs that are not done.

        Raises:
            FormreaderError: a folder, the token, a template or a model is not as it should be.
        """
        access = Access.of(options.host, options.hosts, options.token_file)
        scan = options.scan
        if scan.cluster is not None:
            raise UsageError("The service reads on this machine; it takes no --cluster")
        template = scan.template
        if template == "auto":
            raise UsageError(
                "Give a folder of templates. A job that is to learn its forms says template=auto"
            )
        if template is not None:
            template_folders(template)  # it is an error that there is none
        data = DataFolder(options.data)
        try:
            warm = WarmMeans(scan)
        except BaseException:
            data.close()
            raise
        metrics, desk = Metrics(), JobDesk()
        record = run_record(replace(scan, template=None), warm.cards)
        read_by = f"{record.version} {record.model} {record.model_sha256}"
        read_by = hashlib.sha256(read_by.encode()).hexdigest()[:16]
        limits = options.max_queue, options.max_queue_client
        shelf = TemplateShelf(data, template)
        queue = JobQueue(data, desk, warm, scan, metrics, read_by, *limits, shelf.add_learned)
        service = cls(options, access, data, warm, desk, queue, shelf, metrics)
        try:
            shelf.all()  # a wrong template is told now
            queue.start()
        except BaseException:
            service.stop()
            raise
        threading.Thread(target=service._clean, name="cleaning", daemon=True).start()
        return service

    def stop(self) -> None:
        """End all of it; jobs that are not done are gone on with by the next start."""
        self.stopping.set()
        self.queue.stop()
        self.desk.close_idle(0)
        self.warm.__exit__()
        self.data.close()

    @property
    def max_upload(self) -> int:
        """Bytes of the largest upload."""
        return round(self.options.max_upload * 2**30)

    def job(self, job_id: str) -> LiveJob:
        """The job of this name.

        Raises:
            ProblemError: there is none.
        """
        job = self.queue.get(job_id) if is_job_id(job_id) else None
        if job is None or job.deleted:
            raise ProblemError(
                404, "There is no such job. It was deleted, has expired, or was never here"
            )
        return job

    def done_job(self, job_id: str) -> LiveJob:
        """The job of this name, whose results are there.

        Raises:
            ProblemError: there is none, or it is not done.
        """
        job = self.job(job_id)
        if job.record.state == "failed":
            reason = job.record.problem[1] if job.record.problem else ""
            raise ProblemError(409, f"The job failed, so it has no results: {reason}")
        if job.record.state != "done" or job.running:
            raise ProblemError(
                409, "The job is not done yet. Its events tell when it is", {"retry-after": "1"}
            )
        return job

    @contextmanager
    def reading(self, client: str) -> Iterator[None]:
        """Hold a place for a page that is read at once.

        Raises:
            ProblemError: too many are read now, of all or of this client.
        """
        workers = self.options.scan.workers
        if self._reads.total() >= _MAX_READS_PER_WORKER * workers:
            raise busy("Too many pages are being read now")
        if self._reads[client] >= _MAX_CLIENT_READS_PER_WORKER * workers:
            raise busy("Too many pages of your address are being read now")
        self._reads[client] += 1
        try:
            yield
        finally:
            self._reads[client] -= 1
            if not self._reads[client]:
                del self._reads[client]

    def gauges(self) -> dict[str, float]:
        """Figures as they are now."""
        queued, running = self.queue.counts()
        return {
            "jobs_queued": queued,
            "jobs_running": running,
            "page_calls_waiting": self.warm.lanes.waiting(),
            "seconds_up": time.monotonic() - self.started,
            "memory_bytes": psutil.Process().memory_info().rss,
        }

    def renew_counts(self, job: LiveJob) -> None:
        """Show the counts that a job has after corrections."""
        counts = self.desk.look(job.folder.store, lambda store: store.counts())
        shown = {name: counts[name] for name in job.record.counts or counts}
        self.queue.change(job, lambda record: replace(record, counts=shown))

    def expires(self, finished: float | None) -> float | None:
        """When a job that was finished then is deleted; None for never."""
        keep = self.options.keep_days
        return None if finished is None or not keep else finished + keep * _DAY

    def delete_old_jobs(self) -> None:
        """Delete the jobs whose time has come, and forms that no job needs."""
        for job in self.queue.all():
            ends = self.expires(job.record.finished)
            if ends is not None and ends < time.time() and not job.running:
                self.queue.delete(job)
        self.shelf.forget({job.record.forms for job in self.queue.all()})

    def renew_old_counts(self) -> None:
        """Count again where the service was ended between storing corrections and counting."""
        for job in self.queue.all():
            if job.record.state == "done" and job.folder.is_older_than_store():
                self.renew_counts(job)

    def _clean(self) -> None:
        try:
            self.renew_old_counts()
        except Exception:
            _log.exception("counting again")
        while not self.stopping.is_set():
            try:
                self.delete_old_jobs()
                self.desk.close_idle()
            except Exception:
                _log.exception("deleting old jobs")
            self.stopping.wait(_CLEANING_SECONDS)


async def service_of(request: Request) -> Service:
    """The service that a request is for; asynchronous, as others are called in a thread."""
    service: Service = request.app.state.service
    return service


async def language_of(request: Request) -> str:
    """The language that people read an answer in: the service's, or the first that they ask for."""
    service = await service_of(request)
    asked = request.headers.get("accept-language", "").split(",")
    tags = (one.split(";")[0].split("-")[0].strip().lower() for one in asked)
    known = (tag for tag in tags if tag in languages())
    return service.options.scan.language or next(known, "")


Language: TypeAlias = Annotated[str, Depends(language_of)]
"""The language of an answer, as a parameter of a route."""


def client_of(request: Request) -> str:
    """The address of the client."""
    return request.client.host if request.client is not None else ""


def busy(what: str) -> ProblemError:
    """The problem of a client that has to wait."""
    return ProblemError(429, f"{what}. Try again in some seconds", {"retry-after": "5"})
