"""One page, read: from its file to the readings of its fields, top to bottom.

`crop_page` goes from pixels to crops, in a worker; `read_pages` from crops to readings. On a GPU
the main process reads the crops of many pages together, elsewhere each worker reads its own page
(`read_page`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TypeAlias

import cv2
import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.options import ScanOptions
from formreader.core.records import FieldCrops, Page, PageCrops, PageReading, StraightCopy
from formreader.core.stopwatch import Stopwatch
from formreader.crop.field_thumbnail import draw_thumbnail
from formreader.crop.number_strips import cut_cells
from formreader.detect.field_finder import find_fields
from formreader.detect.field_order import in_reading_order
from formreader.input.open_page import read_page as read_file
from formreader.look.erased_print import without_print
from formreader.look.missed_places import with_missed
from formreader.look.page_look import look_closer
from formreader.look.places import find_places
from formreader.preprocess.straighten import StraightPage
from formreader.reading.page_fields import Networks, ReadPage, decided, without_words
from formreader.reading.page_places import (
    as_on_form,
    crop_digit,
    crop_number,
    crop_rows,
    given_places,
    lay_upright,
    notice_of,
)
from formreader.reading.page_task import PageTask
from formreader.reading.typed_fields import with_all_typed, with_typed
from formreader.recognise.page_orientation import Orientation, quarters_of, without_further_turn
from formreader.recognise.recogniser import Recogniser
from formreader.rules.form_rules import FormRules
from formreader.template.form_book import loaded_book
from formreader.template.placed_fields import PlacedFields, place_fields

CropTasks: TypeAlias = Callable[[Sequence[PageTask]], Sequence[PageCrops]]
"""Crops the pages of some tasks, in their order."""


def read_page(
    task: PageTask,
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
    decode: Callable[[], Page] | None = None,
) -> tuple[PageCrops, PageReading]:
    """Read one page; `decode` gives its pixels, if not its file does. The rest as `read_pages`."""

    def crop(tasks: Sequence[PageTask]) -> list[PageCrops]:
        return [crop_task(one, decode) for one in tasks]

    pages = zip([task], crop([task]), strict=True)
    (read,) = read_pages(pages, recogniser, options, stopwatch, crop)
    return read


def crop_task(task: PageTask, decode: Callable[[], Page] | None = None) -> PageCrops:
    """Decode a page and crop its fields; any fault becomes the page's `error`."""
    if task.error:
        return task.failed(task.error)
    stopwatch = Stopwatch()
    decode = decode or partial(read_file, task.file, task.number, with_lines=task.keep_copy)
    try:
        with stopwatch.stage("decode"):
            page = decode()
        return crop_page(page, task, stopwatch)
    except Exception as error:  # one page never ends the batch
        return task.faulty(error)


def crop_page(page: Page, task: PageTask, stopwatch: Stopwatch) -> PageCrops:
    """Crop the fields of a decoded page: those of its form if it is a known one, else all found."""
    if task.kind != "page":
        return crop_digit(page) if task.kind == "digit" else crop_number(page)
    pyramid = Pyramid(page.image)
    upright = lay_upright(pyramid, task, stopwatch)
    straight, form, look = upright.straight, upright.form, upright.look
    with stopwatch.stage("find"):
        if form is None:
            found, missed = find_fields(straight), find_places(look().maps)
            near = [*found.places, *chain(*(one.on_page(straight) for one in missed))]
            closer = look_closer(look(), pyramid, near)
            placed, places = PlacedFields(), with_missed(found, missed, closer, straight)
            places = places.within(pyramid.shape)
        else:
            placed = place_fields(straight, form, pyramid.shape)
            places = given_places(placed)
            known = straight.image, form.printed_on(straight.image)
            closer = look_closer(look(), pyramid, places.places, known)
    with stopwatch.stage("crop"):
        boxes = [box for row in places.rows for box in row]
        clean = without_print(pyramid, closer, boxes)
        fields = crop_rows(clean, places.rows, placed.known)
        fields += cut_cells(pyramid, closer.writing, places.cells) if places.cells else []
        if form is None:
            fields = in_reading_order(straight, with_all_typed(fields, page.form_fields))
        else:
            fields = with_typed(as_on_form(placed, fields), page.form_fields)
        fields = [replace(field, thumbnail=draw_thumbnail(pyramid, field)) for field in fields]
    return PageCrops(
        page.file,
        page.number,
        tuple(fields),
        notice=notice_of(places, fields, page, task, upright.nearest) if form is None else "",
        discarded=places.discarded,
        seconds=stopwatch.stages,
        form="" if form is None else form.form.template.name,
        upright=upright.by_print,
        copy=_copy(straight, fields, page) if task.keep_copy and form is None else None,
    )


