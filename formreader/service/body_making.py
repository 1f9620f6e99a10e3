"""What responses carry: the program's records as bodies, and files: table, report, review."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from formreader.core.geometry import Box
from formreader.core.options import Rows
from formreader.core.records import DigitReading, FieldReading, PageReading, Status
from formreader.output.report.report_fields import field_records
from formreader.output.table import digit_text, file_cell, text_cell, whole_pixels
from formreader.output.wording import sentence
from formreader.review.job_results import report_summary, write_job_report, write_job_table
from formreader.service import bodies
from formreader.service.job_queue import LiveJob
from formreader.service.service_state import Service
from formreader.store.job_store import JobStore

_SHOWN = (
    "id", "name", "created", "started", "finished", "skipped", "pages", "counts", "carried",
    "not_carried",
)  # fmt: skip
"""What a job's body has as its record has it."""

Format: TypeAlias = Literal["csv", "json", "jsonl", "parquet", "xlsx"]

FORMATS: tuple[str, ...] = get_args(Format)

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "csv": "text/csv",
        "json": "application/json",
        "jsonl": "application/jsonl",
        "parquet": "application/vnd.apache.parquet",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)

_CLIENTS_OPTIONS = ("PATHS", "--rows", "--review-below", "--max-error")
"""Options that a client may choose, of those that a job was scanned with: the report shows them.
The others tell how the service was started and where its files are."""


def body_of_job(service: Service, job: LiveJob) -> bodies.Job:
    """A job with its progress."""
    record = job.record
    state = bodies.JobState(record.state)
    if state is bodies.JobState.QUEUED and job.running:
        state = bodies.JobState.RUNNING
    speed = job.pages_per_second()
    left = None
    if speed and record.pages is not None:
        left = max(0, record.pages - job.pages_done) / speed
    problem = None
    if record.problem is not None:
        status, detail = record.problem
        problem = bodies.Problem(
            type="about:blank", title="The job failed", status=status, detail=detail, errors=None
        )
    shown = {name: getattr(record, name) for name in _SHOWN}  # times as seconds become times
    return bodies.Job.model_validate(
        shown
        | {
            "state": state,
            "expires": service.expires(record.finished),
            "files": len(record.files),
            "bytes": sum(file.size for file in record.files),
            "pages_done": job.pages_done,
            "pages_failed": record.counts["failed"] if record.counts else job.pages_failed,
            "pages_per_second": speed,
            "seconds_left": left,
            "ahead": service.queue.ahead_of(job) if state is bodies.JobState.QUEUED else 0,
            "options": {name: getattr(record, name) for name in bodies.JobOptions.model_fields},
            "problem": problem,
            "watched": bool(record.watch),
            "version": job.version,
        }
    )


def body_of_counts(counts: Mapping[str, int]) -> bodies.JobCounts:
    """The counts of a job's store."""
    return bodies.JobCounts(**{name: counts[name] for name in bodies.JobCounts.model_fields})


def body_of_page(n: int, page: PageReading, language: str) -> bodies.PageSummary:
    """A page in the list of a job's pages, which counts from 1; its message in a language."""
    digits = [digit for field in page.fields for digit in field.digits]
    statuses = Counter(digit.status for digit in digits)
    remark = page.remark
    return bodies.PageSummary(
        n=n,
        file=file_cell(page.file),
        page=page.number + 1,
        status=str(remark.status if remark else _status(page)),
        form=page.form,
        message=text_cell(sentence(remark.reason if remark else page.origin, language)),
        fields=len(page.fields),
        digits=len(digits) - statuses[Status.BLANK],
        review=statuses[Status.REVIEW],
    )


def bodies_of_fields(page: PageReading) -> list[bodies.ReadField]:
    """The fields of a page."""
    return [_body_of_field(number, field) for number, field in enumerate(page.fields, 1)]


def _status(page: PageReading) -> Status:
    statuses = {field.status for field in page.fields}
    urgent = (Status.REVIEW, Status.CHECKED, Status.OK)
    return next((status for status in urgent if status in statuses), Status.BLANK)


