"""Learn the templates of forms from scanned pages, which are read as a scan reads them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from formreader.batch.job_plan import input_records, page_tasks
from formreader.batch.page_log import PageFigures, ScanProgress
from formreader.batch.pile_pages import pile_page
from formreader.batch.scan_means import ScanMeans
from formreader.core.errors import NoInputError, OutputError, UsageError
from formreader.core.options import ScanOptions
from formreader.core.stopwatch import Stopwatch
from formreader.template.fillable_form import fillable_form
from formreader.template.pile_page import PilePage
from formreader.template.pile_sorting import LearnedForm, learned_form, one_pile, sort_pile
from formreader.template.template_file import PAGE_FILE, TEMPLATE_FILE, write_template
from formreader.template.usable_values import form_name_fault

_UNFINISHED_FOLDER = ".learning"
"""The folder in that of the templates in which they are written."""


def learn_templates(options: ScanOptions, out: Path, progress: ScanProgress) -> list[LearnedForm]:
    """Sort pages into forms, and write a template of each into a folder of its own in `out`.

    Raises:
        NoInputError: there is no page, or none has fields.
        OutputError: a template cannot be written.
        UsageError: `out` holds templates already.
    """
    _finish(out)
    _refuse_templates(out, [*out.glob(f"*/{TEMPLATE_FILE}"), *out.glob(TEMPLATE_FILE)])
    pages = _read_pile(options, progress, ScanMeans())
    learned = list[LearnedForm]()
    for pile in sort_pile(pages):
        form = learned_form(pile, f"form-{len(learned) + 1}")
        if form is not None:
            learned.append(form)
    if not learned:
        raise NoInputError("No fields were found on the pages, so there is no form to learn")
    _write_all(out, learned)
    return learned


def _write_all(out: Path, forms: Sequence[LearnedForm]) -> None:
    """Write the templates of all forms, or none, also if killed; OutputError if it cannot."""
    work, names = out / _UNFINISHED_FOLDER, [form.template.name for form in forms]
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    try:
        for name, form in zip(names, forms, strict=True):
            write_template(work / name, form.template, form.page)
        for name in names:
            (out / name).mkdir(exist_ok=True)
        for file in (PAGE_FILE, TEMPLATE_FILE):  # a folder is a template once it has the second
            for name in names:
                (work / name / file).replace(out / name / file)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _finish(out: Path) -> None:
    """Move what a killed run had left to move: once one form was moved, all had been written."""
    work = out / _UNFINISHED_FOLDER
    moved = (one.name for one in work.glob("*") if not any(one.iterdir()))
    if any((out / name / TEMPLATE_FILE).exists() for name in moved):
        for file in work.glob(f"*/{TEMPLATE_FILE}"):
            file.replace(out / file.parent.name / TEMPLATE_FILE)
        shutil.rmtree(work, ignore_errors=True)


def new_template(
    options: ScanOptions,
    out: Path,
    progress: ScanProgress,
    means: ScanMeans | None = None,
    name: str | None = None,
) -> dict[Path, LearnedForm]:
    """Make the template of one form from pages, blank or filled in, at `out`; return it by folder.

    The fields of a fillable PDF become those of the template. Each of its pages is a form; of
    several each has a folder in `out`. `means` are what the pages are read with, else their own.
    `name` is the form's, if not that of the folder.

    Raises:
        NoInputError: there is no page, or the pages show no fields.
        OutputError: the template cannot be written.
        UsageError: no form may have the name, `out` holds a template already, or a page is another
            form than the first.
    """
    name = out.absolute().name if name is None else name
    if fault := form_name_fault(name):
        raise UsageError(f"The form's name {fault}. Choose another")
    _refuse_templates(out, [*out.glob(TEMPLATE_FILE), *out.glob(f"*/{TEMPLATE_FILE}")])
    pages = _read_pile(options, progress, means or ScanMeans())
    if fillable := [page for page in pages if page.form_fields]:
        return _fillable_templates(fillable, len(pages), out, progress, name)
    pile, others = one_pile(pages)
    if others:
        raise UsageError(
            f"{', '.join(others)}: not the form of the first page. Give the pages of one form "
            "only, or sort a mixed pile with `formreader template learn`"
        )
    form = learned_form(pile, name)
    if form is None:
        raise NoInputError("No fields were found on the page, so it gives no template")
    write_template(out, form.template, form.page)
    return {out: form}


def _fillable_templates(
    pages: Sequence[PilePage], given: int, out: Path, progress: ScanProgress, name: str
) -> dict[Path, LearnedForm]:
    """Write the templates of the fields of fillable PDFs, whose `pages` are among those given."""
    if given > len(pages):
        progress.message(f"{given - len(pages):,} of {given:,} pages have no field to fill in")
    if len(pages) == 1:
        form = fillable_form(pages[0], name)
        write_template(out, form.template, form.page)
        return {out: form}
    forms = [fillable_form(page, f"{name}-{number}") for number, page in enumerate(pages, 1)]
    _write_all(out, forms)
    return {out / form.template.name: form for form in forms}


def _refuse_templates(out: Path, there: Sequence[Path]) -> None:
    """Refuse to replace templates (UsageError), as people have named their fields, or a file."""
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: it is a file; templates need a folder. Choose another --out")
    if there:
        raise UsageError(
            f"{there[0]}: a template is there already and would be replaced. Choose another "
            "--out, or delete it first"
        )


def _read_pile(options: ScanOptions, progress: ScanProgress, means: ScanMeans) -> list[PilePage]:
    """Read pages; those that cannot be read are told and left out (NoInputError if all are)."""
    files = means.list_inputs(options, None).files
    recogniser = means.recogniser(options)
    pile = list[PilePage]()
    with means.counter(options) as count_pdf:
        # Duplicates say nothing new about a form.
        found = page_tasks(input_records(files, {}, count_pdf))
        tasks = [replace(task, keep_copy=True) for task in found]
    progress.started(len(files), len(tasks), 0)
    with means.pool(options, len(tasks)) as pool:
        for page, reading in pool.read(pool.work(tasks), recogniser, options, Stopwatch()):
            progress.page_done(PageFigures.of(page, reading))
            if page.error:
                progress.message(f"{page.file}: {page.error}")
            elif page.copy is not None:
                values = tuple(field.value for field in reading.fields)
                pile.append(replace(pile_page(page), values=values))
            if progress.stopped():
                raise KeyboardInterrupt
    if not pile:
        raise NoInputError("None of the pages can be read, so there is no form to learn")
    return pile
