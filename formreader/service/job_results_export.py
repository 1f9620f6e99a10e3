"""Files to send: the table of a job in any format, its report, what the page for review needs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from formreader.core.options import Rows
from formreader.output.report.report_fields import field_records
from formreader.output.table import file_cell
from formreader.output.wording import sentence
from formreader.review.job_results import report_summary, write_job_report, write_job_table
from formreader.service import bodies
from formreader.service.body_making import body_of_counts
from formreader.service.job_queue import LiveJob
from formreader.service.service_state import Service
from formreader.store.job_store import JobStore

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
    """Return the report of a job as `scan` writes it; it is written anew if the job has changed.

    It is not written with the job: most jobs are reviewed by few, and for a job of one page the
    report takes a third of the time that storing it does. Its time is that of the store that it
    shows.

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
