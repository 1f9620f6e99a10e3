"""The interface for programs: read pages in memory, read many files, or run a whole scan.

    from formreader import Reader, load_results, scan

    reader = Reader()
    page = reader.read("form.png")
    for field in page.fields:
        print(field.value, field.confidence, field.status, field.box)

`docs/library.md` shows all of it. The options are those of the command
`formreader scan`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

from formreader.batch import scan_job
from formreader.batch.input_checks import PdfCounter, list_inputs
from formreader.batch.job_plan import input_records
from formreader.batch.network_cards import NetworkCards, load_other_networks, load_tried
from formreader.batch.page_log import PageFigures, ScanProgress
from formreader.batch.page_pool import open_pool
from formreader.batch.scan_job import ScanSummary
from formreader.batch.worker_reading import WorkerReading
from formreader.core.options import SCAN_OPTIONS, Device, Rows, ScanOptions, SecondReaderName
from formreader.core.records import FieldReading, InputFile, Page, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.input.open_page import (
    Channels,
    MemoryImage,
    check_array,
    page_errors,
    page_in_memory,
)
from formreader.input.open_page import read_page as read_file
from formreader.reading.one_page import crop_page, read_page, read_pages
from formreader.reading.page_task import PageKind, PageTask
from formreader.recognise.risk_control import acceptance
from formreader.review.correct_job import job_of_table
from formreader.review.job_results import kinds_of_columns
from formreader.store.job_store import JobStore

if TYPE_CHECKING:
    import pandas as pd

AnyPath: TypeAlias = str | os.PathLike[str]

_DEFAULT = ScanOptions(paths=())

_pdfium_lock = threading.Lock()
"""Held while a page is decoded: pdfium is not thread-safe."""


class Reader:
    """Reads pages in memory or from files with one model, which is loaded once.

    Several threads may use a reader at the same time. It keeps two networks in memory, one for
    boxes and one for digits, about 60 MB. Keras is only loaded for a GPU.

    Args:
        model: name of a shipped model, or a folder that `formreader train` wrote.
        review_below: values with a lower confidence are marked for review.
        max_error: instead of `review_below`: the share of accepted fields that may be wrong. The
            model's calibration then gives the threshold.
        device: `auto` takes a GPU if TensorFlow can use one.
        batch: number of crops that the network reads at a time.
        second_reader: a reader made by others, asked about doubtful numbers in cells.

    Raises:
        ModelError: the model is missing or damaged, or its calibration cannot keep `max_error`.
        UsageError: an argument is out of range, there is no such device, or the second reader is
            not installed.
    """

    def __init__(
        self,
        model: AnyPath = _DEFAULT.model,
        *,
        review_below: float = _DEFAULT.review_below,
        max_error: float | None = _DEFAULT.max_error,
        device: Device = _DEFAULT.device,
        batch: int = _DEFAULT.batch,
        second_reader: SecondReaderName | None = _DEFAULT.second_reader,
    ) -> None:
        self._options = _options((), locals())
        self._recogniser = load_tried(os.fspath(model), device, batch)
        load_other_networks(second_reader)  # here, so that damage is reported before the first page
        self._cards = NetworkCards.read(os.fspath(model), second_reader)
        self._acceptance = acceptance(self._recogniser.card, self._cards.numbers, self._options)

    @property
    def review_below(self) -> float:
        """The confidence from which single digits in boxes are accepted."""
        return self._acceptance.review_below

    def read(
        self,
        image: AnyPath | MemoryImage,
        *,
        channels: Channels = "rgb",
        page: int = 0,
        name: str | None = None,
    ) -> PageReading:
        """Read one page.

        Pages that lie on their side or upside down are turned. Coordinates are pixels of the
        image as given; of files and Pillow images, after their orientation tag was applied.

        Args:
            image: a path, the bytes of a file (PNG, JPEG, TIFF, WebP, BMP, HEIF or PDF), a
                Pillow image, or an array of uint8: (h, w) grey, (h, w, 3) colour, (h, w, 4) colour
                with opacity; paper bright, ink dark.
            channels: order of the colours of an array.
            page: 0-based number of the page, if the file has several.
            name: the `file` of the reading. If None: the path, or "" for an image in memory.

        Returns:
            The page's fields in reading order. A page that cannot be read has the reason in
            `error` and no fields. A page that a person should look at has the reason in `notice`.

        Raises:
            TypeError: `image` is of another type.
            ValueError: an array has another shape or data type, or no pixels.
        """
        _check_image(image, channels)
        task = _task_of(image, page, name)
        decode = cache(partial(_decode, image, task, channels))
        _, reading = read_page(task, self._recogniser, self._options, Stopwatch(), decode)
        return reading

    def read_number(
        self, image: AnyPath | MemoryImage, *, channels: Channels = "rgb", page: int = 0
    ) -> FieldReading | None:
        """Read an image of one whole number, as it stands in the cell of a form.

        Arguments are those of `read`. The image is taken to be upright.

        Returns:
            The number, with a box for each digit, or None where there is no handwritten number.

        Raises:
            PageError: the image cannot be read.
            TypeError: `image` is of another type.
            ValueError: an array has another shape or data type, or no pixels.
        """
        _check_image(image, channels)
        task = _task_of(image, page, None, "number")
        crops = crop_page(_decode(image, task, channels), task, Stopwatch())
        ((_, reading),) = read_pages([(task, crops)], self._recogniser, self._options, Stopwatch())
        return reading.fields[0] if reading.fields else None

    def read_all(
        self,
        paths: Iterable[AnyPath],
        *,
        workers: int = _DEFAULT.workers,
        page_timeout: float = _DEFAULT.page_timeout,
        memory: float | None = _DEFAULT.memory,
        max_pages: int = _DEFAULT.max_pages,
        max_size: float = _DEFAULT.max_size,
    ) -> Iterator[PageReading]:
        """Yield the readings of all pages of files, folders and patterns, in order.

        Worker processes read ahead. If a page takes more than `page_timeout` seconds, more than
        `memory` GiB (if None: a share of the machine's memory) or crashes its process, only that
        page fails: it has an `error`. A file with more than `max_pages` pages, or larger than
        `max_size` GiB, is one page with an `error`. Nothing is written to disk. Close the
        iterator to stop early.

        Raises:
            NoInputError: a path does not exist, or there is no page.
            UsageError: an argument is out of range, or no process can be started.
        """
        options = replace(
            self._options, workers=workers, page_timeout=page_timeout, memory=memory,
            max_pages=max_pages, max_size=max_size,
        )  # fmt: skip
        listing = list_inputs([os.fspath(path) for path in paths], seconds=page_timeout)
        reading = WorkerReading.of(options, self._cards)
        with (
            PdfCounter(page_timeout, memory) as count_pdf,
            open_pool(workers, workers, page_timeout, memory, reading) as pool,
        ):
            tasks = _tasks(listing.files, count_pdf, options)
            read = pool.read(pool.work(tasks), self._recogniser, options, Stopwatch())
            for _, page in read:
                yield page

    def frame(self, pages: Iterable[PageReading], *, rows: Rows = "field") -> pd.DataFrame:
        """Return the table that `formreader scan` would write of `pages`, as a DataFrame."""
        from formreader.output.results_frame import frame_of

        return frame_of(pages, rows)


def load_results(path: AnyPath, *, numbers: bool = False) -> pd.DataFrame:
    """Read a table that `formreader scan` wrote, in any format.

    By default, pandas reads digits as numbers, which drops leading zeros, and blanks as missing
    values. Here both stay text.

    Args:
        path: the table.
        numbers: in a table with a row a page, fields whose template tells their kind become
            numbers (Int64, float64), dates (datetime64) and times (timedelta64), missing where the
            value is none. The job must lie beside the table.

    Raises:
        NoInputError: the file cannot be read, or is not such a table; with `numbers` there is no
            job beside it.
    """
    from formreader.output.results_frame import load_results as load
    from formreader.output.results_frame import with_numbers

    frame = load(Path(path))
    if not numbers:
        return frame
    with JobStore.open_finished(job_of_table(Path(path))) as store:
        view = store.written_view()
    return with_numbers(frame, kinds_of_columns(view))


def scan(
    paths: Sequence[AnyPath],
    out: AnyPath = _DEFAULT.out,
    *,
    rows: Rows = _DEFAULT.rows,
    review_below: float = _DEFAULT.review_below,
    max_error: float | None = _DEFAULT.max_error,
    model: AnyPath = _DEFAULT.model,
    report: AnyPath | None = _DEFAULT.report,
    workers: int = _DEFAULT.workers,
    device: Device = _DEFAULT.device,
    batch: int = _DEFAULT.batch,
    fresh: bool = _DEFAULT.fresh,
    debug: AnyPath | None = None,
    page_timeout: float = _DEFAULT.page_timeout,
    cluster: str | None = _DEFAULT.cluster,
    tls_ca_file: AnyPath | None = None,
    tls_cert: AnyPath | None = None,
    tls_key: AnyPath | None = None,
    log_json: AnyPath | None = None,
    memory: float | None = _DEFAULT.memory,
    max_pages: int = _DEFAULT.max_pages,
    max_size: float = _DEFAULT.max_size,
    template: AnyPath | None = None,
    split_forms: bool | None = _DEFAULT.split_forms,
    second_reader: SecondReaderName | None = _DEFAULT.second_reader,
    language: str | None = _DEFAULT.language,
    progress: Callable[[ScanEvent], object] | ScanProgress | None = None,
) -> ScanSummary:
    """Read files as `formreader scan` does, and write the table and the review report.

    The work done is saved beside the table. After an interruption, the same call continues.

    Args:
        paths: files, folders, patterns and URLs.
        out: the table; its suffix decides the format.
        report: the review report; if None, it lies beside the table; "none" for no report.
        language: that of messages and report; if None, English and that of the browser.
        template: a template's folder or a folder of several; "auto" learns the forms from the pages
            themselves, and keeps their templates beside the table.
        split_forms: with rows of pages, a table for each form; if None, where there are several.
        progress: called after each page with a `ScanEvent`. If it returns False, the scan stops
            after the pages already begun.

    The other arguments are the options of the command line, with the same defaults.

    Returns:
        Counts and times of the scan, and the files written.

    Raises:
        FormreaderError: an error that the command line reports with an exit code:
            `NoInputError`, `ModelError`, `OutputError`, `TemplateError`, `UsageError`.
    """
    options = _options(paths, locals())
    if not isinstance(progress, ScanProgress):
        progress = _CallbackProgress(progress)
    return scan_job.scan(options, progress)


def _options(paths: Iterable[AnyPath], given: Mapping[str, Any]) -> ScanOptions:
    """Those of the arguments `given` that are options of a scan; paths may be of any kind."""
    own = {name: given[name] for name in SCAN_OPTIONS if name in given}
    for name, value in own.items():
        parse = SCAN_OPTIONS[name].parse
        if value is not None and parse is not None:
            own[name] = parse(os.fspath(value))
    return ScanOptions(tuple(os.fspath(path) for path in paths), **own)


@dataclass(frozen=True, slots=True)
class ScanEvent:
    """Reports that a page of a scan is done.

    `done` of `total` pages are done, including those of earlier runs of the same job. `file` and
    `page`, counted from 1, name the page. `review` counts its digits to review; `error` says why
    it could not be read.
    """

    done: int
    total: int
    file: str
    page: int
    review: int
    error: str


class _CallbackProgress(ScanProgress):
    """Reports each page of a scan to a function."""

    def __init__(self, call: Callable[[ScanEvent], object] | None) -> None:
        self._call = call
        self._done = self._total = 0
        self._stopped = False

    def started(self, files: int, pages: int, done: int) -> None:
        self._total, self._done = pages, done

    def page_done(self, figures: PageFigures) -> None:
        self._done += 1
        if self._call is not None:
            event = ScanEvent(
                self._done, self._total, figures.file, figures.page, figures.review, figures.error
            )
            self._stopped |= self._call(event) is False

    def stopped(self) -> bool:
        return self._stopped


def _tasks(
    files: Sequence[InputFile], count_pdf: PdfCounter, options: ScanOptions
) -> Iterator[PageTask]:
    """Yield a task for each page of `files`; duplicates are read again."""
    pages = dict[str, int]()
    for file, record in zip(
        files, input_records(files, {}, count_pdf, options, count_pdf.check_url), strict=True
    ):
        pages[record.label] = pages.get(record.duplicate_of, record.pages)
        for number in range(pages[record.label]):
            yield PageTask(file, number, error=record.error)


def _check_image(image: object, channels: Channels) -> None:
    """Raise TypeError or ValueError if `image` is not an image that `Reader` reads."""
    if not isinstance(image, str | os.PathLike | bytes | Image.Image | np.ndarray):
        raise TypeError(
            "image must be a path, bytes, a Pillow image or an array of uint8. "
            f"Received: {type(image).__name__}"
        )
    if isinstance(image, np.ndarray):
        check_array(image, channels)


def _task_of(
    image: AnyPath | MemoryImage, page: int, name: str | None, kind: PageKind = "page"
) -> PageTask:
    path = os.fspath(image) if isinstance(image, str | os.PathLike) else ""
    return PageTask(InputFile(path, path if name is None else name), page, kind=kind)


def _decode(image: AnyPath | MemoryImage, task: PageTask, channels: Channels) -> Page:
    """Decode a page (or PageError): of the task's file if `image` is a path, else from memory."""
    with _pdfium_lock:
        if isinstance(image, str | os.PathLike):
            return read_file(task.file, task.number)
        with page_errors(task.name):
            return page_in_memory(image, task.file.label, task.number, channels)
