"""The main job, where the rooms meet: files in, results.csv and the review report out."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import formreader
from formreader.debug import DebugFolder
from formreader.digits.promise import Acceptance, acceptance
from formreader.digits.recogniser import Recogniser, load_recogniser
from formreader.errors import UsageError
from formreader.forms.box_network import shipped_network
from formreader.forms.files import InputListing, list_files
from formreader.forms.pages import count_pages
from formreader.options import ScanOptions
from formreader.page_pool import open_pool
from formreader.page_work import PageTask
from formreader.recognition import read_pages
from formreader.results.files import check_writable
from formreader.results.report import PageRemark, ReportSummary, ReviewField, write_report
from formreader.results.table import page_remark, write_table
from formreader.types import FieldReading, PageCrops, PageReading, Status

STAGES = ("decode", "straighten", "find", "crop", "recognise")


class ScanProgress(Protocol):
    """Hears how a scan goes; the command line draws it."""

    def started(self, files: int, pages: int) -> None:
        """All pages are counted; work on them begins."""

    def page_done(self, page: PageCrops) -> None:
        """Work on a page is done; it is not recognised yet."""

    def message(self, text: str) -> None:
        """Something else happened that the user should know."""

    def stopped(self) -> bool:
        """Whether to stop after this page, and write what is done."""


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a scan came to.

    `digits` counts the boxes with ink, `blank` those without, `review` the digits to
    review, `skipped` the files of other kinds that were left alone. `acceptance` tells which
    digits are not for review. `stages` holds the processor seconds of each stage, all pages
    together, `seconds` is the wall time. `report` is None where none was asked for.
    """

    files: int
    skipped: int
    pages: int
    fields: int
    digits: int
    blank: int
    review: int
    failed: int
    interrupted: bool
    acceptance: Acceptance
    seconds: float
    stages: dict[str, float]
    out: Path
    report: Path | None


def scan(options: ScanOptions, progress: ScanProgress) -> ScanSummary:
    """Read all digits of all pages, and write the table and the report.

    Outputs, inputs and the model are checked before any work. A page that cannot be
    read becomes a row with an error.

    Raises:
        UsageError: an output would replace an input or another output.
        OutputError: a result cannot be written.
        NoInputError: no page was found.
        ModelError: the model is missing or damaged, or cannot promise `options.max_error`.
    """
    began = time.monotonic()
    report = report_path(options)
    debug = _check_outputs(options, report)
    listing = _list_inputs(options, report)
    recogniser = load_recogniser(options.model, options.device, options.batch)
    accepted = acceptance(recogniser.card, options)
    shipped_network()  # workers load it again; a damaged one is told of once, and now
    tasks = [PageTask(file, n) for file in listing.files for n in range(count_pages(file))]
    progress.started(len(listing.files), len(tasks))

    job = _Job(options, progress, recogniser, accepted, debug, keep_review=report is not None)
    write_table(options.out, job.readings(tasks), options.rows)
    if report is not None:
        write_report(report, job.report_summary(listing), job.review, job.remarks)
    return job.summary(listing, report, time.monotonic() - began)


def report_path(options: ScanOptions) -> Path | None:
    """Where the report goes: where the user says, else beside the table, or nowhere."""
    if options.report == "none":
        return None
    return Path(options.report) if options.report else options.out.with_suffix(".html")


def _check_outputs(options: ScanOptions, report: Path | None) -> DebugFolder | None:
    check_writable(options.out)
    if report is not None:
        if report.resolve() == options.out.resolve():
            raise UsageError(f"{report}: table and report need two files. Name one with --report")
        check_writable(report, "--report")
    return DebugFolder.make(options.debug, options.paths) if options.debug else None


def _list_inputs(options: ScanOptions, report: Path | None) -> InputListing:
    """The files to read; results of this program are none, and never replace one."""
    outputs = [path for path in (options.out, report) if path is not None]
    own = [*outputs, options.debug] if options.debug else outputs
    listing = list_files(options.paths, own=own)
    inputs = {os.path.realpath(file.path) for file in listing.files}
    for path in outputs:
        if os.path.realpath(path) in inputs:
            raise UsageError(
                f"{path}: it is one of the files to read and would be replaced. "
                "Choose another place for the results with --out and --report"
            )
    return listing


