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
)
from formreader.core.errors import ExitCode
from formreader.core.options import Device, ScanOptions

PREDICT_COLUMNS = ("file", "digit", "confidence", "status", "second", "second_confidence")


@verbosity_options
@reading_options
@click.command(cls=Command)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
def predict(
    images: tuple[str, ...],
    review_below: float,
    max_error: float | None,
    model: str,
    device: Device,
    batch: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Read images of single digits, with or without a box around each.

    Prints a table with one row for each image.

    \b
    Examples:
      formreader predict seven.png
      formreader predict crops/*.png > digits.csv
    """
    set_up_logging(verbose, quiet)
    check_one_threshold(max_error)
    options = ScanOptions(
        images,
        review_below=review_below,
        model=model,
        device=device,
        batch=batch,
        max_error=max_error,
    )
    from formreader.batch.single_images import read_images
    from formreader.output.columns import DIGIT_HEADER
    from formreader.output.table import digit_rows

    table = csv.DictWriter(sys.stdout, PREDICT_COLUMNS, extrasaction="ignore", lineterminator="\n")
    readings = read_images(options)
    failed = False
    table.writeheader()
    for reading in readings:
        for row in digit_rows(reading):
            table.writerow(dict(zip(DIGIT_HEADER.split(","), row, strict=True)))
        if reading.error:
            failed = True
            print_message(f"{reading.file}: {reading.error}")
    return ExitCode.PAGES_FAILED if failed else ExitCode.DONE
