"""Writes the table and the report of a job, after a scan and whenever its answers change."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

from formreader.core.errors import UsageError
from formreader.core.field_kinds import NO_KIND, FieldKind, written_value
from formreader.core.locations import (
    STANDARD_OUTPUT,
    Place,
    as_place,
    is_url,
    name_of,
    sibling,
    with_part,
)
from formreader.core.options import Rows
from formreader.core.records import FieldReading, PageReading, Status
from formreader.output.page_table import Sheet, column_of, sheets_of, write_page_table
from formreader.output.report.report import ReportSummary, page_sources, write_report
from formreader.output.table import text_cell, write_form_table, write_table
from formreader.output.table_formats import TableFormat, format_of
from formreader.rules.form_rules import Relation
from formreader.rules.rules_text import rules_of_text
from formreader.store.job_store import JobStore, JobView

_MAX_PART = 60
"""Characters of a form's name in that of its file: names of files may have 255 bytes."""

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
    _write_tables(store, view)
    if view.report:
        place = as_place(view.report)
        write_job_report(store, view, place, counts, scanned_files(store, place))
    return counts


def write_job_report(
    store: JobStore,
    view: JobView,
    place: Place,
    counts: Mapping[str, int],
    sources: Mapping[str, str] | None = None,
) -> None:
    """Write the report of all fields to review; `sources` are the addresses of the scans.

    Raises:
        OutputError: it cannot be written; what was there before is kept.
    """
    top, gains = report_summary(store, view, counts), answer_gains(store, view)
    write_report(place, top, store.review_fields(), store.remarks(), sources=sources, gains=gains)


def part_places(view: JobView) -> dict[str, Place]:
    """Where the tables of each form go, by its name; none where all pages are in one table.

    The forms of a document have one, named after the first.
    """
    tables = _tables_of(view, _occurring(view))
    if view.split is False or view.rows != "page" or (view.split is None and len(tables) < 2):
        return {}
    out, taken = as_place(view.out), set[str]()
    places = dict[str, Place]()
    for form in tables:
        name = "".join(one if one.isalnum() or one in "-_" else "_" for one in form)[:_MAX_PART]
        part, count = name, 1
        while part.casefold() in taken:  # also where a disk does not tell a from A
            count += 1
            part = f"{name}-{count}"
        taken.add(part.casefold())
        places[form] = with_part(out, part)
    return places


def _write_tables(store: JobStore, view: JobView) -> None:
    """Write the table, or the tables of the forms and that of pages of none.

    Tables of forms that an earlier run wrote and that are no more are deleted, on this machine.
    """
    out, places = as_place(view.out), part_places(view)
    now = tuple(name_of(place) for place in places.values())
    if now or view.parts:  # known before they are there, for a run after a kill
        _keep_parts(store, tuple(dict.fromkeys((*view.parts, *now))))
    for form, place in places.items():
        forms = _tables_of(view, _occurring(view))[form]
        columns = _columns(view, forms)
        write_page_table(place, _sheets(store, view, form, forms), columns, view.language)
    if places:
        write_page_table(out, _sheets(store, view, "", [""]), [], view.language)
    else:
        write_job_table(store, view, out, cast("Rows", view.rows))
    if now or view.parts:
        if not is_url(out):
            for name in set(view.parts) - set(now):
                Path(sibling(out, name)).unlink(missing_ok=True)
        _keep_parts(store, now)


def _keep_parts(store: JobStore, parts: tuple[str, ...]) -> None:
    view = store.written_view()
    store.set_view(replace(view, parts=parts))


def _occurring(view: JobView) -> Collection[str]:
    """The forms that pages are; all where no page is any, or that is not known yet."""
    return view.found or view.forms or ()


def _tables_of(view: JobView, forms: Collection[str]) -> dict[str, Sequence[str]]:
    """The forms of each table of a split one with some of these `forms`, by that of the first page.

    The forms of a document are in one table.
    """
    later = {form for forms in view.documents.values() for form in forms[1:]}
    tables = {
        form: view.documents.get(form, [form]) for form in view.forms or () if form not in later
    }
    return {form: of for form, of in tables.items() if not set(of).isdisjoint(forms)}


def job_sheets(store: JobStore, view: JobView) -> Iterator[Sheet]:
    """What the rows of the table of pages are about, with all digits of their fields."""
    single, kinds = _single(store), form_kinds(view)
    many = not part_places(view) and _is_of_many(view, as_place(view.out))
    return sheets_of(store.readings(), view.documents, single, kinds, many=many)


def _is_of_many(view: JobView, place: Place) -> bool:
    """Whether a single table of pages has a column for each field of several forms.

    JSON Lines have those of the page's own form only.
    """
    several = len(_tables_of(view, _occurring(view))) > 1
    return several and format_of(place) is not TableFormat.JSON_LINES


def form_kinds(view: JobView) -> dict[str, Mapping[str, FieldKind]]:
    """The kinds of the fields of each form, by their names, where templates tell something."""
    return {form: rules_of_text(text).fields for form, text in view.rules.items()}


