"""`formreader predict`."""

from __future__ import annotations

import csv
import sys

import click

from formreader.cli.error_handling import Command, check_one_threshold, set_up_logging
from formreader.cli.progress import print_message
from formreader.cli.shared_options import (
    reading_options,
    verbosity_options,
    with_scan_options,
)
from formreader.core.errors import ExitCode
from formreader.core.options import ScanOptions

PREDICT_COLUMNS = ("file", "digit", "confidence", "status", "second", "second_confidence")
NUMBER_COLUMNS = ("file", "value", "confidence", "status", "cells", "lowest")
"""Columns of the table of digits, and of that of numbers: those of the same name in results."""


@verbosity_options
@reading_options
@click.command(cls=Command)
@click.option("--number", is_flag=True, help="Each image shows a whole number, not one digit.")
@click.argument("paths", nargs=-1, required=True, metavar="IMAGE...")
@with_scan_options
def predict(options: ScanOptions, number: bool, verbose: bool, quiet: bool) -> ExitCode:
    """Read images of single digits, with or without a box around each.

    With --number, read images of whole numbers, as they stand in the cells of forms. Prints a
    table with one row for each image.

    \b
    Examples:
      formreader predict seven.png
      formreader predict crops/*.png > digits.csv
      formreader predict --number amount.png
    """
    set_up_logging(verbose, quiet)
    check_one_threshold(options.max_error)
    from formreader.batch.single_images import read_images, read_number_images
    from formreader.output.table import TABLES

    columns = NUMBER_COLUMNS if number else PREDICT_COLUMNS
    header, rows_of = TABLES["field" if number else "digit"]
    table = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    readings = read_number_images(options) if number else read_images(options)
    failed = False
    table.writeheader()
    for reading in readings:
        for row in rows_of(reading, ""):
            table.writerow(dict(zip(header.split(","), row, strict=True)))
        if reading.error:
            failed = True
            print_message(f"{reading.file}: {reading.error}")
    return ExitCode.PAGES_FAILED if failed else ExitCode.DONE
