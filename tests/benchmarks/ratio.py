"""What a page costs against decoding it, stage by stage: what `speed.py` prints.

Forms are rendered at 300 dpi on A4 (8.7 megapixels), about 110 boxes each, as JPEG files of each
kind of scan, or with one table of some 300 cells, nearly all with a whole number. Each is decoded
to grey as OpenCV does it, straightened, looked at, cropped and read, in one thread and in turn.
Measured are medians of the best of some rounds, in processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import cv2
import numpy as np
import numpy.typing as npt
from drawn_forms import render_any_form
from result_file import Figures

from formreader.core.image_pyramid import Pyramid
from formreader.core.options import DEFAULT_MODEL, ScanOptions
from formreader.core.records import GreyImage, InputFile, Page, PageCrops
from formreader.core.stopwatch import Stopwatch
from formreader.crop.box_crops import crop_boxes
from formreader.crop.number_strips import cut_cells
from formreader.detect.field_finder import find_fields
from formreader.look.erased_print import without_print
from formreader.look.missed_places import with_missed
from formreader.look.page_look import look_at, look_closer
from formreader.look.places import find_places
from formreader.preprocess.straighten import straighten
from formreader.reading.one_page import crop_page, read_pages
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser
from formreader.synth import Filling, FormSpec, Kind, Plan

STAGES = ("decode", "straighten", "find", "look", "crop", "read")
QUALITY = 90

_TASK = PageTask(InputFile("page", "page"), 0, quarters=0)

_NUMBERS_SEED, _LAYOUTS_OF_NUMBERS = 20, 6
"""The drawn table with most cells of those that were looked at."""


def jpeg_page(kind: Kind, seed: int) -> npt.NDArray[np.uint8]:
    """A filled A4 form at 300 dpi as the bytes of a JPEG file."""
    plan = Plan(box_height=(6.0, 8.0), filling=Filling(blanks=0.15), distractors=0.4)
    return _jpeg(seed, FormSpec(("comb", "mixed")[seed % 2], kind, dpi=300, plan=plan))


def jpeg_of_numbers(kind: Kind) -> npt.NDArray[np.uint8]:
    """A table of whole numbers on A4 at 300 dpi as the bytes of a JPEG file."""
    plan = Plan(box_height=(4.8, 5.5))
    spec = FormSpec("sheet", kind, dpi=300, variants=_LAYOUTS_OF_NUMBERS, plan=plan)
    return _jpeg(_NUMBERS_SEED, spec)


def _jpeg(seed: int, spec: FormSpec) -> npt.NDArray[np.uint8]:
    page = render_any_form(seed, spec)
    image = page.image if page.image.ndim == 2 else page.image[..., ::-1]
    return np.asarray(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Times the block; it counts if it is the shortest of its stage so far."""
    began = time.process_time()
    yield
    seconds[stage] = min(seconds.get(stage, np.inf), time.process_time() - began)


def measure(
    file: npt.NDArray[np.uint8], rounds: int, reading: Callable[[PageCrops], object]
) -> tuple[dict[str, float], int]:
    """Seconds of each stage for one page, the best of some rounds, and its boxes and cells."""
    seconds = dict[str, float]()
    for _ in range(rounds):
        with timed(seconds, "decode"):
            grey: GreyImage = np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)
        with timed(seconds, "straighten"):
            straight = straighten(Pyramid(grey))
        with timed(seconds, "find"):
            found = find_fields(straight)
        with timed(seconds, "look"):
            look, page = look_at(straight), Pyramid(grey)
            missed = find_places(look.maps)
            near = [*found.places, *chain(*(one.on_page(straight) for one in missed))]
            look = look_closer(look, page, near)
            found = with_missed(found, missed, look, straight)
        boxes = [box for row in found.rows for box in row]
        with timed(seconds, "crop"):
            crop_boxes(without_print(page, look, boxes), boxes)
            cut_cells(page, look.writing, found.cells)
        cropped = crop_page(Page("page", 0, grey, 300.0), _TASK, Stopwatch())
        with timed(seconds, "read"):
            reading(cropped)
    return seconds, len(boxes) + len(found.cells)


def reader() -> Callable[[PageCrops], object]:
    """What reads a page in one thread, as a scan's own process does."""
    options = ScanOptions(())
    recogniser = load_recogniser(DEFAULT_MODEL, "cpu", options.batch, threads=1)
    return lambda page: list(read_pages([(_TASK, page)], recogniser, options, Stopwatch()))


def stage_table(
    kinds: Sequence[Kind], pages: int, rounds: int, *, numbers: bool
) -> dict[str, Figures]:
    """Measure and print the stages of forms of each kind, or of a table of whole numbers each."""
    print(f"{'kind':<12}{'boxes':>7}" + "".join(f"{s:>12}" for s in STAGES) + f"{'ratio':>8}")
    figures: dict[str, Figures] = {}
    reading = reader()
    for kind in kinds:
        files = (
            [jpeg_of_numbers(kind)] if numbers else [jpeg_page(kind, 500 + i) for i in range(pages)]
        )
        measured = [measure(file, rounds, reading) for file in files]
        typical = {s: float(np.median([seconds[s] for seconds, _ in measured])) for s in STAGES}
        ratio = sum(typical.values()) / typical["decode"]
        boxes = float(np.mean([count for _, count in measured]))
        milliseconds = "".join(f"{1000 * typical[s]:>12.1f}" for s in STAGES)
        print(f"{kind:<12}{boxes:>7.0f}{milliseconds}{ratio:>8.2f}", flush=True)
        times = {f"{stage}, ms": 1000 * spent for stage, spent in typical.items()}
        figures[kind] = {"boxes and cells": boxes, **times, "all, over decoding": ratio}
    return figures