def _sheets(
    store: JobStore,
    view: JobView,
    form: str | None = None,
    forms: Collection[str] | None = None,
    *,
    many: bool = False,
) -> Iterator[Sheet]:
    """The rows of pages of a job; only those of one form, or document, where it is given."""
    pages = store.field_readings(forms=forms)
    single, kinds = _single(store), form_kinds(view)
    sheets = sheets_of(pages, view.documents, single, kinds, many=many)
    return (sheet for sheet in sheets if form is None or sheet.form == form)


def _single(store: JobStore) -> set[str]:
    """The files that have one page; a copy has as many as the file that was read instead."""
    files = store.files()
    pages = {file.label: file.pages for file in files}
    return {file.label for file in files if pages[file.duplicate_of or file.label] == 1}


def _columns(view: JobView, forms: Collection[str], *, many: bool = False) -> list[str]:
    """The columns of the fields of some forms, each once; as in `Sheet` for `many` forms."""
    fields = (view.forms or {}).items()
    columns = (
        column_of(form, name, many=many)
        for form, names in fields
        if form in forms
        for name in names
    )
    return list(dict.fromkeys(columns))


def write_job_table(store: JobStore, view: JobView, place: Place, rows: Rows) -> None:
    """Write the table of a job with rows of any kind, whole or not at all.

    Raises:
        OutputError: it cannot be written; what was there before is kept.
        UsageError: rows of pages of a job without templates.
    """
    if rows == "page" and view.forms is None:
        raise UsageError("Rows of pages need a template, whose fields are the columns")
    if rows == "page":
        tables = _tables_of(view, _occurring(view))
        many = _is_of_many(view, place)
        occurring = [form for of in tables.values() for form in of]
        columns = _columns(view, occurring, many=many)
        write_page_table(place, _sheets(store, view, many=many), columns, view.language)
        return
    readings = store.readings() if rows == "digit" else store.field_readings()
    if view.forms is not None:
        readings = as_written_on_forms(readings, form_kinds(view))
        write_form_table(place, readings, rows, view.language)
    else:
        write_table(place, readings, rows, view.language)


def kinds_of_columns(view: JobView) -> dict[str, FieldKind]:
    """The kinds of the columns of a table of pages; without those on which two forms differ."""
    kinds, found = form_kinds(view), dict[str, set[FieldKind]]()
    for form, names in (view.forms or {}).items():
        for name in names:
            own = kinds.get(form, {}).get(name, NO_KIND)
            kind = FieldKind(
                kind=own.is_a,
                decimals=own.decimals,
                separator=own.separator,
                date=own.date,
                comma=own.comma,
            )
            for column in {name, column_of(form, name, many=True)}:
                found.setdefault(text_cell(column), set()).add(kind)
    return {name: of.pop() for name, of in found.items() if len(of) == 1}


def as_written_on_forms(
    pages: Iterable[PageReading], kinds: Mapping[str, Mapping[str, FieldKind]]
) -> Iterator[PageReading]:
    """Yield pages with values as written, with the point that is printed in a row of boxes."""
    for page in pages:
        boxed = {name: kind for name, kind in kinds.get(page.form, {}).items() if kind.boxes}
        fields = (
            replace(one, value=written_value(one.value, one.cells, boxed[one.name]))
            if one.name in boxed
            else one
            for one in page.fields
        )
        yield replace(page, fields=tuple(fields)) if boxed else page


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
        language=view.language,
        job=store.name,
        accepted=accepted,
        accepted_wrong=round(accepted_wrong, 2),
    )


_OF_NO_NUMBER = -1.0
"""What an answer about a column without numbers gains: it outweighs the doubt about the value."""


def answer_gains(store: JobStore, view: JobView) -> dict[tuple[str, int, int], float]:
    """How many wrong accepted values an answered field is expected to show, by its rules.

    By (file, 0-based page, 0-based number of the field). A rule between fields can be checked once
    all of its values are known, so the last answer of a sum also checks its accepted ones: what
    they are expected to have wrong is shared by the fields that the rule waits for. Fields without
    such rules are left out, but for those of columns without numbers.
    """
    if view.forms is None:
        return {}
    relations = {form: rules_of_text(text).relations for form, text in view.rules.items()}
    gains: dict[tuple[str, int, int], float] = defaultdict(float)
    unread = list[tuple[tuple[str, str], tuple[str, int, int]]]()  # (form, name), place
    read = set[tuple[str, str]]()
    for page in store.field_readings(forms=view.forms):
        for relation in relations.get(page.form, ()):
            for number, gain in _gains(page, relation):
                gains[page.file, page.number, number] += gain
        for number, field in enumerate(page.fields):
            if any(map(str.isdecimal, field.value)):
                read.add((page.form, field.name))
            elif field.status is Status.REVIEW:
                unread.append(((page.form, field.name), (page.file, page.number, number)))
    return dict(gains) | {field: _OF_NO_NUMBER for column, field in unread if column not in read}


def _gains(page: PageReading, relation: Relation) -> list[tuple[int, float]]:
    """(number of the field, gain) of each field of a relation that is to be answered."""
    fields: dict[str, tuple[int, FieldReading]] = {
        field.name: (number, field) for number, field in enumerate(page.fields)
    }
    named = [fields[name] for name, _ in relation.terms if name in fields]
    waiting = [number for number, field in named if field.status is Status.REVIEW]
    doubts = sum(1 - field.confidence for _, field in named if field.status is Status.OK)
    return [(number, doubts / len(waiting)) for number in waiting] if doubts > 0 else []
