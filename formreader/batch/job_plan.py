"""The plan of a run: what identifies its job, and which pages are still to be read."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from formreader.batch.input_records import FileLimits, input_records
from formreader.batch.network_cards import NetworkCards
from formreader.batch.page_log import ScanProgress
from formreader.batch.pdf_counter import PdfCounter
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile
from formreader.core.version import __version__
from formreader.reading.page_task import PageTask
from formreader.recognise.second_reader import second_reader_version
from formreader.store.job_store import FileRecord, JobStore, RunRecord

_MAX_PATHS_CHARACTERS = 200
"""Characters of the PATHS that a job stores as text; a shell may expand a pattern to thousands."""

_TEMPLATE_HASH_DIGITS = 16
"""Hexadecimal digits of the templates' hash by which a job knows them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The pages still to be read, in order, the number of pages already done, and all pages."""

    tasks: list[PageTask]
    done: int
    every: list[PageTask]


def run_record(options: ScanOptions, cards: NetworkCards) -> RunRecord:
    """Return what must be the same for a later run to continue this job.

    It includes PATHS: otherwise a scan of another folder into the same table would silently
    replace the results of this one. Thresholds may differ: they only choose what is for review.
    """
    template = {}
    if options.template == "auto":
        template = {"--template": "auto"}
    elif options.template is not None:
        from formreader.template.form_book import templates_hash  # most scans have no templates

        template = {"--template": templates_hash(options.template)[:_TEMPLATE_HASH_DIGITS]}
    second = {}
    if options.second_reader:
        second = {"--second-reader": second_reader_version(options.second_reader)}
    return RunRecord(
        version=__version__,
        model=f"{cards.digits.name} {cards.digits.version}",
        model_sha256=cards.sha256,
        options={"PATHS": _shortened(shlex.join(options.paths))} | template | second,
    )


def make_plan(
    files: Sequence[InputFile],
    store: JobStore,
    progress: ScanProgress,
    counter: PdfCounter,
    limits: FileLimits,
) -> Plan:
    """Record `files` in the store, and find the pages that are not done yet.

    Raises:
        OutputError: the store cannot be written.
        KeyboardInterrupt: the user stopped the scan before there was anything to save.
    """
    counted = input_records(files, store.known_pages(), counter, limits, counter.check_url)
    records = _check(counted, len(files), progress)
    store.set_files(records)
    done = store.done()
    every = list(_tasks(records))
    tasks = [task for task in every if (task.file.label, task.number) not in done]
    progress.started(len(files), len(tasks) + len(done), len(done))
    return Plan(tasks, len(done), every)


def _check(counted: Iterator[FileRecord], files: int, progress: ScanProgress) -> list[FileRecord]:
    progress.checking(files)
    records = list[FileRecord]()
    for record in counted:
        records.append(record)
        progress.file_checked()
        if progress.stopped():
            raise KeyboardInterrupt
    return records


def _tasks(files: Sequence[FileRecord]) -> Iterator[PageTask]:
    """Yield a task for each page, except those of duplicates."""
    for record in files:
        file = InputFile(record.path, record.label)
        for number in range(0 if record.duplicate_of else record.pages):
            yield PageTask(file, number, error=record.error)


def _shortened(text: str) -> str:
    """Return `text`; if it is too long, its beginning and a hash of the whole."""
    if len(text) <= _MAX_PATHS_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{text[:_MAX_PATHS_CHARACTERS]}... (SHA-256 {digest[:16]})"
