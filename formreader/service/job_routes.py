"""REST of jobs: uploads, progress, results, corrections, deletion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace as replace_record
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from formreader.batch.auto_forms import AutoForms
from formreader.core.errors import FormreaderError
from formreader.core.options import Rows
from formreader.review.correct_job import CorrectOptions, correct
from formreader.service import bodies
from formreader.service.access import REPORT_POLICY
from formreader.service.body_making import (
    MEDIA_TYPES,
    Format,
    body_of_job,
    current_report,
    export_table,
)
from formreader.service.job_folders import JobFolder
from formreader.service.job_making import MAX_FILES, make_job, make_job_again
from formreader.service.job_queue import LiveJob, QueueFullError
from formreader.service.problems import DISK_FULL, ProblemError
from formreader.service.request_bodies import (
    answer_schema,
    body_schema,
    content_type,
    files_schema,
    json_body,
    json_schema,
    receive_file,
    receive_upload,
)
from formreader.service.service_state import Language, Service, Shared, busy, client_of
from formreader.service.template_shelf import LEARNED_FORMS, summary_of_template

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

PartName = Annotated[str, PathParameter(pattern=r"^part-[0-9a-f]{8}-[0-9]{4,9}\.js$")]

_LOOK_SECONDS = 0.2
"""Seconds between two looks whether a job has changed, for its events: five a second are a smooth
progress bar."""

_SILENT_LOOKS = 75
"""Looks without a change after which a comment is sent: every 15 seconds, for proxies."""

_MIN_FREE_BYTES = 2**28
"""Space that must be left on the disk for an upload to be taken: tables and stores need some."""

_MAX_CHANGES = 2**13
"""Bytes of the options with which a job is read again."""

_MAX_CORRECTIONS = 2**26
"""Bytes of the largest corrections.csv: a million answers."""

_OPTIONS_SCHEMA: dict[str, dict[str, Any]] = {
    "name": {"type": "string"},
    "rows": {"type": "string", "enum": ["field", "digit", "page"]},
    "review_below": {"type": "number", "minimum": 0, "maximum": 1},
    "max_error": {"type": "number", "minimum": bodies.LEAST_ERROR, "maximum": bodies.MOST_ERROR},
    "template": {"type": "string"},
}

UPLOAD_SCHEMA = body_schema({"multipart/form-data": files_schema("files", others=_OPTIONS_SCHEMA)})
"""The multipart body of an upload."""


@router.post("", status_code=202, openapi_extra=UPLOAD_SCHEMA)
async def post_job(request: Request, response: Response, service: Shared) -> bodies.Job:
    """Read page files of all kinds that `scan` reads, and ZIPs of them: one job an upload."""
    return await take_job(request, response, service)


async def take_job(
    request: Request, response: Response, service: Service, learns: bool = False
) -> bodies.Job:
    """Make a job of an upload; with `learns` for the forms that its pages are.

    Raises:
        ProblemError: the service takes no job now, or not this one.
    """
    client = client_of(request)
    with _new_folder(service, client) as folder:
        upload = await receive_upload(request, folder.files, service.max_upload, MAX_FILES)
        if learns:
            upload.values |= {"template": LEARNED_FORMS, "rows": "page"}
        record = await run_in_threadpool(make_job, service, folder, upload)
        record = replace_record(record, learns=learns)
        job = await run_in_threadpool(_keep, service, folder, record, client)
    response.headers["location"] = f"{router.prefix}/{job.record.id}"
    return body_of_job(service, job)


@router.post("/{job_id}/again", status_code=202, openapi_extra=json_schema(bodies.JobChanges))
def post_job_again(
    job_id: str,
    request: Request,
    response: Response,
    changes: Annotated[bodies.JobChanges, Depends(json_body(bodies.JobChanges, _MAX_CHANGES))],
    service: Shared,
) -> bodies.Job:
    """Read the files of a job again, with another template or other options: a new job."""
    client = client_of(request)
    with _new_folder(service, client) as folder:
        record = make_job_again(service, folder, service.job(job_id), changes)
        job = _keep(service, folder, record, client)
    response.headers["location"] = f"{router.prefix}/{job.record.id}"
    return body_of_job(service, job)


@router.post("/{job_id}/templates", status_code=201)
def post_job_templates(job_id: str, service: Shared) -> bodies.TemplateList:
    """Keep the forms that a job with template=auto has learned as templates of the service."""
    job = service.done_job(job_id)
    learned = service.shelf.add_learned(AutoForms.folder_of(job.folder.store))
    return bodies.TemplateList(templates=[summary_of_template(one) for one in learned])


@contextmanager
def _new_folder(service: Service, client: str) -> Iterator[JobFolder]:
    """Yield a folder for a new job, gone where the block raises; ProblemError 503, 507 or 429."""
    if service.stopping.is_set():
        raise ProblemError(503, "The service is stopping. Try again", {"retry-after": "10"})
    if service.data.free_bytes() < _MIN_FREE_BYTES:
        raise ProblemError(507, DISK_FULL)
    try:
        with service.queue.place(client):
            folder = service.data.new()
            try:
                yield folder
            except BaseException:
                service.data.drop(folder)
                raise
    except QueueFullError as error:
        raise busy(str(error)) from error


def _keep(service: Service, folder: JobFolder, record: Any, client: str) -> LiveJob:
    folder.write(record)
    return service.queue.add(service.data.keep(folder), record, client)


@router.get("")
def get_jobs(
    service: Shared,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    search: Annotated[str, Query(max_length=bodies.MAX_NAME)] = "",
) -> bodies.JobList:
    """List jobs, the newest first; `search` is a part of their name, or of that of a file."""
    wanted = search.casefold()
    jobs = [job for job in service.queue.all() if not wanted or _is_called(job, wanted)]
    shown = jobs[offset : offset + limit]
    return bodies.JobList(jobs=[body_of_job(service, job) for job in shown], total=len(jobs))


def _is_called(job: LiveJob, wanted: str) -> bool:
    names = (job.record.name, *(file.label for file in job.record.files))
    return any(wanted in name.casefold() for name in names)


@router.get("/{job_id}")
def get_job(job_id: str, service: Shared) -> bodies.Job:
    """Tell how far a job is."""
    return body_of_job(service, service.job(job_id))


@router.delete("/{job_id}", status_code=204)
def delete_job(job_id: str, service: Shared) -> None:
    """Delete a job and all that belongs to it, also while it is being read."""
    service.queue.delete(service.job(job_id))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses=answer_schema("text/event-stream"),
)
async def get_events(job_id: str, service: Shared) -> StreamingResponse:
    """Tell of each change of a job as server-sent events, until it is done or deleted."""
    job = service.job(job_id)
    headers = {"x-accel-buffering": "no"}  # a proxy would wait for more
    return StreamingResponse(_events(service, job), media_type="text/event-stream", headers=headers)


async def _events(service: Service, job: LiveJob) -> AsyncIterator[str]:
    told, silent = 0, 0
    while not service.stopping.is_set():
        version = job.version
        if job.deleted:
            yield "event: gone\ndata: {}\n\n"
            return
        if version != told:
            told, silent = version, 0
            body = body_of_job(service, job)
            yield f"event: job\nid: {version}\ndata: {body.model_dump_json()}\n\n"
            if body.state in (bodies.JobState.DONE, bodies.JobState.FAILED):
                return
        silent += 1
        if silent % _SILENT_LOOKS == 0:
            yield ": still there\n\n"
        await asyncio.sleep(_LOOK_SECONDS)


@router.get(
    "/{job_id}/results",
    response_class=FileResponse,
    responses={200: {"content": {kind: {} for kind in dict.fromkeys(MEDIA_TYPES.values())}}},
)
def get_results(
    job_id: str,
    service: Shared,
    language: Language,
    rows: Rows | None = None,
    format: Annotated[Format, Query()] = "csv",  # noqa: A002
    download: bool = False,
) -> Response:
    """Give the table, with rows of any kind, as `scan` writes it."""
    job = service.done_job(job_id)
    wanted = rows or job.record.rows
    if wanted == "page" and not job.record.template:
        raise ProblemError(
            422,
            "rows: the job was read without forms, which a row for each page needs. Read it again: "
            f'POST {router.prefix}/{job_id}/again with {{"template": "auto", "rows": "page"}}',
        )
    path = export_table(service, job, wanted, format, language)  # type: ignore[arg-type]
    return FileResponse(
        path,
        media_type=MEDIA_TYPES[format],
        filename=f"results-{job_id}.{format}",
        content_disposition_type="attachment" if download else "inline",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


@router.get("/{job_id}/report", response_class=FileResponse, responses=answer_schema("text/html"))
def get_report(job_id: str, service: Shared) -> Response:
    """Give the report for review, as `scan` writes it."""
    report = current_report(service, service.done_job(job_id))
    headers = {"content-security-policy": REPORT_POLICY, "x-frame-options": "SAMEORIGIN"}
    return FileResponse(report, media_type="text/html", headers=headers)


@router.get(
    "/{job_id}/results_files/{name}",
    response_class=FileResponse,
    responses=answer_schema("text/javascript"),
)
def get_report_part(job_id: str, name: PartName, service: Shared) -> Response:
    """Give a part of the report, as `scan` writes it beside a large one."""
    report = service.done_job(job_id).folder.report
    part = report.with_name(f"{report.stem}_files") / name
    if not part.is_file():
        raise ProblemError(404, "The report has no such part, or was written anew. Load it again")
    return FileResponse(part, media_type="text/javascript")


@router.post("/{job_id}/corrections", openapi_extra=body_schema({"text/csv": {"type": "string"}}))
async def post_corrections(
    request: Request,
    job_id: str,
    service: Shared,
    by: Annotated[str, Query(max_length=bodies.MAX_NAME)] = "",
    replace: bool = False,
) -> bodies.CorrectionsDone:
    """Put a corrections.csv into the job: its table and its report are written anew."""
    job = service.done_job(job_id)
    if content_type(request) not in ("text/csv", "application/octet-stream", "text/plain"):
        raise ProblemError(415, "Send the corrections.csv as the body, as text/csv")
    with service.data.workspace() as folder:
        path = folder / "corrections.csv"
        await receive_file(request, path, _MAX_CORRECTIONS)
        options = CorrectOptions((path,), job.folder.table, by=by, replace=replace)
        return await run_in_threadpool(_correct, service, job, options)


@router.delete("/{job_id}/corrections")
def delete_corrections(job_id: str, service: Shared) -> bodies.CorrectionsDone:
    """Take back the corrections that were applied last."""
    job = service.done_job(job_id)
    return _correct(service, job, CorrectOptions((), job.folder.table, undo=True))


def _correct(service: Service, job: LiveJob, options: CorrectOptions) -> bodies.CorrectionsDone:
    """Apply corrections, and renew the counts that the job shows."""
    try:
        with service.desk.closed(job.folder.store):
            done = correct(options)
    except FormreaderError as error:
        text = str(error)
        for path in options.paths:
            text = text.replace(str(path), "corrections.csv")
        raise type(error)(text) from error.__cause__
    service.renew_counts(job)
    return bodies.CorrectionsDone(stored=done.answers, known=done.known, review=done.review)
