"""The main job: reads the files, and writes the table and the review report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from formreader.batch.debug_pictures import DebugFolder
from formreader.batch.job_plan import Plan, make_plan, run_record
from formreader.batch.job_work import JobWork
from formreader.batch.odd_pages import odd_pages
from formreader.batch.outputs import Outputs
from formreader.batch.page_log import ScanProgress, open_page_log
from formreader.batch.scan_means import ScanMeans
from formreader.core.errors import UsageError
from formreader.core.locations import STANDARD_OUTPUT, Place
from formreader.core.options import ScanOptions
from formreader.core.stopwatch import Stopwatch
from formreader.output.atomic_writing import check_writable
from formreader.output.wording import words_of
from formreader.recognise.decisions import judged
from formreader.recognise.risk_control import Acceptance, acceptance
from formreader.review.carried_answers import (
    Carried,
    carry_over,
    keep_answers_of_discarded,
    waiting_answers,
)
from formreader.review.job_results import COUNTS, part_places, stored_place, write_results
from formreader.review.rule_checks import check_rules
from formreader.rules.form_rules import rules_text
from formreader.store.job_store import JobStore, JobView

if TYPE_CHECKING:
    from formreader.batch.auto_forms import AutoForms
    from formreader.template.form_book import FormBook

STAGES = ("check", "start", "decode", "straighten", "find", "crop", "recognise", "store", "write")
"""The stages whose time is measured. `check`: hashing the files; `start`: starting the workers, and
loading networks that they do not load; `write`: writing the table and the report."""


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The counts, times and files of a finished scan.

    `pages` of `total` pages are in the results. This run read `read` of them, earlier runs the
    others. `duplicates` counts files with the content of an earlier file, `skipped` files of other
    kinds. `digits` counts the boxes with ink, `blank` those without, `review` the digits to review,
    `checked` those that people answered. `rejudged`: pages of earlier runs got the statuses of
    other thresholds. `acceptance` says which digits are accepted without review. `stages` holds
    the seconds of each stage, of all pages and processes together; `seconds` is the wall time.
    `report` is None if none was asked for. `parts` are the tables of single forms; `out` then has
    the other pages. `carried` counts the answers of people that an earlier job had.
    """

    files: int
    skipped: int
    total: int
    read: int
    pages: int
    duplicates: int
    fields: int
    digits: int
    blank: int
    review: int
    checked: int
    failed: int
    interrupted: bool
    rejudged: bool
    acceptance: Acceptance
    seconds: float
    stages: Mapping[str, float]
    out: Place
    report: Place | None
    parts: tuple[Place, ...] = ()
    carried: Carried = field(default_factory=Carried)


def scan(
    options: ScanOptions, progress: ScanProgress, means: ScanMeans | None = None
) -> ScanSummary:
    """Read all digits of all pages, and write the table and the report.

    Outputs, inputs and the model are checked before any work. Pages that an earlier run of the
    same job read are not read again. A page that cannot be read becomes a row with an error.
    `means` are what the scan works with, if not its own workers and networks.

    Raises:
        UsageError: an output would replace an input or another output, or the job beside the
            table belongs to another scan or to one that is still running.
        OutputError: a result cannot be written; pages already read stay in the job.
        NoInputError: no page was found.
        ModelError: the model is missing or damaged, or cannot promise `options.max_error`.
        TemplateError: a template is missing or wrong.
        KeyboardInterrupt: the user stopped the scan before work on a page began.
    """
    outputs = Outputs.of(options)
    outputs.check()
    words_of(options.language or "")  # a language that there is none of is told now
    if options.rows == "page" and options.template is None:
        raise UsageError(
            "--rows page needs a template, whose fields are the columns. Learn it from the pages "
            "themselves with --template auto, or make one with `formreader template learn` and "
            "give it with --template"
        )
    if options.split_forms and options.rows != "page":
        raise UsageError("--split-forms writes a table of pages for each form: give --rows page")
    if options.split_forms and options.out == STANDARD_OUTPUT:
        raise UsageError("--split-forms writes several tables, which cannot be printed. Give --out")
    with outputs.with_job() as placed:
        return _scan(options, placed, progress, means or ScanMeans())


