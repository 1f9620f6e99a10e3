"""Reads images of single digits and of single numbers, without a form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from formreader.batch.model_trial import load_tried
from formreader.batch.page_work import PageTask, without_faults
from formreader.core.image_pyramid import Pyramid
from formreader.core.options import ScanOptions
from formreader.core.records import (
    DigitBox,
    FieldCrops,
    InputFile,
    Page,
    PageCrops,
    PageReading,
)
from formreader.core.stopwatch import Stopwatch
from formreader.crop.box_crops import crop_single
from formreader.crop.number_strips import cut_cells
from formreader.crop.writing_map import WritingMap
from formreader.input.input_files import check_exists
from formreader.input.open_page import read_page
from formreader.recognise.arbitration import NO_NUMBER
from formreader.recognise.page_reading import read_pages


def read_images(options: ScanOptions) -> Iterator[PageReading]:
    """Return the readings of the images `options.paths`: each a page with one field of one box.

    An image that cannot be read has `error` set.

    Raises:
        NoInputError: a path does not exist; then nothing is read.
        ModelError: the model is missing or damaged.
        UsageError: there is no such device.
    """
    return _read_each(options, crop_digit)


def read_number_images(options: ScanOptions) -> Iterator[PageReading]:
    """Return the readings of the images `options.paths`: each a page with the number on it.

    Where there is no handwritten number, the page has no fields, and a notice. Errors are those of
    `read_images`.
    """
    for reading in _read_each(options, cut_number):
        yield reading if reading.fields or reading.error else replace(reading, notice=NO_NUMBER)


def _read_each(options: ScanOptions, cut: Callable[[Page], PageCrops]) -> Iterator[PageReading]:
    for path in options.paths:
        check_exists(path)
    recogniser = load_tried(options.model, options.device, options.batch)
    tasks = (PageTask(InputFile(path, path), 0) for path in options.paths)
    images = (without_faults(task, partial(_read_and_cut, task, cut)) for task in tasks)
    return (reading for _, reading in read_pages(images, recogniser, options, Stopwatch()))


def work_digit(task: PageTask) -> PageCrops:
    """Read an image of one digit and crop it; any fault becomes the `error`. For workers."""
    return without_faults(task, partial(_read_and_cut, task, crop_digit))


def work_number(task: PageTask) -> PageCrops:
    """Read an image of one number and cut it up; any fault becomes the `error`. For workers."""
    return without_faults(task, partial(_read_and_cut, task, cut_number))


def _read_and_cut(task: PageTask, cut: Callable[[Page], PageCrops]) -> PageCrops:
    return cut(read_page(task.file, task.number))


def crop_digit(page: Page) -> PageCrops:
    """Crop the digit that an image shows, with or without a box around it."""
    crop, is_blank = crop_single(page.image)
    field = FieldCrops((_whole(page),), crop[np.newaxis], np.array([is_blank]))
    return PageCrops(page.file, page.number, (field,))


def cut_number(page: Page) -> PageCrops:
    """Cut up the number that an image shows, with or without a printed cell around it."""
    writing = WritingMap.of_image(page.image)
    (field,) = cut_cells(Pyramid(page.image), writing, [_whole(page)])
    if field.blank.all():  # a blank cell without others beside it would be dropped
        field = replace(field, cell=None)
    return PageCrops(page.file, page.number, (field,))


def _whole(page: Page) -> DigitBox:
    """All of an image, as a box."""
    height, width = page.image.shape
    return DigitBox(((0, 0), (width, 0), (width, height), (0, height)))
