"""Makes a job of an upload: its files counted, measured and named, its options checked."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from formreader.batch.page_pool import explain
from formreader.core.errors import PageError
from formreader.core.records import InputFile
from formreader.input.open_page import MAX_PIXELS, measure_file
from formreader.input.path_listing import natural_key
from formreader.review.carried_answers import keep_answers
from formreader.service import bodies
from formreader.service.file_names import (
    ZIP_SUFFIX,
    is_hidden,
    is_page_file,
    label_of,
    suffix_of_label,
    unique,
)
from formreader.service.job_folders import JobFolder, JobRecord, StoredFile
from formreader.service.job_queue import LiveJob
from formreader.service.problems import ProblemError
from formreader.service.request_bodies import ReceivedFile, Upload
from formreader.service.service_state import Service
from formreader.service.template_shelf import LEARNED_FORMS
from formreader.service.zip_files import ZipTooLargeError, unpack_zip

MAX_FILES = 20_000
"""Files of one job: a year's forms of an office. Each takes a place on disk and in the table."""

_OPTION_FIELDS = ("rows", "review_below", "max_error", "template")
"""Fields of an upload that are options of the job; `name` is another."""


def make_job(service: Service, folder: JobFolder, upload: Upload) -> JobRecord:
    """Return the record of the job that an upload asks for; its files are in `folder`.

    Raises:
        ProblemError: an option is wrong (422), nothing can be read (415), or it is too much (413).
    """
    unknown = sorted(set(upload.values) - {*_OPTION_FIELDS, "name"})
    if unknown:
        raise ProblemError(
            422,
            f"{unknown[0]}: there is no such option. Known are name, {', '.join(_OPTION_FIELDS)}",
        )
    options = _given_options(service, upload.values)
    name = upload.values.get("name", "").strip()
    files, skipped = _named(service, folder, upload.sent_files())
    if not files:
        raise ProblemError(
            415, "None of the files is a page. Send PNG, JPEG, TIFF, WebP, BMP, HEIF or PDF files"
        )
    pages = check_sizes(service, folder.inputs(new_record(service, folder, options, "", files, 0)))
    name = label_of(name)[: bodies.MAX_NAME] if name else _name_of(upload, files)
    record = new_record(service, folder, options, name, files, skipped)
    return replace(record, pages=pages, forms=service.shelf.keep(options.template))


def make_job_again(
    service: Service, folder: JobFolder, before: LiveJob, changes: bodies.JobChanges
) -> JobRecord:
    """Return the record of a job that reads the files of another anew, with other options.

    The answers that people gave wait in its folder until it is read. Each of the two jobs may be
    deleted without the other.

    Raises:
        ProblemError: an option is wrong (422), or the other job is deleted meanwhile (404).
    """
    record = before.record
    options = job_options(
        {name: getattr(record, name) for name in _OPTION_FIELDS}
        | changes.model_dump(exclude={"name"}, exclude_unset=True)
    )
    try:
        for file in record.files:
            _link(before.folder.files / file.stored, folder.files / file.stored)
    except FileNotFoundError as error:
        raise ProblemError(404, "The job was deleted meanwhile") from error
    if record.state == "done" and not before.running:
        service.desk.look(before.folder.store, partial(keep_answers, job=folder.store))
    files = tuple(replace(file, origin="") for file in record.files)
    name = label_of(changes.name)[: bodies.MAX_NAME] if changes.name else record.name
    made = new_record(service, folder, options, name, files, record.skipped)
    return replace(made, pages=record.pages, forms=service.shelf.keep(options.template))


def _link(file: Path, to: Path) -> None:
    """Make a second name of a file, or a copy where the disk knows no second names."""
    try:
        os.link(file, to)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(file, to)


def _given_options(service: Service, values: Mapping[str, str]) -> bodies.JobOptions:
    """Return the options in form fields, else the service's own; ProblemError for a wrong one."""
    given = {name: values[name] for name in _OPTION_FIELDS if values.get(name, "") != ""}
    if "template" in values:
        given["template"] = values["template"]
    return job_options(default_options(service).model_dump() | given)


def default_options(service: Service) -> bodies.JobOptions:
    """The service's own options of a job."""
    scan = service.options.scan
    return bodies.JobOptions(
        rows=scan.rows,
        review_below=scan.review_below,
        max_error=scan.max_error,
        template=service.shelf.default,
    )


def job_options(values: Mapping[str, object]) -> bodies.JobOptions:
    """Return the options of a job. With a row for each page, and no forms, it learns its forms.

    Raises:
        ProblemError: one has an impossible value.
    """
    try:
        options = bodies.JobOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ProblemError(422, f"{first['loc'][0]}: {first['msg']}") from error
    if options.rows == "page" and not options.template:
        return options.model_copy(update={"template": LEARNED_FORMS})
    return options


