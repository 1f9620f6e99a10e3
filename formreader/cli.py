"""The command line. Rooms are imported inside the commands, so that help comes at once."""

from __future__ import annotations

import csv
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

import formreader
from formreader.errors import ExitCode
from formreader.options import Device, Rows, ScanOptions, TrainOptions
from formreader.program import SCAN, Program, model_options, set_up_logging, verbosity_options
from formreader.progress import ScanDisplay, TrainDisplay, tell

if TYPE_CHECKING:
    from types import FrameType

    from formreader.pipeline import ScanSummary

TRAIN = TrainOptions()

PREDICT_COLUMNS = ("file", "digit", "confidence", "status", "second", "second_confidence")


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(formreader.__version__, "--version", prog_name="formreader")
def main() -> None:
    """Read handwritten digits in the boxes of scanned forms.

    \b
    Examples:
      formreader scan scans/ --out results.csv
      formreader predict digit.png
      formreader train --augment --out models/own
    """


@verbosity_options
@model_options
@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...")
@click.option(
    "--out", type=click.Path(path_type=Path), default=SCAN.out, metavar="FILE", show_default=True,
    help="Table of what was read, as CSV.",
)  # fmt: skip
@click.option(
    "--rows", type=click.Choice(get_args(Rows)), default=SCAN.rows, show_default=True,
    help="Whether a row of the table is a field or a single digit.",
)  # fmt: skip
@click.option(
    "--report", metavar="FILE|none", default=SCAN.report,
    help="Page for reviewing doubtful digits.  [default: beside the table, as .html]",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), default=SCAN.workers, metavar="N",
    show_default="one a core", help="Processes that work on pages.",
)  # fmt: skip
@click.option(
    "--fresh",
    is_flag=True,
    default=SCAN.fresh,
    help="Begin anew, not where an earlier scan stopped.",
)
@click.option(
    "--debug", type=click.Path(path_type=Path), default=SCAN.debug, metavar="FOLDER",
    help="Write each page with the boxes found and the digits read drawn on it.",
)  # fmt: skip
def scan(
    paths: tuple[str, ...],
    out: Path,
    rows: Rows,
    report: str | None,
    workers: int,
    fresh: bool,
    debug: Path | None,
    review_below: float,
    model: str,
    device: Device,
    batch: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Read all forms in files, folders and patterns.

    PATHS are PNG, JPEG, TIFF, WebP, BMP and PDF files, folders with such files
    (and folders in them), or patterns in quotes. The table goes to --out, the
    doubtful digits to a report beside it that any browser opens.

    \b
    Examples:
      formreader scan scans/
      formreader scan march/*.pdf april/ --out spring.csv
      formreader scan form.jpg --rows digit --review-below 0.99
      formreader scan scans/ --debug overlays/
    """
    set_up_logging(verbose, quiet)
    options = ScanOptions(
        paths, out, rows, review_below, model, report, workers, device, batch, fresh, debug
    )
    from formreader import pipeline

    display = ScanDisplay(quiet)
    with closing(display), _stop_on_signal(display):
        summary = pipeline.scan(options, display)
    if not quiet:
        _tell_summary(summary, verbose)
        for path in (summary.out, summary.report):
            if path is not None:
                click.echo(path)
    if summary.interrupted:
        tell(f"interrupted after {summary.pages} pages; these are in {summary.out}")
        return ExitCode.INTERRUPTED
    return ExitCode.PAGES_FAILED if summary.failed else ExitCode.DONE


@verbosity_options
@model_options
@main.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
def predict(
    images: tuple[str, ...],
    review_below: float,
    model: str,
    device: Device,
    batch: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Read single digits: images that show one digit each, with or without its box.

    Prints a table with a row an image.

    \b
    Examples:
      formreader predict seven.png
      formreader predict crops/*.png > digits.csv
    """
    set_up_logging(verbose, quiet)
    options = ScanOptions(
        images, review_below=review_below, model=model, device=device, batch=batch
    )
    from formreader.results.table import DIGIT_HEADER, digit_rows
    from formreader.single_images import read_images

    table = csv.DictWriter(sys.stdout, PREDICT_COLUMNS, extrasaction="ignore", lineterminator="\n")
    readings = read_images(options)
    failed = False
    table.writeheader()
    for reading in readings:
        for row in digit_rows(reading):
            table.writerow(dict(zip(DIGIT_HEADER.split(","), row, strict=True)))
        if reading.error:
            failed = True
            tell(f"{reading.file}: {reading.error}")
    return ExitCode.PAGES_FAILED if failed else ExitCode.DONE


@verbosity_options
@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=TRAIN.out, metavar="FOLDER",
    show_default=True, help="Where the model goes.",
)  # fmt: skip
@click.option(
    "--augment/--no-augment", default=TRAIN.augment, show_default=True,
    help="Vary the digits as other hands, pens and scanners do.",
)  # fmt: skip
@click.option(
    "--epochs", type=click.IntRange(min=1), default=TRAIN.epochs, metavar="N", show_default=True,
    help="Most passes through the training data.",
)  # fmt: skip
@click.option(
    "--patience", type=click.IntRange(min=1), default=TRAIN.patience, metavar="N",
    show_default=True, help="Stop after so many epochs that are no better.",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(min=1), default=TRAIN.batch, metavar="N", show_default=True,
    help="Crops a training step.",
)  # fmt: skip
@click.option(
    "--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=TRAIN.learning_rate,
    metavar="R", show_default=True, help="Highest learning rate.",
)  # fmt: skip
@click.option(
    "--validation", type=click.FloatRange(0.001, 0.9), default=TRAIN.validation, metavar="SHARE",
    show_default=True, help="Share of the writers held out to choose the best epoch.",
)  # fmt: skip
@click.option(
    "--writers", type=click.Path(path_type=Path), default=TRAIN.writers, metavar="FILE",
    help="Who wrote each MNIST digit (.npz), so that no writer is on both sides.",
)  # fmt: skip
@click.option(
    "--nondigits", type=click.Path(path_type=Path), default=TRAIN.nondigits, metavar="FILE",
    help="Own examples of marks that are no digits (.npz).",
)  # fmt: skip
@click.option(
    "--from", "base", default=TRAIN.base, metavar="MODEL",
    help="Go on from the weights of this model (a name or a folder).",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=TRAIN.seed, metavar="N", show_default=True,
    help="The same seed gives the same model on the same machine.",
)  # fmt: skip
def train(
    out: Path,
    augment: bool,
    epochs: int,
    patience: int,
    batch: int,
    learning_rate: float,
    validation: float,
    writers: Path | None,
    nondigits: Path | None,
    base: str | None,
    seed: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Train a network on MNIST and write it as a model folder for --model.

    \b
    Examples:
      formreader train --augment
      formreader train --no-augment --epochs 5 --out models/plain
      formreader train --from digits --epochs 3 --learning-rate 0.0003
    """
    set_up_logging(verbose, quiet)
    options = TrainOptions(
        out, augment, epochs, batch, learning_rate, validation, patience, seed, writers, nondigits,
        base,
    )  # fmt: skip
    from formreader.training.train import train as train_model

    display = TrainDisplay(quiet)
    with closing(display):
        folder = train_model(options, display)
    if not quiet:
        click.echo(folder)
    return ExitCode.DONE


@contextmanager
def _stop_on_signal(display: ScanDisplay) -> Iterator[None]:
    """Lets Ctrl-C and SIGTERM end a scan after the page under way; twice ends it at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if display.stop_asked:
            raise KeyboardInterrupt
        display.stop_asked = True
        # A handler may interrupt a print, which then must not be entered again.
        os.write(2, b"\nformreader: stopping; what is done will be saved\n")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_summary(summary: ScanSummary, verbose: bool) -> None:
    speed = summary.pages / max(summary.seconds, 1e-9)
    tell(
        f"{_count(summary.pages, 'page')}, {_count(summary.fields, 'field')}, "
        f"{_count(summary.digits, 'digit')}, {_count(summary.blank, 'blank box', 'blank boxes')} "
        f"in {summary.seconds:.1f} s ({speed:.1f} pages/s)"
    )
    where = f" in {summary.report}" if summary.report and summary.review else ""
    tell(f"{_count(summary.review, 'digit')} to review{where}")
    if summary.failed:
        tell(f"{_count(summary.failed, 'page')} could not be read: status error in the table")
    if summary.skipped:
        others = ("file of another kind was", "files of other kinds were")
        tell(f"{_count(summary.skipped, *others)} left alone")
    if verbose:
        for stage, seconds in summary.stages.items():
            tell(f"{stage}: {1000 * seconds / max(summary.pages, 1):.1f} ms a page")


def _count(n: int, one: str, more: str = "") -> str:
    return f"{n:,} {one if n == 1 else more or f'{one}s'}"
