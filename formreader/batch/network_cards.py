"""The networks of a scan: their cards, which tell what they are and promise, and how they load.

A user's model is first loaded in a process of its own: its graph may hang or take all memory.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Self

from formreader.batch.worker_process import (
    MemoryLimitError,
    TimeLimitError,
    WorkerDiedError,
    WorkerProcess,
    start_worker,
    worker_memory,
)
from formreader.core.errors import ModelError, UsageError
from formreader.core.model_folder import (
    BOX_MODEL,
    INK_MODEL,
    LINE_MODEL,
    NUMBER_MODEL,
    PAGE_MODEL,
    how_to_renew,
    is_shipped,
    model_folder,
    read_card_file,
)
from formreader.core.options import Device, SecondReaderName
from formreader.detect.box_network import BOX_CARD_SCHEMA, shipped_network
from formreader.look.ink_network import INK_CARD_SCHEMA, shipped_ink_network
from formreader.look.page_network import PAGE_CARD_SCHEMA, shipped_page_network
from formreader.preprocess.print_direction import LINE_CARD_SCHEMA, shipped_line_network
from formreader.recognise.load_recogniser import load_recogniser, runs_on_cpu
from formreader.recognise.model_card import CalibrationRow, Card, read_card
from formreader.recognise.number_reader import (
    NUMBER_CARD_SCHEMA,
    number_calibration,
    shipped_reader,
)
from formreader.recognise.recogniser import Recogniser
from formreader.recognise.second_reader import second_opinion, second_weights

_SCHEMAS = {
    BOX_MODEL: BOX_CARD_SCHEMA,
    PAGE_MODEL: PAGE_CARD_SCHEMA,
    INK_MODEL: INK_CARD_SCHEMA,
    NUMBER_MODEL: NUMBER_CARD_SCHEMA,
    LINE_MODEL: LINE_CARD_SCHEMA,
}


@dataclass(frozen=True, slots=True)
class NetworkCards:
    """The card of the network for digits, the calibration of that for numbers, and a hash of all.

    Cards have the models' hashes and calibrations: scans with the same `sha256` read alike.
    """

    digits: Card
    numbers: tuple[CalibrationRow, ...]
    sha256: str

    @classmethod
    def read(cls, model: str, second_reader: SecondReaderName | None = None) -> Self:
        """Read the cards of the network for digits `model`, and of those that ship.

        With a `second_reader` the calibration of numbers is that of reading with it.

        Raises:
            ModelError: one is missing or damaged.
        """
        digits = read_card(model_folder(model))
        # Those of the networks that no option replaces decide as well.
        others = (read_card_file(model_folder(name), schema) for name, schema in _SCHEMAS.items())
        cards = "".join((digits.to_json(), *(json.dumps(one, sort_keys=True) for one in others)))
        numbers = (
            second_weights(second_reader).calibration if second_reader else number_calibration()
        )
        return cls(digits, numbers, hashlib.sha256(cards.encode()).hexdigest())


def load_other_networks(second_reader: SecondReaderName | None) -> None:
    """Load the networks besides that for digits, and the second reader if any, once per process.

    Raises:
        ModelError: one is missing or damaged.
        UsageError: the second reader is not installed.
    """
    of_pages = shipped_network, shipped_page_network, shipped_ink_network, shipped_line_network
    for load in (*of_pages, shipped_reader):
        load()
    if second_reader:
        second_opinion(second_reader)


_MAX_LOADING_SECONDS = 60.0
"""Longest time in which a model must load and read a crop; 0.1 s were seen. A choice."""


def load_tried(model: str, device: Device, batch: int, threads: int | None = None) -> Recogniser:
    """Return a recogniser as `load_recogniser` does, of a model that was tried elsewhere first.

    Models that come with the program are not: they are as trustworthy as the program itself.

    Raises:
        ModelError: as of `load_recogniser`, or loading it takes too much time or memory.
        UsageError: as of `load_recogniser`, or no process can be started.
    """
    folder = model_folder(model)
    if not is_shipped(folder) and runs_on_cpu(device):
        _try(folder.absolute(), tuple(sorted(read_card(folder).files.items())))
    return load_recogniser(model, device, batch, threads)


@cache
def _try(folder: Path, files: tuple[tuple[str, str], ...]) -> None:
    """Load a model in another process, once for the same files by their hashes; errors as above."""
    process = _started()
    try:
        process.call((_load, (folder,), {}), _MAX_LOADING_SECONDS)
    except (WorkerDiedError, TimeLimitError, MemoryLimitError) as error:
        raise ModelError(
            f"{folder}: {_why(error)}, so formreader does not use it. {how_to_renew(folder)}"
        ) from error
    finally:
        process.end()


def _started() -> WorkerProcess:
    """A process to try a model in; started twice if it dies, as the system may end any."""
    prepare = partial(start_worker, 0)
    start = partial(WorkerProcess, prepare, load_tried.__module__, worker_memory(1))
    failures = WorkerDiedError, TimeLimitError, MemoryLimitError, OSError, EOFError
    with suppress(*failures):
        return start()
    try:
        return start()
    except failures as error:
        raise UsageError(
            f"No process that tries the model can be started ({error}). Close other programs"
        ) from error


def _load(folder: Path) -> None:
    load_recogniser(str(folder), "cpu", threads=1)


def _why(error: Exception) -> str:
    match error:
        case TimeLimitError():
            return f"loading the model takes more than {error}"
        case MemoryLimitError():
            return f"loading the model takes more than {error} of memory"
    return f"loading the model ends its process ({error})"
