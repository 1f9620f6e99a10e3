"""The program's records as bodies of responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from formreader.core.geometry import Box
from formreader.core.records import DigitReading, FieldReading, PageReading, Status
from formreader.output.table import digit_text, file_cell, text_cell, whole_pixels
from formreader.output.wording import sentence
from formreader.service import bodies
from formreader.service.job_queue import LiveJob
from formreader.service.service_state import Service

_SHOWN = (
    "id", "name", "created", "started", "finished", "skipped", "pages", "counts", "carried",
    "not_carried",
)  # fmt: skip
"""What a job's body has as its record has it."""


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