def read_pages(
    pages: Iterable[tuple[PageTask, PageCrops]],
    recogniser: Recogniser,
    options: ScanOptions,
    stopwatch: Stopwatch,
    crop: CropTasks | None = None,
) -> Iterator[tuple[PageCrops, PageReading]]:
    """Read pages, in their order, in batches of `options.batch` crops across pages.

    Pages that are found to be turned are cropped again by `crop`; where it is None all pages are
    read as they are. The networks' time counts as the stage "recognise" of `stopwatch`.

    Raises:
        ModelError: the model's calibration cannot promise `options.max_error`.
    """
    networks = Networks.of(recogniser, options.second_reader, stopwatch)
    thresholds = networks.acceptance(options).thresholds
    for group in _groups(pages, options.batch):
        read = networks.read([page for _, page in group])
        lying = [Orientation()] * len(group)
        if crop is not None:
            read, lying = _turned(read, [task for task, _ in group], networks, crop)
        # Not before the turns: turned digits look like non-digits.
        for (task, _), one, orientation in zip(group, read, lying, strict=True):
            page = networks.settled(without_words(networks.in_one_hand(one)))
            yield page.crops, decided(page, orientation, thresholds, _rules(page.page, task))


def _turned(
    read: list[ReadPage], tasks: Sequence[PageTask], networks: Networks, crop: CropTasks
) -> tuple[list[ReadPage], list[Orientation]]:
    """The pages, those that lie on their side or upside down read again; and how each lies."""
    upright = Orientation()  # as its form or its print has shown
    found = [
        upright if page.page.form or page.page.upright else networks.orientation(page)
        for page in read
    ]
    turned = [i for i, orientation in enumerate(found) if orientation.quarters]
    if not turned:
        return read, found
    again = crop([replace(tasks[i], quarters=_upright(read[i], found[i])) for i in turned])
    for i, page in zip(turned, networks.read(again), strict=True):
        read[i], found[i] = page, without_further_turn(networks.orientation(page))
    return read, found


def _upright(read: ReadPage, found: Orientation) -> int:
    """Quarter turns clockwise that bring the stored page upright, earlier turns included."""
    return (quarters_of([one.field for one in read.fields]) + found.quarters) % 4


def _rules(page: PageCrops, task: PageTask) -> FormRules | None:
    """The rules of a page's form; forms that a scan learns have none."""
    if not page.form or task.forms is not None:
        return None
    return loaded_book(task.templates).rules.get(page.form)


def _copy(straight: StraightPage, fields: Sequence[FieldCrops], page: Page) -> StraightCopy:
    """The straight copy of a page whose fields were cropped."""
    blank = tuple(one.cell for one in fields if one.cell is not None and one.blank.all())
    png = cv2.imencode(".png", straight.image)[1].tobytes()
    return StraightCopy(png, straight.to_page, blank, page.form_fields, page.lines)


def _groups(
    pages: Iterable[tuple[PageTask, PageCrops]], crops: int
) -> Iterator[list[tuple[PageTask, PageCrops]]]:
    """Groups of pages with at least `crops` crops with ink; the last group may have fewer."""
    group: list[tuple[PageTask, PageCrops]] = []
    grouped_crops = 0
    for task, page in pages:
        group.append((task, page))
        grouped_crops += sum(int(np.count_nonzero(~field.blank)) for field in page.fields)
        if grouped_crops >= crops:
            yield group
            group, grouped_crops = [], 0
    if group:
        yield group
