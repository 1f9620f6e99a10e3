"""The plan of a run: records of its files, what identifies its job, which pages are to be read."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, TypeAlias, cast

from formreader.batch.input_checks import PdfCounter
from formreader.batch.network_cards import NetworkCards
from formreader.batch.page_log import ScanProgress
from formreader.batch.worker_process import GIB
from formreader.core.errors import PageError
from formreader.core.locations import is_url
from formreader.core.options import ScanOptions
from formreader.core.records import InputFile
from formreader.core.remote_files import size_and_time
from formreader.core.version import __version__
from formreader.input.open_page import count_image_pages, open_file, page_errors
from formreader.reading.page_task import PageTask
from formreader.recognise.second_reader import second_reader_version
from formreader.store.job_store import FileRecord, JobStore, RunRecord

CountPdf: TypeAlias = Callable[[InputFile], int]
"""Returns the number of pages of a PDF; raises PageError."""

CheckUrl: TypeAlias = Callable[..., Any]
"""Calls a function with arguments in another process, and returns its result; raises PageError."""

_DEFAULT = ScanOptions(())

_HASHING_THREADS = 4
"""Files that are hashed in parallel. Hashing is faster than most drives, so a few threads keep even
a network drive busy. A choice; no record of a measurement."""

_HASHED_CHUNK_BYTES = 2**18
"""Bytes read at a time: few enough to stay in the processor's cache until they are hashed."""

_MAX_FILES_AHEAD = 256
"""Files that are submitted for hashing at a time, so that memory does not grow with the batch."""


def input_records(
    files: Sequence[InputFile],
    known_pages: Mapping[str, int],
    count_pdf: CountPdf,
    options: ScanOptions = _DEFAULT,
    check_url: CheckUrl | None = None,
) -> Iterator[FileRecord]:
    """Yield the record of each of `files`, in their order.

    A file that cannot be read, or is over a limit of `options`, has one page and an `error`. A file
    with the content of an earlier one has one page, and that file's label in `duplicate_of`.
    `known_pages`: SHA-256 of a file's content -> its number of pages, as an earlier run counted.
    `check_url` calls a function on a file at a URL in another process; None for this process.
    """
    first = dict[str, str]()
    begun = _records_so_far(files, options, check_url)
    for file, (so_far, is_pdf) in zip(files, begun, strict=True):
        record = so_far
        earlier = first.setdefault(record.sha256, record.label) if record.sha256 else record.label
        if earlier != record.label:
            yield replace(record, pages=1, duplicate_of=earlier, error="")
            continue
        if is_pdf:
            try:
                record = replace(record, pages=known_pages.get(record.sha256) or count_pdf(file))
            except PageError as error:
                record = _failed(record, error)
        if record.pages > options.max_pages:
            reason = (
                f"the file has more than {options.max_pages:,} pages. Split it, or raise the limit "
                "with --max-pages"
            )
            record = replace(record, pages=1, error=reason)
        yield record


def _records_so_far(
    files: Sequence[InputFile], options: ScanOptions, check_url: CheckUrl | None
) -> Iterator[tuple[FileRecord, bool]]:
    """Yield what `_record_so_far` returns for each of `files`, hashed by several threads."""
    with ThreadPoolExecutor(_HASHING_THREADS) as threads:
        for start in range(0, len(files), _MAX_FILES_AHEAD):
            ahead = files[start : start + _MAX_FILES_AHEAD]
            yield from threads.map(partial(_checked, options, check_url), ahead)


def _checked(
    options: ScanOptions, check_url: CheckUrl | None, file: InputFile
) -> tuple[FileRecord, bool]:
    """Return what `_record_so_far` does; the content of a URL is fetched by `check_url`."""
    if check_url is None or not is_url(file.path):
        return _record_so_far(options, file)
    try:
        return cast("tuple[FileRecord, bool]", check_url(_record_so_far, options, file))
    except PageError as error:
        return _failed(FileRecord(file.label, file.path, 0, 0, "", pages=1), error), False


def _record_so_far(options: ScanOptions, file: InputFile) -> tuple[FileRecord, bool]:
    """Return the record of a file, and whether it is a PDF, whose pages are not counted yet."""
    record = FileRecord(file.label, file.path, 0, 0, "", pages=1)
    try:
        with page_errors(file.label):
            size, changed = size_and_time(file.path)
            record = replace(record, size=size, mtime_ns=changed)
            _check_size(options, size)
            with open_file(file.path) as stream:
                record = replace(record, sha256=_sha256(stream, options))
                pages = count_image_pages(stream, options.max_pages)
    except PageError as error:
        return _failed(record, error), False
    return (record, True) if pages is None else (replace(record, pages=pages), False)


def _check_size(options: ScanOptions, size: int) -> None:
    """Refuse a file (PageError) whose size in bytes is over the limit."""
    if size > round(options.max_size * GIB):
        raise PageError(
            f"the file of {size / GIB:.2f} GiB is over the limit of {options.max_size:g} GiB. "
            "Split it, or raise the limit with --max-size"
        )


def _failed(record: FileRecord, error: PageError) -> FileRecord:
    """Return the record of a file that cannot be read; the error does not repeat its name."""
    return replace(record, error=str(error).removeprefix(f"{record.label}: "))


def _sha256(stream: BinaryIO, options: ScanOptions) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_HASHED_CHUNK_BYTES):
        _check_size(options, stream.tell())  # it may grow meanwhile
        digest.update(chunk)
    return digest.hexdigest()


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

    With PATHS, lest a scan of another folder replace results; thresholds only choose for review.
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
    options: ScanOptions,
) -> Plan:
    """Record `files` in the store, and find the pages that are not done yet.

    Raises:
        OutputError: the store cannot be written.
        KeyboardInterrupt: the user stopped the scan before there was anything to save.
    """
    progress.checking(len(files))
    records = list[FileRecord]()
    for one in input_records(files, store.known_pages(), counter, options, counter.check_url):
        records.append(one)
        progress.file_checked()
        if progress.stopped():
            raise KeyboardInterrupt
    store.set_files(records)
    done = store.done()
    every = list(page_tasks(records))
    tasks = [task for task in every if (task.file.label, task.number) not in done]
    progress.started(len(files), len(tasks) + len(done), len(done))
    return Plan(tasks, len(done), every)


def page_tasks(files: Iterable[FileRecord]) -> Iterator[PageTask]:
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
