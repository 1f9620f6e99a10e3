"""`formreader scan`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from formreader.batch.worker_process import WORKER_IMPORTS, start_early
from formreader.cli.error_handling import Command, check_one_threshold, set_up_logging
from formreader.cli.progress import ScanDisplay, duration, print_message
from formreader.cli.shared_options import (
    SCAN,
    memory_option,
    number,
    page_timeout_option,
    reading_options,
    verbosity_options,
    workers_option,
)
from formreader.cli.stop_signals import stop_on_signal
from formreader.core.errors import ExitCode
from formreader.core.locations import STANDARD_OUTPUT, Place, as_place
from formreader.core.options import Device, Rows, SecondReaderName

if TYPE_CHECKING:
    from formreader.batch.scan_job import ScanSummary


def _template(text: str) -> Path | Literal["auto"]:
    """What --template names; a folder called auto is ./auto."""
    return "auto" if text == "auto" else Path(text)


_WORKERS_STAGES = ("decode", "straighten", "find", "crop")


@verbosity_options
@reading_options
@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...")
@click.option(
    "--out", type=as_place, default=SCAN.out, metavar="FILE", show_default=True,
    help="Table of the results: .csv, .jsonl, .parquet or .xlsx, on this machine or at a URL; "
    "- prints it as CSV and saves nothing.",
)  # fmt: skip
@click.option(
    "--rows", type=click.Choice(get_args(Rows)), default=SCAN.rows, show_default=True,
    help="What one row of the table is: a field, a single digit or, with --template, a page.",
)  # fmt: skip
@click.option(
    "--template", type=_template, default=SCAN.template, metavar="FOLDER|auto",
    help="Template of the form, or folder of templates: fields are read where the form has them, "
    "and have names (see formreader template). auto learns the forms from the pages themselves, "
    "and keeps the templates beside the table.",
)  # fmt: skip
@click.option(
    "--split-forms/--one-table", default=SCAN.split_forms,
    help="With --rows page: write one table for each form, results.FORM.csv beside --out, which "
    "then has the pages of no known form; or one for all forms.  [default: --split-forms where the "
    "pages are of several forms]",
)  # fmt: skip
@click.option(
    "--report", metavar="FILE|none", default=SCAN.report,
    help="Report for reviewing doubtful digits; none for no report.  [default: beside the table, "
    "as .html]",
)  # fmt: skip
@workers_option
@click.option(
    "--fresh",
    is_flag=True,
    default=SCAN.fresh,
    help="Start afresh: discard what earlier scans into the same table read.",
)
@page_timeout_option
@memory_option
@click.option(
    "--max-pages", type=number("max_pages"), default=SCAN.max_pages, metavar="N",
    show_default=True, help="A file with more pages is not read.",
)  # fmt: skip
@click.option(
    "--max-size", type=number("max_size"), default=SCAN.max_size, metavar="GIB",
    show_default=True, help="A file that is larger, in GiB, is not read.",
)  # fmt: skip
@click.option(
    "--cluster", default=SCAN.cluster, metavar="ADDRESS",
    help="Read the pages on the workers of this Dask scheduler, such as tcp://host:8786.",
)  # fmt: skip
@click.option(
    "--tls-ca-file", type=click.Path(path_type=Path), default=SCAN.tls_ca_file, metavar="FILE",
    help="Certificate (PEM) of the authority that the cluster's machines trust, for tls:// ones.",
)  # fmt: skip
@click.option(
    "--tls-cert", type=click.Path(path_type=Path), default=SCAN.tls_cert, metavar="FILE",
    help="This machine's certificate (PEM) for the cluster.",
)  # fmt: skip
@click.option(
    "--tls-key", type=click.Path(path_type=Path), default=SCAN.tls_key, metavar="FILE",
    help="The key (PEM) of --tls-cert.",
)  # fmt: skip
@click.option(
    "--log-json", type=click.Path(path_type=Path), default=SCAN.log_json, metavar="FILE",
    help="Write a line for each page when it is done: a JSON object with its times and counts.",
)  # fmt: skip
@click.option(
    "--debug", type=click.Path(path_type=Path), default=SCAN.debug, metavar="FOLDER",
    help="Write a picture of each page with its boxes and readings drawn on it; not of pages that "
    "an earlier scan read.",
)  # fmt: skip
def scan(
    paths: tuple[str, ...],
    out: Place,
    rows: Rows,
    template: Path | Literal["auto"] | None,
    split_forms: bool | None,
    report: str | None,
    workers: int,
    fresh: bool,
    page_timeout: float,
    memory: float | None,
    max_pages: int,
    max_size: float,
    cluster: str | None,
    tls_ca_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    log_json: Path | None,
    debug: Path | None,
    review_below: float,
    max_error: float | None,
    second_reader: SecondReaderName | None,
    model: str,
    device: Device,
    batch: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Read the handwritten digits of all forms in files and folders.

    PATHS are PNG, JPEG, TIFF, WebP, BMP, HEIF and PDF files, folders with such files (also
    in folders inside them), patterns such as "scans/*.png", or URLs. Links to files and folders
    are followed, also out of a folder. The results are written to the table --out. A report for
    checking the doubtful digits is written beside it; open it in any browser.

    The work done is saved beside the table. After an interruption, or when files were added or
    changed, give the same command again: it reads only what is missing.

    \b
    Examples:
      formreader scan scans/
      formreader scan march/*.pdf april/ --out spring.csv
      formreader scan form.jpg --rows digit --review-below 0.99
      formreader scan scans/ --max-error 0.003
      formreader scan scans/ --debug overlays/
      formreader scan scans/ --template auto --rows page
      formreader scan scans/ --template templates/ --rows page
      formreader scan s3://office/march/ --out march.parquet
    """
    set_up_logging(verbose, quiet)
    check_one_threshold(max_error)
    display = ScanDisplay(quiet, verbose)
    with closing(display), stop_on_signal(display):
        if cluster is None:
            start_early(WORKER_IMPORTS)
        from formreader import api  # slow: signals must already be handled

        summary = api.scan(
            paths, out, rows=rows, review_below=review_below, max_error=max_error, model=model,
            report=report, workers=workers, device=device, batch=batch, fresh=fresh, debug=debug,
            page_timeout=page_timeout, cluster=cluster, tls_ca_file=tls_ca_file, tls_cert=tls_cert,
            tls_key=tls_key, log_json=log_json, memory=memory,
            max_pages=max_pages, max_size=max_size, template=template,
            split_forms=split_forms, second_reader=second_reader, progress=display,
        )  # fmt: skip
    if not quiet:
        for line in summary_lines(summary, verbose):
            print_message(line)
        for path in (summary.out, *summary.parts, summary.report):
            if path is not None and summary.out != STANDARD_OUTPUT:  # else the table stays alone
                click.echo(path)
    if summary.interrupted:
        print_message(_where_it_stopped(summary))
        return ExitCode.INTERRUPTED
    return ExitCode.PAGES_FAILED if summary.failed else ExitCode.DONE


