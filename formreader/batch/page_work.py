"""The work on one page, done by a worker: from the file to the crops of its boxes."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
from threadpoolctl import threadpool_limits

from formreader.batch.typed_fields import with_all_typed, with_typed
from formreader.core.doubts import Doubt
from formreader.core.errors import PageError
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import (
    DigitBox,
    FieldCrops,
    InputFile,
    Page,
    PageCrops,
    StraightCopy,
    mark_boxes,
)
from formreader.core.stopwatch import Stopwatch
from formreader.crop.box_crops import NO_EVIDENCE, FormEvidence, crop_boxes
from formreader.crop.field_thumbnail import draw_thumbnail
from formreader.crop.number_strips import cut_cells
from formreader.detect.field_finder import FoundFields, find_fields
from formreader.detect.field_order import in_reading_order
from formreader.input.open_page import read_page
from formreader.look.erased_print import without_print
from formreader.look.missed_places import with_missed
from formreader.look.page_look import PageLook, look_at
from formreader.preprocess.page_print import find_print
from formreader.preprocess.print_direction import shipped_line_network
from formreader.preprocess.straighten import StraightPage, straighten
from formreader.preprocess.text_direction import lies_on_side
from formreader.template.form_book import FormBook, loaded_book
from formreader.template.page_layout import PageLayout
from formreader.template.placed_fields import PlacedFields, place_fields, quarters_turned

_log = logging.getLogger(__name__)

_MIN_LEGIBLE_DPI = 75
"""Dots per inch. If a page has fewer and no boxes were found, its notice names the resolution as a
possible reason. No record of a measurement."""

_TERMINAL_SIGNALS = ("SIGINT", "SIGHUP")
"""Signals that a terminal sends to every process of the program; Windows has no SIGHUP."""


@dataclass(frozen=True, slots=True)
class PageTask:
    """One page to work on; `number` is 0-based.

    `quarters` is the number of clockwise quarter turns that bring the stored page upright. None
    if not known yet: then its print shows how it lies, or where that is not clear, its digits.
    `error` is set if the file was found to be unreadable; then the page is not read. `templates`
    is the folder of the forms that the page may be; "" to look for fields without. `forms` are the
    names of those that a scan has learned so far; None for all in the folder. `keep_copy`: the
    page's straight copy is returned, too, unless it is a known form.
    """

    file: InputFile
    number: int
    quarters: int | None = None
    error: str = ""
    templates: str = ""
    forms: tuple[str, ...] | None = None
    keep_copy: bool = False

    @property
    def name(self) -> str:
        """The name of the page in messages."""
        label = self.file.label
        return label if self.number == 0 else f"{label}, page {self.number + 1}"


def start_worker(level: int) -> None:
    """Prepare a worker process; `level` is the parent's logging level.

    It ignores Ctrl-C and the closing of the terminal: the parent decides what to do about them.
    """
    for name in _TERMINAL_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    keep_to_one_thread()
    logging.basicConfig(format="%(name)s: %(message)s")
    logging.getLogger("formreader").setLevel(level)


def keep_to_one_thread() -> None:
    """Make OpenCV and NumPy's BLAS use one core in this process: pages run in parallel."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


def work_page(task: PageTask) -> PageCrops:
    """Read a page, find its boxes and crop them; any fault becomes the page's `error`."""
    if task.error:
        return failed_page(task, task.error)
    return without_faults(task, lambda: _work(task))


def without_faults(task: PageTask, work: Callable[[], PageCrops]) -> PageCrops:
    """Return the result of `work` on a page; any fault becomes the page's `error`."""
    try:
        return work()
    except Exception as error:  # one page never ends the batch
        return faulty_page(task, error)


def faulty_page(task: PageTask, error: Exception) -> PageCrops:
    """Return the record of a page whose work raised an error."""
    match error:
        case PageError():
            # Results have columns for file and page, so the message need not name them.
            return failed_page(task, str(error).removeprefix(f"{task.name}: "))
        case MemoryError():
            return failed_page(task, "too large for the memory. Use fewer --workers")
        case _:
            _log.debug("%s", task.name, exc_info=error)
            return failed_page(task, f"internal error: {type(error).__name__}: {error}")


def failed_page(task: PageTask, reason: str) -> PageCrops:
    """Return the record of a page that could not be read."""
    return PageCrops(task.file.label, task.number, error=" ".join(reason.split()))


def _notice(found: FoundFields, page: Page) -> str:
    """Return why a person should look at the page; names the resolution if it may be the reason."""
    if found.rows or page.dpi >= _MIN_LEGIBLE_DPI:
        return found.notice
    about = "about " if page.dpi_estimated else ""
    return f"{found.notice}; the scan has only {about}{page.dpi:.0f} dpi: 150 to 300 are best"


def _straight(page: Pyramid, quarters: int | None) -> tuple[StraightPage, bool]:
    """Return the straightened page, and whether its print shows that it is upright then."""
    if quarters is not None:
        return straighten(page, quarters), False
    quarters, straight = 0, straighten(page, 0)
    letters = find_print(straight.image)
    if lies_on_side(letters):
        quarters, straight = 1, straighten(page, 1)
        letters = find_print(straight.image)
    further = shipped_line_network().quarters_to_upright(letters)
    if further:
        straight = straighten(page, quarters + further)
    return straight, further is not None


