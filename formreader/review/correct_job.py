"""The work of `formreader correct`: corrections into a job, then its table and report anew."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from formreader.core.errors import NoInputError, UsageError
from formreader.core.locations import Place, as_place, job_path
from formreader.core.records import ReviewField, Status
from formreader.output.atomic_writing import check_writable
from formreader.output.report.report import write_report
from formreader.review.apply_corrections import (
    AnswerPlan,
    apply_corrections,
    fitting_answers,
    listed_problems,
    settle_plan,
)
from formreader.review.corrections_file import Correction, read_corrections
from formreader.review.edited_table import is_table, read_edited
from formreader.review.job_results import (
    part_places,
    report_summary,
    scanned_files,
    view_beside,
    write_results,
)
from formreader.review.rule_checks import check_rules
from formreader.store.answers import WHOLE_FIELD, Answer
from formreader.store.job_sql import APPLICATION_ID
from formreader.store.job_store import JobStore, JobView


@dataclass(frozen=True, slots=True)
class CorrectOptions:
    """Options of `formreader correct`.

    `paths` are files of corrections and edited tables. `to` is the table to correct; None for that
    of the job that the corrections were saved from. `undo`: take back what was applied last. `by`
    is who answered. `replace`: answers may replace earlier ones. `second` has the corrections of
    another person: only what both say alike is applied. `language` is that of messages and report
    from now on, None as it was.
    """

    paths: tuple[Path, ...]
    to: Place | None = None
    undo: bool = False
    by: str = ""
    replace: bool = False
    second: Path | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class CorrectSummary:
    """What came of it: answers stored (or taken back) and known already, what is left to review.

    `zeros_lost` counts values of an edited table that lack only their leading zeros. `comparison`
    is that with the second person, and `disputes` the report on which they differ. `parts` are the
    tables of single forms.
    """

    answers: int
    known: int
    zeros_lost: int
    review: int
    out: Place
    report: Place | None
    comparison: Comparison | None = None
    disputes: Path | None = None
    parts: tuple[Place, ...] = ()


def correct(options: CorrectOptions) -> CorrectSummary:
    """Put corrections into their job, and write its table and report anew.

    Each file is replaced as a whole, and then the answers are kept in the job. After a kill or an
    error in between, the job is as before, and the same call does all of it.

    Raises:
        NoInputError: a file or the job is missing or is not what it should be.
        UsageError: corrections do not fit, or it cannot be told which job they belong to.
        OutputError: a result cannot be written; the job is as before.
    """
    if options.undo == bool(options.paths):
        raise UsageError(
            "--undo takes back the answers that were applied last, and takes no corrections"
            if options.undo
            else "Give the corrections.csv that the report saved, or a table that you edited"
        )
    tables = [path for path in options.paths if is_table(path)]
    corrections = [
        one for path in options.paths if path not in tables for one in read_corrections(path)
    ]
    if options.second is not None and (tables or options.undo):
        raise UsageError("--second compares two files of corrections, no tables")
    second = [] if options.second is None else read_corrections(options.second)
    names = {one.job for one in (*corrections, *second) if one.job}
    job = find_job(options.to, options.paths, names)
    with JobStore.open_finished(job) as store, store.all_or_nothing():
        if options.language is not None and (stored := store.view()) is not None:
            store.set_view(replace(stored, language=options.language))
        view = writable_view(store, job)
        comparison, disputes = None, None
        if second:
            comparison = compare(store, corrections, second)
            settle_plan(store, comparison.plan, by=options.by, replace_earlier=options.replace)
            applied, known, zeros_lost = len(comparison.plan.answers), comparison.plan.known, 0
            disputes = _write_disputes(store, view, comparison, job)
        elif options.undo:
            applied, known, zeros_lost = store.take_back(), 0, 0
        else:
            applied, known, zeros_lost = _apply(store, view, corrections, tables, options)
        check_rules(store, view)
        counts = write_results(store, view)
    report = as_place(view.report) if view.report else None
    written = as_place(view.out), report
    done = applied, known, zeros_lost, counts["review"]
    return CorrectSummary(*done, *written, comparison, disputes, tuple(part_places(view).values()))


def _write_disputes(
    store: JobStore, view: JobView, comparison: Comparison, job: Path
) -> Path | None:
    """Write the report of the fields on which two people differ; None where there are none."""
    if not comparison.disputed:
        return None
    path = job.with_suffix(".disputes.html")
    boxes = {one.place for one, _ in comparison.disputed}
    fields = (
        _as_disputed(field, boxes) for field in store.sampled_fields(comparison.disputed_fields)
    )
    top, sources = report_summary(store, view, store.counts()), scanned_files(store, path)
    write_report(path, top, fields, sources=sources)
    return path


def _as_disputed(field: ReviewField, boxes: set[tuple[str, int, int, int]]) -> ReviewField:
    """A field with only the boxes in dispute for review; all of them if its value is."""
    place = field.file, field.page + 1, field.number + 1
    whole = (*place, WHOLE_FIELD) in boxes
    digits = tuple(
        replace(digit, status=Status.REVIEW)
        if whole or (*place, box) in boxes
        else replace(digit, status=Status.CHECKED)
        if digit.status is Status.REVIEW
        else digit
        for box, digit in enumerate(field.reading.digits, 1)
    )
    return replace(field, reading=replace(field.reading, digits=digits, status=Status.REVIEW))


def _apply(
    store: JobStore,
    view: JobView,
    corrections: Sequence[Correction],
    tables: Sequence[Path],
    options: CorrectOptions,
) -> tuple[int, int, int]:
    """Store answers; return how many are new, how many were known, and how many zeros are lost."""
    edited = [read_edited(path, store, view) for path in tables]
    if problems := [problem for one in edited for problem in one.problems]:
        raise UsageError(
            listed_problems("nothing was changed, because of the edited table:", problems)
        )
    found = [*corrections, *(one for table in edited for one in table.corrections)]
    # In an edited table a person has seen the earlier answers.
    replace_earlier = options.replace or not corrections
    plan = apply_corrections(store, found, by=options.by, replace_earlier=replace_earlier)
    return len(plan.answers), plan.known, sum(table.zeros_lost for table in edited)


def writable_view(store: JobStore, job: Path) -> JobView:
    """How a job is written, where it is now; checked before any change that it can be.

    Raises:
        OutputError: table or report cannot be written.
    """
    stored = store.written_view()
    view = view_beside(stored, job)
    for place in (as_place(view.out), *part_places(view).values()):
        check_writable(place)
    if view.report:
        check_writable(as_place(view.report))
    return view


def find_job(to: Place | None, paths: Sequence[Path], names: set[str]) -> Path:
    """The job of the table `to`; without one, that named `names`, or the only one beside `paths`.

    Raises:
        NoInputError: there is none.
        UsageError: it may be several.
    """
    if to is not None:
        return job_path(to)
    if len(names) > 1:
        raise UsageError("The corrections were saved from reports of several jobs. Give one job's")
    folders = dict.fromkeys([*(path.parent for path in paths), Path()])
    for path in paths:
        if (own := job_path(path)).is_file() and not names:
            return own
    jobs = {
        job.resolve(): name
        for folder in folders
        for job in sorted(folder.glob("*.sqlite"))
        if (name := _job_name(job)) is not None
    }
    fitting = [job for job, name in jobs.items() if not names or name in names]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(
            f"There are several jobs: {', '.join(job.name for job in fitting)}. Say which table "
            "to correct with --to results.csv"
        )
    raise NoInputError(
        "The job that the corrections belong to is not beside them, nor in this folder. Name the "
        "table that the scan wrote with --to results.csv"
    )


def job_of_table(path: Path) -> Path:
    """The job beside a table, or beside the table of one of several forms.

    Raises:
        NoInputError: there is none.
    """
    whole = path.with_name(f"{Path(path.stem).stem}{path.suffix}")  # of results.tally.csv
    jobs = [job_path(path), job_path(whole)]
    if found := next((job for job in jobs if job.is_file()), None):
        return found
    raise NoInputError(
        f"{path}: the job that tells the kinds of its fields is not beside it. Keep "
        f"{jobs[-1].name} there, or read it without numbers=True"
    )


def _job_name(path: Path) -> str | None:
    """The name of the job in a file; None where it is no job, or cannot be read now."""
    with suppress(sqlite3.Error, OSError):
        uri = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
            if connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,):
                return str(connection.execute("SELECT job FROM run").fetchone()[0])
    return None


_Place = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two people say: alike (`plan`), otherwise (`disputed`), or only one of them (`single`).

    `kappa` is Cohen's; None where both gave one and the same answer everywhere.
    """

    plan: AnswerPlan
    disputed: tuple[tuple[Answer, Answer], ...]
    single: int
    kappa: float | None

    @property
    def compared(self) -> int:
        """The places that both answered."""
        return len(self.plan.answers) + len(self.disputed)

    @property
    def error_share(self) -> float:
        """The share of errors of each person, if both err equally often."""
        return len(self.disputed) / self.compared / 2

    @property
    def disputed_fields(self) -> set[tuple[str, int, int]]:
        """(file, 0-based page, 0-based field) of each field in dispute."""
        return {(one.file, one.page - 1, one.field - 1) for one, _ in self.disputed}


