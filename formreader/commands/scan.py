"""`formreader scan`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from formreader.errors import ExitCode
from formreader.options import Device, Rows, ScanOptions
from formreader.program import (
    SCAN,
    check_one_threshold,
    model_options,
    set_up_logging,
    verbosity_options,
)
from formreader.progress import ScanDisplay, tell

if TYPE_CHECKING:
    from types import FrameType

    from formreader.pipeline import ScanSummary


@verbosity_options
@model_options
@click.command()
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
    max_error: float | None,
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
      formreader scan scans/ --max-error 0.003
      formreader scan scans/ --debug overlays/
    """
    set_up_logging(verbose, quiet)
    check_one_threshold(max_error)
    options = ScanOptions(
        paths, out, rows, review_below, model, report, workers, device, batch, fresh, debug,
        max_error,
    )  # fmt: skip
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
    tell(str(summary.acceptance))
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
