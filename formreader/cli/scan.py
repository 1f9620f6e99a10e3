"""`formreader scan`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click

from formreader.batch.worker_process import WORKER_IMPORTS, start_early
from formreader.cli.error_handling import Command, check_one_threshold, is_verbose
from formreader.cli.progress import ScanDisplay, duration, print_message
from formreader.cli.shared_options import reading_options, scan_option, with_options
from formreader.cli.stop_signals import stop_on_signal
from formreader.core.errors import ExitCode
from formreader.core.locations import STANDARD_OUTPUT
from formreader.core.options import ScanOptions

if TYPE_CHECKING:
    from formreader.batch.scan_job import ScanSummary


_WORKERS_STAGES = ("decode", "straighten", "find", "crop")


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...")
@scan_option("out")
@scan_option("rows")
@scan_option("template")
@scan_option("split_forms")
@scan_option("report")
@scan_option("language")
@scan_option("workers")
@scan_option("fresh")
@scan_option("page_timeout")
@scan_option("memory")
@scan_option("max_pages")
@scan_option("max_size")
@scan_option("cluster")
@scan_option("tls_ca_file")
@scan_option("tls_cert")
@scan_option("tls_key")
@scan_option("log_json")
@scan_option("debug")
@reading_options
@with_options(ScanOptions)
def scan(options: ScanOptions, quiet: bool) -> ExitCode:
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
    check_one_threshold(options.max_error)
    verbose = is_verbose()
    display = ScanDisplay(quiet, verbose)
    with closing(display), stop_on_signal(display):
        if options.cluster is None:
            start_early(WORKER_IMPORTS)
        from formreader.batch import scan_job  # slow: signals must already be handled

        summary = scan_job.scan(options, display)
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
    if summary.carried.over:
        yield f"{_count(summary.carried.over, 'answer')} carried over from before"
    if summary.carried.lost and not summary.interrupted:
        lost = _count(summary.carried.lost, "answer")
        yield f"{lost} not carried over: no field or box is at that place now"
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