def summary_lines(summary: ScanSummary, verbose: bool) -> Iterator[str]:
    """Yield the summary of a scan: three lines, and one for each unusual thing."""
    yield (
        f"{_count(summary.pages, 'page')} with {_count(summary.digits, 'digit')} in "
        f"{_count(summary.fields, 'field')}, in {duration(summary.seconds)}"
    )
    if not summary.digits:
        yield "No digits to check"
    elif summary.review:
        where = f": {summary.report}" if summary.report else ""
        accepted = summary.digits - summary.review
        yield f"{accepted:,} digits accepted; please check the other {summary.review:,}{where}"
    else:
        yield "All digits accepted; none to check"
    if summary.checked:
        yield f"Checked by people: {_count(summary.checked, 'digit')}"
    yield str(summary.acceptance)
    if summary.failed:
        yield (
            f"{_count(summary.failed, 'page')} could not be read: rows with status `error` say why"
        )
    if summary.rejudged:
        yield "The threshold has changed: what earlier scans read was judged anew, not read again"
    elif summary.read == 0 and not summary.interrupted:
        yield "Nothing has changed since the last scan, so no page was read again"
    elif summary.read + summary.duplicates < summary.pages:
        yield f"{_count(summary.read, 'page')} read now, the others by an earlier scan"
    if summary.duplicates:
        same = ("file has", "files have")
        yield f"{_count(summary.duplicates, *same)} the content of another, whose rows are repeated"
    if summary.skipped:
        others = ("file of another kind was", "files of other kinds were")
        yield f"{_count(summary.skipped, *others)} left alone"
    if verbose:
        yield summary.acceptance.figures()
        yield _where_time_went(summary)
        for stage, seconds in summary.stages.items():
            yield f"{stage}: {1000 * seconds / max(summary.read, 1):.1f} ms a page"


def _where_it_stopped(summary: ScanSummary) -> str:
    done = summary.pages - summary.duplicates  # `total` counts what is to be read
    stopped = f"interrupted after {done:,} of {_count(summary.total, 'page')}"
    if summary.out == STANDARD_OUTPUT:
        return f"{stopped}. A table that is printed cannot be continued: give --out a file for that"
    return f"{stopped}, which are in {summary.out}. The same command continues with the others"


def _where_time_went(summary: ScanSummary) -> str:
    """Return the seconds of each stage: of all workers together, and of this process."""
    workers = {stage: summary.stages[stage] for stage in _WORKERS_STAGES}
    own = {stage: s for stage, s in summary.stages.items() if stage not in workers}
    own["waiting for workers"] = max(0.0, summary.seconds - sum(own.values()))
    lists = (
        ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in part.items())
        for part in (workers, own)
    )
    return "seconds of the workers: {}; of this process: {}".format(*lists)


def _count(n: int, one: str, more: str = "") -> str:
    return f"{n:,} {one if n == 1 else more or f'{one}s'}"