def _body_of_field(number: int, field: FieldReading) -> bodies.ReadField:
    return bodies.ReadField(
        field=number,
        name=field.name,
        value=field.value,
        cells=field.cells,
        confidence=_rounded(field.confidence),
        lowest=_rounded(field.lowest),
        status=field.status.value,
        place=_place(field.box),
        cell=field.frame is not None,
        digits=[_body_of_digit(box, digit) for box, digit in enumerate(field.digits, 1)],
    )


def _body_of_digit(box: int, digit: DigitReading) -> bodies.Digit:
    second = "" if digit.second is None else str(digit.second)
    return bodies.Digit(
        box=box,
        place=_place(digit.box),
        digit=digit_text(digit),
        confidence=_rounded(digit.confidence),
        status=digit.status.value,
        second=second,
        second_confidence=_rounded(digit.second_confidence) if second else None,
    )


def _place(box: Box) -> bodies.Place:
    x, y, width, height = whole_pixels(box)
    return bodies.Place(x=x, y=y, width=width, height=height)


def _rounded(value: float) -> float:
    return round(float(value), 4)


def export_table(service: Service, job: LiveJob, rows: Rows, kind: Format, language: str) -> Path:
    """Write the table of a job in a language to a new file, which the caller deletes.

    Raises:
        FormreaderError: the job cannot be opened, or the table cannot be written.
    """

    def write(store: JobStore) -> None:
        view = replace(store.written_view(), language=language)
        write_job_table(store, view, path, rows)

    with service.data.new_file(".jsonl" if kind == "json" else f".{kind}") as path:
        service.desk.look(job.folder.store, write)
    return _as_json(service, path) if kind == "json" else path


def current_report(service: Service, job: LiveJob) -> Path:
    """Return the report of a job as `scan` writes it; it is written if the job has changed.

    It is not written with the job: for one page that takes a third of the time of storing it. The
    file's time is that of the store that it shows.

    Raises:
        FormreaderError: the job cannot be opened, or the report cannot be written.
    """
    report = job.folder.report

    def write(store: JobStore) -> None:
        changed = job.folder.store.stat().st_mtime_ns
        if report.is_file() and report.stat().st_mtime_ns == changed:
            return
        view = store.written_view()
        options = tuple(one for one in view.options if one[0] in _CLIENTS_OPTIONS)
        write_job_report(store, replace(view, options=options), report, store.counts())
        os.utime(report, ns=(changed, changed))

    service.desk.look(job.folder.store, write)
    return report


def export_review(service: Service, job: LiveJob, language: str) -> Path:
    """Write what the page for review needs to a new JSON file, which the caller deletes.

    Fields are written one by one, so that memory does not grow with their number.
    """

    def write(store: JobStore) -> None:
        view = store.written_view()
        counts = store.counts()
        top = report_summary(store, view, counts)
        head = {
            "job": top.job,
            "table": top.csv_name,
            "version": top.version,
            "model": top.model,
            "review_below": top.review_below,
            "counts": body_of_counts(counts).model_dump(),
            "remarks": [
                bodies.Remark(
                    file=file_cell(one.file),
                    page=one.page + 1,
                    reason=sentence(one.reason, language),
                    failed=one.failed,
                ).model_dump()
                for one in store.remarks()
            ],
        }
        with path.open("x", encoding="utf-8") as stream:
            stream.write(f'{json.dumps(head)[:-1]}, "fields": [')
            for i, (record, pictures) in enumerate(field_records(store.review_fields())):
                item = json.dumps({"record": record, "pictures": pictures}, separators=(",", ":"))
                stream.write(f"{',' if i else ''}\n{item}")
            stream.write("]}\n")

    with service.data.new_file(".json") as path:
        service.desk.look(job.folder.store, write)
    return path


def _as_json(service: Service, lines: Path) -> Path:
    """Make one JSON array of JSON Lines, which are deleted, with the same bytes for each row."""
    try:
        with (
            service.data.new_file(".json") as path,
            lines.open("rb") as rows,
            path.open("xb") as stream,
        ):
            stream.write(b"[")
            for i, row in enumerate(rows):
                stream.write((b",\n" if i else b"\n") + row.rstrip(b"\n"))
            stream.write(b"\n]\n")
    finally:
        lines.unlink()
    return path
