"""Reading of a page by the worker that cut it, which also packs what a job stores.

Recognition takes up to a third of a page's time: one process that reads keeps few workers busy.
On a GPU the main process reads, in large batches (`PagePool.read`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Self

from formreader.batch.network_cards import NetworkCards, load_other_networks
from formreader.batch.page_log import PageFigures
from formreader.core.errors import FormreaderError, ModelError
from formreader.core.model_folder import is_shipped, model_folder
from formreader.core.options import ScanOptions, SecondReaderName
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser, runs_on_cpu
from formreader.recognise.recogniser import Recogniser
from formreader.store.job_rows import PageRows, page_rows


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page as the job stores it. Unpickling objects for digits would take longer than storing."""

    rows: PageRows
    figures: PageFigures
    seconds: Mapping[str, float]


def stored_page(page: PageCrops, reading: PageReading) -> StoredPage:
    """Prepare what is stored of a page; runs where the page is read."""
    copy = None
    if page.copy is not None:
        from formreader.batch.pile_pages import pile_page  # only where forms are learned

        kept = pile_page(page)
        copy = kept.png, kept.fields_text()
    return StoredPage(page_rows(page, reading, copy), PageFigures.of(page, reading), page.seconds)


@dataclass(frozen=True, slots=True, eq=False)
class WorkedPage:
    """The result of a worker on a page: its crops, and its reading if the worker read it."""

    task: PageTask
    page: PageCrops
    reading: PageReading | None = None


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """How workers read pages: with which models, and what is accepted.

    `options` has only what affects a reading. `cards_sha256` identifies the networks' cards.
    `stores`: it returns pages as a job stores them. `load` and `read` raise ModelError where the
    worker's models are damaged, or are not those of the scan.
    """

    options: ScanOptions
    cards_sha256: str
    stores: bool = False

    @classmethod
    def of(cls, options: ScanOptions, cards: NetworkCards, *, stores: bool = False) -> Self | None:
        """Return how workers read; None on a GPU, or if a cluster lacks what users bring."""
        folder = model_folder(options.model)
        of_user = not is_shipped(folder) or options.second_reader is not None
        if not runs_on_cpu(options.device) or (options.cluster and of_user):
            return None
        model = options.model if is_shipped(folder) else str(folder.absolute())
        here = replace(options.for_reading(), model=model, device="cpu")
        return cls(here, cards.sha256, stores)

    def load(self) -> None:
        """Load all networks, in the worker, while the main process still prepares the scan.

        Raises:
            UsageError: the second reader is not installed.
        """
        load_other_networks(self.options.second_reader)
        self._recogniser()

    def read(self, task: PageTask) -> WorkedPage:
        """Read a page; runs in the worker. Any fault becomes the page's `error`."""
        from formreader.reading.one_page import read_page  # workers have it: see worker_imports

        stopwatch = Stopwatch()
        try:
            cropped, reading = read_page(task, self._recogniser(), self.options, stopwatch)
        except FormreaderError:  # no page's fault
            raise
        except Exception as error:
            failed = task.faulty(error)
            reading = PageReading(failed.file, failed.number, error=failed.error)
            return WorkedPage(task, failed, reading)
        seconds = {**cropped.seconds, **stopwatch.stages}
        return WorkedPage(task, replace(cropped, seconds=seconds), reading)

    def _recogniser(self) -> Recogniser:
        options = self.options
        return _loaded(options.model, options.batch, options.second_reader, self.cards_sha256)


def work_and_read(task: PageTask, reading: WorkerReading | None = None) -> WorkedPage | StoredPage:
    """Crop the fields of a page, and read it if workers do; runs in the worker.

    Raises:
        ModelError: the worker's models are damaged, or are not those of the scan.
    """
    if reading is None:
        from formreader.reading.one_page import crop_task

        return WorkedPage(task, crop_task(task))
    reading.load()
    worked = reading.read(task)
    if reading.stores and worked.reading is not None:
        return stored_page(worked.page, worked.reading)
    return worked


@cache
def _loaded(
    model: str, batch: int, second_reader: SecondReaderName | None, sha256: str
) -> Recogniser:
    if NetworkCards.read(model, second_reader).sha256 != sha256:
        raise ModelError(
            f"{model}: this model, or one that comes with formreader, changed while it was in "
            "use. Start the program again"
        )
    return load_recogniser(model, "cpu", batch, threads=1)
