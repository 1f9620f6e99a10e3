"""Reading of a page by the worker that cut it.

Recognition takes up to a third of a page's time, so one process that read for all workers would
keep no more than a few of them busy. A worker that reads also prepares what the main process does
with the page (`Finish`). On a GPU pages are read in large batches instead, by the main process
(`read_tasks`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self, TypeAlias

from formreader.batch.network_cards import NetworkCards, load_other_networks
from formreader.batch.page_work import PageTask, faulty_page, work_page
from formreader.core.errors import FormreaderError, ModelError
from formreader.core.model_folder import is_shipped, model_folder
from formreader.core.options import ScanOptions, SecondReaderName
from formreader.core.records import PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.recognise.load_recogniser import load_recogniser, runs_on_cpu
from formreader.recognise.page_reading import NO_FORM_RULES, read_pages
from formreader.recognise.recogniser import Recogniser
from formreader.rules.form_rules import FormRules
from formreader.template.form_book import loaded_book

Finish: TypeAlias = Callable[[PageCrops, PageReading], Any]
"""Makes what a worker returns of a page that it read; picklable. It is never a `PageCrops`: that is
a page that is yet to be read."""


def both(page: PageCrops, reading: PageReading) -> tuple[PageCrops, PageReading]:
    """Return the crops of a page and its reading."""
    return page, reading


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """How workers read pages: with which models, and what is accepted.

    `options` has only what affects a reading. `cards_sha256` identifies the networks' cards: a
    worker with others reads nothing. `finish` makes what it returns.
    """

    options: ScanOptions
    cards_sha256: str
    finish: Finish = both

    @classmethod
    def of(cls, options: ScanOptions, cards: NetworkCards, finish: Finish = both) -> Self | None:
        """Return how the workers of a scan read; None where the main process does.

        It does on a GPU, and for a cluster with what only this machine may have.
        """
        folder = model_folder(options.model)
        of_user = not is_shipped(folder) or options.second_reader is not None
        if not runs_on_cpu(options.device) or (options.cluster and of_user):
            return None
        model = options.model if is_shipped(folder) else str(folder.absolute())
        here = replace(options.for_reading(), model=model, device="cpu")
        return cls(here, cards.sha256, finish)

    def load(self) -> None:
        """Load all networks, in the worker, while the main process still prepares the scan.

        Raises:
            ModelError: one is damaged, or they are not those of the scan.
            UsageError: the second reader is not installed.
        """
        load_other_networks(self.options.second_reader)
        self._recogniser()

    def read(self, page: PageCrops, task: PageTask) -> Any:
        """Read a page that was worked on, and finish it; runs in the worker.

        Pages that turn out to lie on their side or upside down are worked on again. Any fault
        becomes the page's `error`.

        Raises:
            ModelError: the worker's models are damaged, or are not those of the scan.
        """

        def turn(quarters: Mapping[int, int]) -> list[PageCrops]:
            return [work_page(replace(task, quarters=by)) for by in quarters.values()]

        stopwatch = Stopwatch()
        try:
            recogniser = self._recogniser()
            ((cropped, reading),) = read_pages(
                [page], recogniser, self.options, stopwatch, turn, _rules(page, task)
            )
        except FormreaderError:  # no page's fault
            raise
        except Exception as error:
            failed = faulty_page(task, error)
            reading = PageReading(failed.file, failed.number, error=failed.error)
            return self.finish(failed, reading)
        seconds = {**cropped.seconds, **stopwatch.stages}
        return self.finish(replace(cropped, seconds=seconds), reading)

    def _recogniser(self) -> Recogniser:
        options = self.options
        return _loaded(options.model, options.batch, options.second_reader, self.cards_sha256)


def work_and_read(task: PageTask, reading: WorkerReading | None = None) -> Any:
    """Do the work on a page; runs in the worker.

    Returns:
        The page's crops, or if workers read what `reading.finish` makes of them and the reading.

    Raises:
        ModelError: the worker's models are damaged, or are not those of the scan.
    """
    if reading is None:
        return work_page(task)
    reading.load()
    return reading.read(work_page(task), task)


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


def _rules(page: PageCrops, task: PageTask) -> Mapping[str, FormRules]:
    """The rules of the forms that a page may be; forms that a scan learns have none."""
    if not page.form or task.forms is not None:
        return NO_FORM_RULES
    return loaded_book(task.templates).rules