def _work(task: PageTask) -> PageCrops:
    stopwatch = Stopwatch()
    with stopwatch.stage("decode"):
        page = read_page(task.file, task.number, with_lines=task.keep_copy)
    if task.templates:
        book = loaded_book(task.templates, task.forms)
        form = crop_form(page, task.quarters, stopwatch, book) if book.forms else ""
        if isinstance(form, PageCrops):
            return form
    cropped = crop_page(page, task.quarters, stopwatch, keep_copy=task.keep_copy)
    if not task.templates:
        return cropped
    known = (Doubt.NO_KNOWN_FORM, form) if task.forms is None else (Doubt.LONE_FORM,)
    return replace(cropped, notice="; ".join(filter(None, (*known, cropped.notice))))


def crop_form(
    page: Page, quarters: int | None, stopwatch: Stopwatch, book: FormBook
) -> PageCrops | str:
    """Crop the fields that the form of a page has.

    The other arguments are those of `crop_page`.

    Returns:
        For a page of no known form which one is nearest, and why it is another; "" for none.
    """
    with stopwatch.stage("straighten"):
        pyramid = Pyramid(page.image)
        straight = straighten(pyramid, quarters or 0)
    with stopwatch.stage("find"):
        look = look_at(straight)
        found = book.recognise(PageLayout.of(straight.image, look.maps))
        if found is not None and (turned := quarters_turned(found.alignment)):
            straight = straighten(pyramid, (quarters or 0) + turned)
            look = look_at(straight)
            found = book.recognise(PageLayout.of(straight.image, look.maps))
        if found is None or found.difference:
            return found.difference if found is not None else ""
        placed = place_fields(straight, found, pyramid.shape)
    with stopwatch.stage("crop"):
        fields = with_typed(_crop_placed(pyramid, look, placed), page.form_fields)
        fields = [replace(field, thumbnail=draw_thumbnail(pyramid, field)) for field in fields]
    return PageCrops(
        page.file,
        page.number,
        tuple(fields),
        seconds=stopwatch.stages,
        form=found.form.template.name,
    )


def _crop_placed(page: Pyramid, look: PageLook, placed: PlacedFields) -> list[FieldCrops]:
    """Return the fields of a form with their crops, in the order of the template.

    Ignored ones are cut like others, so that their ink is in no neighbour, and then dropped.
    """
    rows = tuple(field.boxes for field in placed.fields if field.cell is None)
    cells = {field.name: field.cell for field in placed.fields if field.cell is not None}
    boxed = _crop_rows(page, rows, placed.known)
    cropped = boxed + cut_cells(page, look.writing, list(cells.values()), list(cells))
    of_rows, cut = iter(cropped[: len(rows)]), iter(cropped[len(rows) :])
    made = [
        replace(next(of_rows if field.cell is None else cut), name=field.name, doubt=field.doubt)
        for field in placed.fields
    ]
    return [one for one, field in zip(made, placed.fields, strict=True) if not field.ignored]


def crop_page(
    page: Page, quarters: int | None, stopwatch: Stopwatch, *, keep_copy: bool = False
) -> PageCrops:
    """Find the boxes of a decoded page and crop them; arguments are as in `PageTask`."""
    with stopwatch.stage("straighten"):
        pyramid = Pyramid(page.image)
        straight, upright = _straight(pyramid, quarters)
    with stopwatch.stage("find"):
        found = find_fields(straight)
        look = look_at(straight)
        found = with_missed(found, look, straight).within(pyramid.shape)
    with stopwatch.stage("crop"):
        written = without_print(pyramid, look, [box for row in found.rows for box in row])
        cropped = _crop_rows(written, found.rows)
        cropped += cut_cells(pyramid, look.writing, found.cells)
        cropped = with_all_typed(cropped, page.form_fields)
        fields = in_reading_order(straight, cropped)
        fields = [replace(field, thumbnail=draw_thumbnail(pyramid, field)) for field in fields]
    return PageCrops(
        page.file,
        page.number,
        tuple(fields),
        # If only cells for whole numbers were found, reading them shows whether they are any.
        notice=_notice(found, page) if found.rows or not fields else "",
        discarded=found.discarded,
        seconds=stopwatch.stages,
        upright=upright,
        copy=_copy(straight, fields, page) if keep_copy else None,
    )


def _copy(straight: StraightPage, fields: Sequence[FieldCrops], page: Page) -> StraightCopy:
    """Return the straight copy of a page whose fields were cropped."""
    blank = tuple(one.cell for one in fields if one.cell is not None and one.blank.all())
    png = cv2.imencode(".png", straight.image)[1].tobytes()
    return StraightCopy(png, straight.to_page, blank, page.form_fields, page.lines)


def _crop_rows(
    page: Pyramid, rows: Sequence[tuple[DigitBox, ...]], known: FormEvidence = NO_EVIDENCE
) -> list[FieldCrops]:
    """Return rows of boxes with their crops; `known` is what a form tells about them."""
    crops, blank, loose = crop_boxes(page, [box for row in rows for box in row], known)
    fields = list[FieldCrops]()
    for row in rows:
        here = len(row)
        fields.append(FieldCrops(mark_boxes(row, loose[:here]), crops[:here], blank[:here]))
        crops, blank, loose = crops[here:], blank[here:], loose[here:]
    return fields
