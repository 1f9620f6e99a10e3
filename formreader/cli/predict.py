"""`formreader predict`."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command, check_one_threshold
from formreader.cli.progress import print_message
from formreader.cli.shared_options import reading_options, with_options
from formreader.core.doubts import Doubt
from formreader.core.errors import ExitCode
from formreader.core.options import ScanOptions

if TYPE_CHECKING:
    from formreader.core.records import PageReading

PREDICT_COLUMNS = ("file", "digit", "confidence", "status", "second", "second_confidence")
NUMBER_COLUMNS = ("file", "value", "confidence", "status", "cells", "lowest")
"""Columns of the table of digits, and of that of numbers: those of the same name in results."""


@click.command(cls=Command)
@click.option("--number", is_flag=True, help="Each image shows a whole number, not one digit.")
@click.argument("paths", nargs=-1, required=True, metavar="IMAGE...")
@reading_options
@with_options(ScanOptions)
def predict(options: ScanOptions, number: bool, quiet: bool) -> ExitCode:
    """Read images of single digits, with or without a box around each.

    With --number, read images of whole numbers, as they stand in the cells of forms. Prints a
    table with one row for each image.

    \b
    Examples:
      formreader predict seven.png
      formreader predict crops/*.png > digits.csv
      formreader predict --number amount.png
    """
    check_one_threshold(options.max_error)
    from formreader.output.table import TABLES

    columns = NUMBER_COLUMNS if number else PREDICT_COLUMNS
    header, rows_of = TABLES["field" if number else "digit"]
    table = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    readings = _readings(options, number)
    failed = False
    table.writeheader()
    for reading in readings:
        for row in rows_of(reading, ""):
            table.writerow(dict(zip(header.split(","), row, strict=True)))
        if reading.error:
            failed = True
            print_message(f"{reading.file}: {reading.error}")
    return ExitCode.PAGES_FAILED if failed else ExitCode.DONE


def _readings(options: ScanOptions, number: bool) -> Iterator[PageReading]:
    """The readings of images of a digit or a number each: pages with one field.

    Where no number is written, the page has no fields, and a notice. One that cannot be read has
    `error` set.

    Raises:
        NoInputError: a path does not exist; then nothing is read.
        ModelError: the model is missing or damaged.
        UsageError: there is no such device.
    """
    from formreader.batch.network_cards import load_tried
    from formreader.core.records import InputFile
    from formreader.core.stopwatch import Stopwatch
    from formreader.input.input_files import check_exists
    from formreader.reading.one_page import crop_task, read_pages
    from formreader.reading.page_task import PageKind, PageTask

    for path in options.paths:
        check_exists(path)
    recogniser = load_tried(options.model, options.device, options.batch)
    kind: PageKind = "number" if number else "digit"
    tasks = (PageTask(InputFile(path, path), 0, kind=kind) for path in options.paths)
    pages = ((task, crop_task(task)) for task in tasks)
    read = (reading for _, reading in read_pages(pages, recogniser, options, Stopwatch()))
    return (
        replace(one, notice=Doubt.NO_WRITTEN_NUMBER)
        if number and not (one.fields or one.error)
        else one
        for one in read
    )
