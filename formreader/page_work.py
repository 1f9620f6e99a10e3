"""The worker's part: one page of a file becomes crops and plain records."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from formreader.digits.crops import crop_boxes
from formreader.errors import PageError
from formreader.forms.finder import FoundFields, find_fields
from formreader.forms.pages import read_page
from formreader.forms.straighten import straighten
from formreader.surroundings import picture_field
from formreader.types import InputFile, Page, PageCrops

_log = logging.getLogger(__name__)

_COARSE_DPI = 75


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to work on; `number` is 0-based."""

    file: InputFile
    number: int

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

    Pages are what runs in parallel, so OpenCV keeps to one thread. Ctrl-C at a
    terminal reaches every process, and only the parent knows what to do about it.
    """
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    logging.basicConfig(format="%(name)s: %(message)s")
    logging.getLogger("formreader").setLevel(level)


def work_page(task: PageTask) -> PageCrops:
    """Reads a page, finds its boxes and crops them; any fault becomes the page's `error`."""
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


def _work(task: PageTask) -> PageCrops:
    clock = _Clock()
    page = read_page(task.file, task.number)
    clock.stage_done("decode")
    straight = straighten(page.image)
    clock.stage_done("straighten")
    found = find_fields(straight)
    clock.stage_done("find")
    boxes = [box for field_ in found.fields for box in field_.boxes]
    crops, blank = crop_boxes(page.image, boxes)
    pictures = tuple(picture_field(page.image, field_) for field_ in found.fields)
    clock.stage_done("crop")
    return PageCrops(
        page.file,
        page.number,
        found.fields,
        np.ascontiguousarray(crops),
        blank,
        pictures,
        notice=_notice(found, page),
        seconds=clock.seconds,
    )
