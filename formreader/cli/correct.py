"""`formreader correct`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command, set_up_logging
from formreader.cli.progress import print_message
from formreader.cli.shared_options import scan_option, verbosity_options
from formreader.core.errors import ExitCode
from formreader.core.locations import Place, as_place

if TYPE_CHECKING:
    from formreader.review.correct_job import CorrectSummary
    from formreader.review.second_person import Comparison


@verbosity_options
@click.command(cls=Command)
@click.argument("corrections", nargs=-1, metavar="CORRECTIONS...", type=click.Path(path_type=Path))
@click.option(
    "--to", type=as_place, metavar="RESULTS",
    help="The table to correct.  [default: that of the job the corrections were saved from, "
    "beside them or in this folder]",
)  # fmt: skip
@click.option("--undo", is_flag=True, help="Take back the answers that were applied last.")
@click.option("--by", default="", metavar="NAME", help="Who answered; kept in the job.")
@click.option(
    "--replace", is_flag=True, help="Answers may replace earlier ones that say something else."
)
@click.option(
    "--second", type=click.Path(path_type=Path), metavar="FILE",
    help="Corrections of a second person who answered the same digits: only what both say alike "
    "is applied; a report shows where they differ.",
)  # fmt: skip
@scan_option(
    "language",
    help="Language of the table's messages and of the report, from now on.  [default: as the scan "
    "was told]",
)
def correct(
    corrections: tuple[Path, ...],
    to: Place | None,
    undo: bool,
    by: str,
    replace: bool,
    second: Path | None,
    language: str | None,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Put answers into the table: from the report, or from a table edited in a spreadsheet.

    CORRECTIONS are files that the report saved, or the table itself with values that you
    changed. Table and report are written anew; what was answered has the status `checked`. The
    same corrections again change nothing. Corrections that do not fit, or contradict one another,
    are listed, and nothing is changed.

    \b
    Examples:
      formreader correct corrections.csv
      formreader correct ann.csv ben.csv --to results.csv
      formreader correct results_edited.csv --to results.csv
      formreader correct ann.csv --second ben.csv
      formreader correct --undo --to results.csv
    """
    set_up_logging(verbose, quiet)
    from formreader.review.correct_job import CorrectOptions, correct

    summary = correct(CorrectOptions(corrections, to, undo, by, replace, second, language))
    if not quiet:
        for line in _lines(summary, undo):
            print_message(line)
        for path in (summary.out, *summary.parts, summary.report, summary.disputes):
            if path is not None:
                click.echo(path)
    return ExitCode.DONE


def _lines(summary: CorrectSummary, undo: bool) -> list[str]:
    answers = "1 answer" if summary.answers == 1 else f"{summary.answers:,} answers"
    lines = [f"{answers} taken back" if undo else f"{answers} applied"]
    if summary.known:
        lines[0] += f", {summary.known:,} known already"
    if summary.zeros_lost:
        lines.append(
            f"{summary.zeros_lost:,} values of the edited table lack only their leading zeros: the "
            "spreadsheet took them away, so they were left as they are. Import tables as text"
        )
    if summary.comparison is not None:
        lines += _comparison_lines(summary.comparison)
    left = "1 digit is" if summary.review == 1 else f"{summary.review:,} digits are"
    lines.append(f"{left} left to check" if summary.review else "Nothing is left to check")
    return lines


def _comparison_lines(found: Comparison) -> list[str]:
    kappa = "" if found.kappa is None else f"; Cohen's kappa {found.kappa:.4f}"
    both, differ = found.compared, len(found.disputed)
    lines = [
        f"Of {both:,} things that both answered they differ in {differ:,}{kappa}",
        f"If both err equally often, each errs in about {100 * found.error_share:.2g} % of answers",
    ]
    if found.disputed:
        lines.append("Where they differ nothing was applied: a third person decides in the report")
    if found.single:
        lines.append(f"{found.single:,} answers of only one of them were not applied")
    return lines
