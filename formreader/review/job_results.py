"""Writes the table and the report of a job, after a scan and whenever its answers change."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

from formreader.core.errors import UsageError
from formreader.core.locations import STANDARD_OUTPUT, Place, as_place, is_url, name_of
from formreader.core.options import Rows
from formreader.output.report.page_sources import page_sources
from formreader.output.report.report import ReportSummary, write_report
from formreader.output.table import write_form_table, write_table
from formreader.store.job_store import JobStore, JobView

_COUNTS = ("pages", "fields", "digits", "blank", "review", "checked", "failed")


def stored_place(place: Place | None) -> str:
    """A place as a job remembers it: independent of the current folder; "" for none."""
    if place is None:
        return ""
    return str(place) if is_url(place) or place == STANDARD_OUTPUT else os.path.abspath(place)


def view_beside(view: JobView, job: Path) -> JobView:
    """The view of a job whose folder may have been moved since: its results lie beside it."""
    if is_url(view.out):
        return view
    folder = Path(view.out).parent
    report = view.report
    if report and not is_url(report) and Path(report).parent == folder:
        report = str(job.with_name(Path(report).name))
    return replace(view, out=str(job.with_name(Path(view.out).name)), report=report)


def write_results(store: JobStore, view: JobView) -> Counter[str]:
    """Write table and report, each as a whole or not at all; return the job's counts.

    Raises:
        OutputError: one cannot be written; what was there before is kept.
    """
    counts = store.counts()
    write_job_table(store, view, as_place(view.out), cast("Rows", view.rows))
    if view.report:
        top = report_summary(store, view, counts)
        place = as_place(view.report)
        sources = scanned_files(store, place)
        write_report(place, top, store.review_fields(), store.remarks(), sources=sources)
    return counts


def write_job_table(store: JobStore, view: JobView, place: Place, rows: Rows) -> None:
    """Write the table of a job with rows of any kind, whole or not at all.

    Raises:
        OutputError: it cannot be written; what was there before is kept.
        UsageError: rows of pages of a job without templates.
    """
    if rows == "page" and view.forms is None:
        raise UsageError("Rows of pages need a template, whose fields are the columns")
    readings = store.readings() if rows == "digit" else store.field_readings()
    if view.forms is not None:
        write_form_table(place, readings, rows, view.forms)
    else:
        write_table(place, readings, rows)


def scanned_files(store: JobStore, report: Place) -> dict[str, str]:
    """Where a report finds the scanned files that browsers show; it must lie on this machine."""
    if is_url(report):
        return {}
    local = ((file.label, file.path) for file in store.files() if not is_url(file.path))
    return page_sources(local, Path(report))


def report_summary(store: JobStore, view: JobView, counts: Mapping[str, int]) -> ReportSummary:
    """What stands at the top of a job's reports."""
    run = store.run()
    accepted, accepted_wrong = store.accepted()
    return ReportSummary(
        files=view.files,
        **{name: counts[name] for name in _COUNTS},
        review_below=view.review_below,
        made=datetime.now(),
        version=run.version,
        model=run.model,
        csv_name=name_of(as_place(view.out)),
        options=view.options,
        job=store.name,
        accepted=accepted,
        accepted_wrong=round(accepted_wrong, 2),
    )