def check_sizes(service: Service, files: Sequence[InputFile]) -> int:
    """Return the number of pages of files that are small enough.

    Files that cannot be opened count as a page: the job has a row with the reason for each.

    Raises:
        ProblemError: they have too many pages, or too large ones.
    """
    lane, limit = service.warm.lanes.open(urgent=True), service.options.scan.max_pages
    measured = [(file, lane.submit(measure_file, file)) for file in files]
    pages = 0
    try:
        for file, future in measured:
            count, pixels = _measure(future)
            pages += count
            if pages > limit:
                raise ProblemError(
                    413, f"{file.label}: more than {limit:,} pages in one upload. Send several"
                )
            check_pixels(file.label, pixels)
    finally:
        lane.shutdown(cancel_futures=True)
    return pages


def check_pixels(label: str, pixels: int) -> None:
    """Refuse a page that is too large.

    Raises:
        ProblemError: it is.
    """
    if pixels > MAX_PIXELS:
        raise ProblemError(
            413,
            f"{label}: the page has {pixels / 1e6:,.0f} million pixels, more than "
            f"{MAX_PIXELS // 10**6}. Scan it at a lower resolution",
        )


def _measure(future: Future[tuple[int, int]]) -> tuple[int, int]:
    try:
        return future.result()
    except PageError:
        return 1, 0
    except Exception as error:
        explain(error)  # raises what no file caused
        return 1, 0


def _named(
    service: Service, folder: JobFolder, received: Sequence[ReceivedFile]
) -> tuple[tuple[StoredFile, ...], int]:
    """Number the files of an upload, those in ZIPs as well, and name them for the results.

    Returns:
        The files in the order of the results, and how many are of other kinds.
    """
    found, skipped = list[tuple[str, Path, int]](), 0
    room = service.max_upload
    for file in received:
        label = label_of(file.name)
        if suffix_of_label(label) == ZIP_SUFFIX:
            unpacked, others = _unpack(service, folder, file, MAX_FILES - len(found), room)
            found += unpacked
            skipped += others
        elif is_page_file(label) and not is_hidden(label):
            found.append((label, file.path, file.size))
        else:
            file.path.unlink()
            skipped += 1
        room = service.max_upload - sum(size for _, _, size in found)
        if len(found) > MAX_FILES:
            raise ProblemError(413, f"More than {MAX_FILES:,} files. Send them in several uploads")
    return tuple(_stored(folder, found)), skipped


def _stored(folder: JobFolder, found: list[tuple[str, Path, int]]) -> Iterator[StoredFile]:
    taken = set[str]()
    for number, (label, path, size) in enumerate(sorted(found, key=lambda f: natural_key(f[0])), 1):
        stored = f"{number:06}{suffix_of_label(label)}"
        path.rename(folder.files / stored)
        yield StoredFile(stored, unique(label, taken), size)


def _unpack(
    service: Service, folder: JobFolder, file: ReceivedFile, max_files: int, room: int
) -> tuple[list[tuple[str, Path, int]], int]:
    """Unpack a ZIP in a worker, into a folder of its own; the ZIP is deleted."""
    into = file.path.with_suffix(".zipped")
    into.mkdir()
    lane = service.warm.lanes.open(urgent=True)
    try:
        unpacked, skipped = lane.submit(unpack_zip, file.path, into, max_files, room).result()
    except ZipTooLargeError as error:
        raise ProblemError(413, f"{label_of(file.name)}: {error}") from error
    except PageError as error:
        raise ProblemError(422, f"{label_of(file.name)}: {error}") from error
    except Exception as error:
        raise ProblemError(413, f"{label_of(file.name)}: {explain(error)}") from error
    file.path.unlink()
    files = list[tuple[str, Path, int]]()
    for number, (name, stored, size) in enumerate(unpacked, 1):
        path = folder.files / f"{into.stem}-{number:06}.part"
        (into / stored).rename(path)
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
        files.append((label_of(name), path, size))
    into.rmdir()
    return files, skipped


def _name_of(upload: Upload, files: Sequence[StoredFile]) -> str:
    """A name for a job that the client gave none: its only ZIP, or its first file and how many."""
    received = upload.sent_files()
    first = label_of(received[0].name) if len(received) == 1 else files[0].label
    more = f" and {len(files) - 1:,} more" if len(files) > 1 and len(received) > 1 else ""
    return f"{first[: bodies.MAX_NAME - len(more)]}{more}"


def new_record(
    service: Service,
    folder: JobFolder,
    options: bodies.JobOptions,
    name: str,
    files: tuple[StoredFile, ...] = (),
    skipped: int = 0,
) -> JobRecord:
    """Return the record of a job whose pages and forms are not known yet."""
    return JobRecord(
        id=folder.id,
        name=name,
        created=time.time(),
        forms="",
        read_by=service.queue.read_by,
        files=files,
        skipped=skipped,
        **options.model_dump(),
    )