def compare(
    store: JobStore, first: Sequence[Correction], second: Sequence[Correction]
) -> Comparison:
    """Compare the corrections of two people who did not see each other's answers.

    An error that both make alike is not seen. If errors are rare and independent, each person's
    share of errors is about half of the share on which they differ.

    Raises:
        UsageError: they answered nothing in common, or one of them contradicts himself.
    """
    plans = fitting_answers(store, first), fitting_answers(store, second)
    one, other = (_by_place(plan.answers) for plan in plans)
    both = [place for place in one if place in other]
    problems = [problem for plan in plans for problem in plan.problems]
    if not both and not problems:
        raise UsageError(
            "The two people answered nothing in common, so there is nothing to compare"
        )
    agreed = [one[place] for place in both if one[place].text == other[place].text]
    disputed = tuple(
        (one[place], other[place]) for place in both if one[place].text != other[place].text
    )
    return Comparison(
        AnswerPlan(agreed, problems=problems),
        disputed,
        len(one.keys() ^ other.keys()),
        cohens_kappa([(one[place].text, other[place].text) for place in both]),
    )


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two people beyond that of chance (Cohen 1960): 1 is always, 0 is by chance.

    None if chance alone would make them always agree.
    """
    n = len(pairs)
    if not n:
        return None
    alike = sum(one == other for one, other in pairs) / n
    firsts, seconds = (Counter(pair[i] for pair in pairs) for i in (0, 1))
    by_chance = sum(firsts[text] * seconds[text] for text in firsts) / n**2
    return None if by_chance == 1 else (alike - by_chance) / (1 - by_chance)


def _by_place(answers: Iterable[Answer]) -> dict[_Place, Answer]:
    """The answers by what they are about; UsageError where two differ about one thing."""
    found = dict[_Place, Answer]()
    for one in answers:
        if found.setdefault(one.place, one).text != one.text:
            raise UsageError(
                f"{one.file}, page {one.page}, field {one.field}: one person answered "
                f"{found[one.place].text or 'blank'} and {one.text or 'blank'}. Mend the file"
            )
    return found