@dataclass(slots=True)
class _Job:
    """One scan under way: counts what passes, and keeps what the report needs."""

    options: ScanOptions
    progress: ScanProgress
    recogniser: Recogniser
    acceptance: Acceptance
    debug: DebugFolder | None
    keep_review: bool
    counts: Counter[str] = field(default_factory=Counter)
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    review: list[ReviewField] = field(default_factory=list)
    remarks: list[PageRemark] = field(default_factory=list)
    interrupted: bool = False

    def readings(self, tasks: Sequence[PageTask]) -> Iterator[PageReading]:
        """The pages' readings in order, as far as the user lets it go."""
        with open_pool(self.options.workers, len(tasks)) as pool:

            def turn(quarters: Mapping[int, int]) -> list[PageCrops]:
                return list(pool.work(replace(tasks[i], quarters=q) for i, q in quarters.items()))

            kept = self._until_stopped(pool.work(tasks))
            read = read_pages(kept, self.recogniser, self.options, self.stages, turn)
            for task, (page, reading) in zip(tasks, read, strict=False):
                self._count(page, reading)
                if self.debug is not None:
                    self.debug.write(task.file, page, reading, self.progress.message)
                yield reading

    def _until_stopped(self, pages: Iterable[PageCrops]) -> Iterator[PageCrops]:
        for page in pages:
            self.progress.page_done(page)
            yield page
            if self.progress.stopped():
                self.interrupted = True
                return

    def _count(self, page: PageCrops, reading: PageReading) -> None:
        for stage, seconds in page.seconds.items():
            self.stages[stage] += seconds
        self.counts.update(pages=1, failed=bool(page.error), fields=len(reading.fields))
        remark, _ = page_remark(reading)
        if remark:
            self.remarks.append(PageRemark(page.file, page.number, remark, bool(page.error)))
        first = 0
        for number, field_ in enumerate(reading.fields):
            statuses = Counter(digit.status for digit in field_.digits)
            self.counts.update(
                digits=len(field_.digits) - statuses[Status.BLANK],
                blank=statuses[Status.BLANK],
                review=statuses[Status.REVIEW],
            )
            if statuses[Status.REVIEW] and self.keep_review:
                self.review.append(_review_field(page, number, field_, first))
            first += len(field_.digits)

    def report_summary(self, listing: InputListing) -> ReportSummary:
        card = self.recogniser.card
        return ReportSummary(
            files=len(listing.files),
            **{name: self.counts[name] for name in _COUNTS},
            review_below=self.acceptance.review_below,
            made=datetime.now(),
            version=formreader.__version__,
            model=f"{card.name} {card.version}",
            csv_name=self.options.out.name,
            options=tuple(_chosen(self.options)),
        )

    def summary(self, listing: InputListing, report: Path | None, seconds: float) -> ScanSummary:
        return ScanSummary(
            files=len(listing.files),
            skipped=listing.skipped,
            **{name: self.counts[name] for name in _COUNTS},
            interrupted=self.interrupted,
            acceptance=self.acceptance,
            seconds=seconds,
            stages=self.stages,
            out=self.options.out,
            report=report,
        )


_COUNTS = ("pages", "fields", "digits", "blank", "review", "failed")


def _review_field(page: PageCrops, number: int, field_: FieldReading, first: int) -> ReviewField:
    """The field with copies of its crops, so that the page's do not stay in memory."""
    crops = page.crops[first : first + len(field_.digits)].copy()
    picture = page.surroundings[number]
    return ReviewField(page.file, page.number, number, field_, picture, crops)


def _chosen(options: ScanOptions) -> Iterator[tuple[str, str]]:
    """The paths, and the options that are not at their defaults."""
    yield "PATHS", " ".join(options.paths)
    defaults = ScanOptions(options.paths)
    for name in (f.name for f in fields(ScanOptions)):
        value = getattr(options, name)
        if value != getattr(defaults, name):
            yield f"--{name.replace('_', '-')}", str(value)
