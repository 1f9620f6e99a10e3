"""What a run has to do: by what its job is known, and the pages that are not done."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from formreader.batch.input_records import CountPdf, input_records
from formreader.batch.page_log import ScanProgress
from formreader.batch.page_work import PageTask
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile
from formreader.core.version import __version__
from formreader.recognise.model_card import Card
from formreader.store.job_store import FileRecord, JobStore, RunRecord

_LONGEST_PATHS = 200
"""Characters of the paths that a job is known by; a shell may make thousands of a pattern."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The pages to work on, in order, and the number of those that are done."""

    tasks: list[PageTask]
    done: int


def run_record(options: ScanOptions, card: Card) -> RunRecord:
    """What must be the same for a later run to go on with the job.

    The paths are among it, although only their files count: otherwise a scan of another
    folder into the same table would take the place of this one unasked.
    """
    threshold = {"--review-below": str(options.review_below)}
    if options.max_error is not None:
        threshold = {"--max-error": str(options.max_error)}
    return RunRecord(
        version=__version__,
        model=f"{card.name} {card.version}",
        # The card holds the hashes of the model's files, its temperature and its calibration.
        model_sha256=hashlib.sha256(card.to_json().encode()).hexdigest(),
        options={"PATHS": _short(shlex.join(options.paths))} | threshold,
    )


def make_plan(
    files: Sequence[InputFile], store: JobStore, progress: ScanProgress, count_pdf: CountPdf
) -> Plan:
    """Find out what of `files` is not in the store, which is told of all of them.

    Raises:
        OutputError: the store cannot be written.
        KeyboardInterrupt: the user stopped it, before there was anything to save.
    """
    records = _check(files, store.known_pages(), progress, count_pdf)
    store.set_files(records)
    done = store.done()
    tasks = [task for task in _tasks(records) if (task.file.label, task.number) not in done]
    progress.started(len(files), len(tasks) + len(done), len(done))
    return Plan(tasks, len(done))


def _check(
    files: Sequence[InputFile],
    known_pages: Mapping[str, int],
    progress: ScanProgress,
    count_pdf: CountPdf,
) -> list[FileRecord]:
    progress.checking(len(files))
    records = list[FileRecord]()
    for record in input_records(files, known_pages, count_pdf):
        records.append(record)
        progress.file_checked()
        if progress.stopped():
            raise KeyboardInterrupt
    return records


def _tasks(files: Sequence[FileRecord]) -> Iterator[PageTask]:
    """A task for each page, but for those of duplicates."""
    for record in files:
        file = InputFile(record.path, record.label)
        for number in range(0 if record.duplicate_of else record.pages):
            yield PageTask(file, number, error=record.error)


def _short(text: str) -> str:
    """The text, or its beginning and a hash of all of it where it is long."""
    if len(text) <= _LONGEST_PATHS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{text[:_LONGEST_PATHS]}... (SHA-256 {digest[:16]})"
