"""Reads images of single digits, without a form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from formreader.batch.page_work import PageTask, failed_page
from formreader.core.errors import PageError
from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, FieldCrops, InputFile, PageCrops, PageReading
from formreader.core.stopwatch import Stopwatch
from formreader.crop.box_crops import crop_single
from formreader.input.input_files import check_exists
from formreader.input.open_page import read_page
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.page_reading import read_pages


def read_images(options: ScanOptions) -> Iterator[PageReading]:
    """Return the readings of the images `options.paths`: each a page with one field of one box.

    An image that cannot be read has `error` set.

    Raises:
        NoInputError: a path does not exist; then nothing is read.
        ModelError: the model is missing or damaged.
        UsageError: there is no such device.
    """
    for path in options.paths:
        check_exists(path)
    recogniser = load_recogniser(options.model, options.device, options.batch)
    images = (_crop_image(PageTask(InputFile(path, path), 0)) for path in options.paths)
    return (reading for _, reading in read_pages(images, recogniser, options, Stopwatch()))


def _crop_image(task: PageTask) -> PageCrops:
    try:
        image = read_page(task.file, task.number).image
    except PageError as error:
        return failed_page(task, str(error).removeprefix(f"{task.name}: "))
    crop, is_blank = crop_single(image)
    height, width = image.shape
    box = DigitBox(((0, 0), (width, 0), (width, height), (0, height)))
    field = FieldCrops((box,), crop[np.newaxis], np.array([is_blank]))
    return PageCrops(task.file.label, task.number, (field,))