def _scan(
    options: ScanOptions, outputs: Outputs, progress: ScanProgress, means: ScanMeans
) -> ScanSummary:
    """`scan`, after its outputs were checked."""
    stopwatch = Stopwatch(dict.fromkeys(STAGES, 0.0))
    debug = DebugFolder.make(outputs.debug, options.paths) if outputs.debug else None
    listing = means.list_inputs(options, outputs)
    cards = means.cards(options)
    known = _known_forms(options.template)
    accepted = acceptance(cards.digits, cards.numbers, options)
    learns = options.template == "auto"
    if learns:
        from formreader.batch.auto_forms import AutoForms, check_discardable

        if options.fresh or not outputs.job.exists():
            check_discardable(AutoForms.folder_of(outputs.job))
    if options.fresh:
        keep_answers_of_discarded(outputs.job)
    with JobStore.open(outputs.job, run_record(options, cards), fresh=options.fresh) as store:
        earlier = store.view()
        if store.damaged:
            progress.message(
                f"{outputs.job}: {store.damaged} of its records are damaged; those pages are read "
                "again. Check the disk"
            )
        with stopwatch.stage("check"), means.counter(options) as count_pdf:
            plan = make_plan(listing.files, store, progress, count_pdf, options)
        before = earlier or store.replaced
        parts = before.parts if before is not None else ()
        view = _view(options, outputs, accepted, len(listing.files), known, parts)
        for place in part_places(view).values():
            check_writable(place)
        rejudged = earlier is not None and earlier.thresholds != view.thresholds
        rejudge = partial(judged, thresholds=accepted.thresholds)
        store.set_view(view, rejudge if rejudged else None)
        auto = AutoForms(AutoForms.folder_of(outputs.job), store) if learns else None
        if auto is not None:
            auto.begin()
        with open_page_log(outputs.log, fresh=plan.done == 0) as log:
            work = JobWork(options, progress, store, debug, log, stopwatch)
            read = _read(work, plan, means, auto)
        if auto is not None:
            view = replace(view, forms=auto.field_names())
        elif options.template is None:
            store.set_differences(odd_pages(store.layouts()))
        view = replace(view, found=store.forms_found())
        store.set_view(view)
        interrupted = read < len(plan.tasks)
        with stopwatch.stage("write"):
            carried = carry_over(store, outputs.job)
            check_rules(store, view)
            counts = write_results(store, view)
        if not interrupted:  # else some wait for pages that are not read yet
            waiting_answers(outputs.job).unlink(missing_ok=True)
    return ScanSummary(
        files=len(listing.files),
        skipped=listing.skipped,
        total=plan.done + len(plan.tasks),
        read=read,
        duplicates=counts["duplicates"],
        **{name: counts[name] for name in COUNTS},
        interrupted=interrupted,
        rejudged=rejudged,
        acceptance=accepted,
        seconds=stopwatch.seconds(),
        stages=stopwatch.stages,
        out=options.out,
        report=outputs.report,
        parts=tuple(part_places(view).values()),
        carried=carried,
    )


def _known_forms(template: Path | Literal["auto"] | None) -> FormBook | None:
    """The forms of the templates (or TemplateError); none if there are no templates, or not yet."""
    if not isinstance(template, Path):
        return None
    from formreader.template.form_book import loaded_book  # most scans have no templates

    return loaded_book(str(template.absolute()))


def _read(work: JobWork, plan: Plan, means: ScanMeans, auto: AutoForms | None) -> int:
    """Read the pages of a plan until the user stops it; return how many were read."""
    options = work.options
    again = work.store.to_read_again() if auto is not None else ()
    if not plan.tasks and not again and (auto is None or auto.has_learned_all()):
        return 0
    with work.stopwatch.stage("start"):
        pages = len(plan.tasks) + len(again)
        pool = means.pool(options, pages, stores=work.debug is None)
    with pool:
        recogniser = partial(means.recogniser, options)
        if auto is not None:
            return auto.read(work, plan, pool, recogniser)
        tasks = plan.tasks
        if isinstance(options.template, Path):
            folder = str(options.template.absolute())
            tasks = [replace(task, templates=folder) for task in tasks]
        return work.read(tasks, pool, recogniser)


def _view(
    options: ScanOptions,
    outputs: Outputs,
    accepted: Acceptance,
    files: int,
    known: FormBook | None,
    parts: tuple[str, ...],
) -> JobView:
    forms, rules = (known.forms, known.rules) if known else ((), {})
    names = {one.template.name: one.template.columns for one in forms}
    return JobView(
        out=stored_place(options.out),
        report=stored_place(outputs.report),
        rows=options.rows,
        split=False if options.out == STANDARD_OUTPUT else options.split_forms,
        thresholds=repr(accepted.thresholds),
        review_below=accepted.review_below,
        files=files,
        options=tuple(_given_options(options)),
        forms=None if options.template is None else names,
        rules={form: rules_text(one) for form, one in rules.items() if one},
        documents=known.documents if known else {},
        parts=parts,
        language=options.language or "",
    )


def _given_options(options: ScanOptions) -> Iterator[tuple[str, str]]:
    """Yield name and value of PATHS and of the options that differ from their defaults."""
    yield "PATHS", " ".join(options.paths)
    defaults = ScanOptions(options.paths)
    for name in (f.name for f in fields(ScanOptions)):
        value = getattr(options, name)
        if value != getattr(defaults, name):
            yield f"--{name.replace('_', '-')}", str(value)
