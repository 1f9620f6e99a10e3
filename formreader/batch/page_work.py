"""The worker's part: one page of a file becomes crops and plain records."""

from __future__ import annotations

import logging
import signal
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from formreader.core.errors import PageError
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import InputFile, Page, PageCrops
from formreader.crop.field_thumbnail import picture_field
from formreader.crop.normaliser import crop_boxes
from formreader.detect.field_finder import FoundFields, find_fields
from formreader.detect.open_fields import reading_order
from formreader.input.open_page import read_page
from formreader.preprocess.straighten import StraightPage, straighten
from formreader.preprocess.text_direction import lies_on_side
from formreader.segment.candidates import NO_CROPS, cut_open_field, split_fields

_log = logging.getLogger(__name__)

_COARSE_DPI = 75

_OF_THE_TERMINAL = ("SIGINT", "SIGHUP")
"""Signals that reach every process of the program; Windows has no SIGHUP."""


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to work on; `number` is 0-based.

    `quarters` is by how many quarter turns clockwise the stored page comes upright. Where
    it is None the page is upright, or on its side if its text says so: which of the two
    ways it lies then, and whether it is upside down, only its digits tell. `error` says why
    the page is not to be read: its file was found to be unreadable.
    """

    file: InputFile
    number: int
    quarters: int | None = None
    error: str = ""

    @property
    def name(self) -> str:
        """The page as messages name it."""
        label = self.file.label
        return label if self.number == 0 else f"{label}, page {self.number + 1}"


@dataclass(slots=True)
class _Clock:
    """Seconds that each stage took."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.perf_counter)

    def stage_done(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self.began
        self.began = now


def start_worker(level: int) -> None:
    """Prepares a worker process; `level` is the parent's logging level.

    It ignores Ctrl-C and the end of the terminal: only the parent knows what to do about them.
    """
    for name in _OF_THE_TERMINAL:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    keep_to_one_thread()
    logging.basicConfig(format="%(name)s: %(message)s")
    logging.getLogger("formreader").setLevel(level)


def keep_to_one_thread() -> None:
    """Makes OpenCV and NumPy's BLAS use one core in this process: pages run in parallel."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


def work_page(task: PageTask) -> PageCrops:
    """Reads a page, finds its boxes and crops them; any fault becomes the page's `error`."""
    if task.error:
        return failed_page(task, task.error)
    try:
        return _work(task)
    except PageError as error:
        # The results name file and page in columns of their own.
        return failed_page(task, str(error).removeprefix(f"{task.name}: "))
    except MemoryError:
        return failed_page(task, "too large for the memory. Use fewer --workers")
    except Exception as error:  # one page never ends the batch
        _log.debug("%s", task.name, exc_info=True)
        return failed_page(task, f"internal error: {type(error).__name__}: {error}")


def failed_page(task: PageTask, reason: str) -> PageCrops:
    """The record of a page that could not be read."""
    return PageCrops(task.file.label, task.number, error=" ".join(reason.split()))


def _notice(found: FoundFields, page: Page) -> str:
    """Why to look at a page; a coarse scan may be why nothing was found."""
    if found.fields or page.dpi >= _COARSE_DPI:
        return found.notice
    about = "about " if page.dpi_estimated else ""
    return f"{found.notice}; the scan has only {about}{page.dpi:.0f} dpi: 150 to 300 are best"


def _straight(page: Pyramid, quarters: int | None) -> StraightPage:
    straight = straighten(page, quarters or 0)
    if quarters is None and lies_on_side(straight.image):
        return straighten(page, quarters=1)
    return straight


def _work(task: PageTask) -> PageCrops:
    clock = _Clock()
    page = read_page(task.file, task.number)
    clock.stage_done("decode")
    pyramid = Pyramid(page.image)
    straight = _straight(pyramid, task.quarters)
    clock.stage_done("straighten")
    found = find_fields(straight)
    clock.stage_done("find")
    boxes = [box for field_ in found.fields for box in field_.boxes]
    cuts = split_fields(found.fields, *crop_boxes(pyramid, boxes))
    cuts += [
        cut for frame in found.frames if (cut := cut_open_field(page.image, frame)) is not None
    ]
    cuts = [cuts[i] for i in reading_order(straight, [cut.field for cut in cuts])]
    pictures = tuple(picture_field(pyramid, cut.field) for cut in cuts)
    clock.stage_done("crop")
    return PageCrops(
        page.file,
        page.number,
        tuple(cut.field for cut in cuts),
        np.concatenate([NO_CROPS, *(cut.crops for cut in cuts)]),
        np.concatenate([np.zeros(0, np.bool_), *(cut.blank for cut in cuts)]),
        pictures,
        # Where only open fields may be, reading them shows whether there are any.
        notice=_notice(found, page) if found.fields or not cuts else "",
        discarded=found.discarded,
        seconds=clock.seconds,
    )
