"""How a page lies, and where its fields are: found on it, given by its form, or all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from formreader.core.doubts import Doubt, all_of, reason
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, FieldCrops, Page, PageCrops, mark_boxes
from formreader.core.stopwatch import Stopwatch
from formreader.crop.box_crops import NO_EVIDENCE, FormEvidence, crop_boxes, crop_single
from formreader.crop.number_strips import cut_cells
from formreader.crop.writing_map import WritingMap
from formreader.detect.field_finder import FoundFields
from formreader.look.page_look import PageLook, look_at
from formreader.preprocess.page_print import find_print
from formreader.preprocess.print_direction import shipped_line_network
from formreader.preprocess.straighten import StraightPage, straighten
from formreader.preprocess.text_direction import lies_on_side
from formreader.reading.page_task import PageTask
from formreader.template.form_book import Recognised, loaded_book
from formreader.template.page_layout import PageLayout
from formreader.template.placed_fields import PlacedFields, quarters_turned

_MIN_LEGIBLE_DPI = 75
"""Dots per inch. If a page has fewer and no boxes were found, its notice names the resolution as a
possible reason. No record of a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class UprightPage:
    """A straightened page, upright as far as is known.

    `form` is the form that it is; None for none that is known, and then `nearest` says which one is
    nearest and why it is another. `by_print`: its print shows that it lies upright.
    """

    straight: StraightPage
    look: Callable[[], PageLook]
    form: Recognised | None = None
    by_print: bool = False
    nearest: str = ""

    @classmethod
    def of(cls, straight: StraightPage) -> UprightPage:
        """A page that lies as it does; it is looked at once at most."""
        return cls(straight, cache(partial(look_at, straight)))


def lay_upright(page: Pyramid, task: PageTask, stopwatch: Stopwatch) -> UprightPage:
    """Straighten a page, and turn it as its form, its task or its print says."""
    with stopwatch.stage("straighten"):
        upright = UprightPage.of(straighten(page, task.quarters or 0))
    nearest = ""
    if task.templates:
        with stopwatch.stage("find"):
            known = _on_form(page, upright, task)
        if known.form is not None:
            return known
        nearest = known.nearest
    if task.quarters is None:
        with stopwatch.stage("straighten"):
            upright = _by_print(page, upright)
    return replace(upright, nearest=nearest)


def _on_form(page: Pyramid, upright: UprightPage, task: PageTask) -> UprightPage:
    """A page as the form of its task that it is nearest to."""
    book = loaded_book(task.templates, task.forms)
    if not book.forms:
        return upright
    found = book.recognise(PageLayout.of(upright.straight.image, upright.look().maps))
    if found is not None and (turned := quarters_turned(found.alignment)):
        upright = UprightPage.of(straighten(page, (task.quarters or 0) + turned))
        found = book.recognise(PageLayout.of(upright.straight.image, upright.look().maps))
    if found is None:
        return upright
    return replace(upright, nearest=found.difference, form=None if found.difference else found)


def _by_print(page: Pyramid, upright: UprightPage) -> UprightPage:
    """A page turned so that its print is upright."""
    quarters, letters = 0, find_print(upright.straight.image)
    if lies_on_side(letters):
        quarters, upright = 1, UprightPage.of(straighten(page, 1))
        letters = find_print(upright.straight.image)
    further = shipped_line_network().quarters_to_upright(letters)
    if further:
        upright = UprightPage.of(straighten(page, quarters + further))
    return replace(upright, by_print=further is not None)


def given_places(placed: PlacedFields) -> FoundFields:
    """The boxes and cells of a form's fields."""
    rows = tuple(field.boxes for field in placed.fields if field.cell is None)
    return FoundFields(rows, tuple(one.cell for one in placed.fields if one.cell is not None))


def crop_rows(
    page: Pyramid, rows: Sequence[tuple[DigitBox, ...]], known: FormEvidence = NO_EVIDENCE
) -> list[FieldCrops]:
    """Crop rows of boxes; `known` is what a form tells about them."""
    crops, blank, loose = crop_boxes(page, [box for row in rows for box in row], known)
    fields = list[FieldCrops]()
    for row in rows:
        here = len(row)
        fields.append(FieldCrops(mark_boxes(row, loose[:here]), crops[:here], blank[:here]))
        crops, blank, loose = crops[here:], blank[here:], loose[here:]
    return fields


def as_on_form(placed: PlacedFields, cropped: Sequence[FieldCrops]) -> list[FieldCrops]:
    """The crops of a form's rows and cells, as of `given_places`, in the order of its fields.

    Ignored ones are cropped like others, so that their ink is in no neighbour, and then dropped.
    """
    rows = iter([one for one in cropped if one.cell is None])
    cells = iter([one for one in cropped if one.cell is not None])
    fields = list[FieldCrops]()
    for place in placed.fields:
        crops = next(rows if place.cell is None else cells)
        if not place.ignored:
            fields.append(replace(crops, name=place.name, doubt=place.doubt))
    return fields


def notice_of(
    found: FoundFields, fields: Sequence[FieldCrops], page: Page, task: PageTask, nearest: str
) -> str:
    """Why a person should look at a page of no known form, before it is read; "" if nothing is odd.

    It names the resolution if that may be the reason. `nearest` is that of `UprightPage`.
    """
    notices = list[str]()
    if task.templates:
        known = (Doubt.NO_KNOWN_FORM, nearest) if task.forms is None else (Doubt.LONE_FORM,)
        notices.extend(known)
    if found.rows or not fields:  # else reading the cells shows whether they are any
        notices.append(found.notice)
    if not (found.rows or fields) and page.dpi < _MIN_LEGIBLE_DPI:
        notices.append(reason(Doubt.FEW_DPI, f"{page.dpi:.0f}"))
    return all_of(*notices)


def crop_digit(page: Page) -> PageCrops:
    """Crop the digit that an image shows, with or without a box around it."""
    crop, is_blank = crop_single(page.image)
    field = FieldCrops((_whole(page),), crop[np.newaxis], np.array([is_blank]))
    return PageCrops(page.file, page.number, (field,))


def crop_number(page: Page) -> PageCrops:
    """Cut out the number that an image shows, with or without a printed cell around it."""
    writing = WritingMap.of_image(page.image)
    (field,) = cut_cells(Pyramid(page.image), writing, [_whole(page)])
    if field.blank.all():  # a blank cell without others beside it would be dropped
        field = replace(field, cell=None)
    return PageCrops(page.file, page.number, (field,))


def _whole(page: Page) -> DigitBox:
    """All of an image, as a box."""
    height, width = page.image.shape
    return DigitBox(((0, 0), (width, 0), (width, height), (0, height)))
