"""`formreader improve`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.progress import TrainDisplay
from formreader.cli.shared_options import seed_option, verbosity_options
from formreader.core.errors import ExitCode
from formreader.core.locations import Place, as_place
from formreader.core.options import ImproveOptions

if TYPE_CHECKING:
    from formreader.training.evaluate.handover import Compared, Judged
    from formreader.training.improve_model import Improvement

_IMPROVE = ImproveOptions(())


@verbosity_options
@seed_option
@click.command(cls=Command)
@click.argument("jobs", nargs=-1, required=True, metavar="RESULTS...", type=as_place)
@click.option(
    "--out", type=click.Path(path_type=Path), default=_IMPROVE.out, metavar="FOLDER",
    show_default=True, help="Folder for the model; a model that is there is replaced by a better.",
)  # fmt: skip
@click.option(
    "--model", default=_IMPROVE.model, metavar="FOLDER",
    help="Model to start from.  [default: the shipped one, if it read the pages]",
)  # fmt: skip
@click.option(
    "--writers", type=click.Path(path_type=Path), default=_IMPROVE.writers, metavar="FILE",
    help="Who wrote what: a CSV of file, as in the results, and writer. Then no writer's pages are "
    "both trained and judged on.",
)  # fmt: skip
def improve(
    jobs: tuple[Place, ...],
    out: Path,
    model: str | None,
    writers: Path | None,
    seed: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Make a model that reads your pages better, from what people corrected.

    RESULTS are the tables of one or many scans with the jobs beside them, after `formreader
    correct`; the scans themselves are not needed. A part of the corrected pages is held back, and
    the model is only written if it accepts more digits of these rightly than the one that read
    them, errs no more among the accepted than its confidences say, and is not worse on MNIST's
    test set and on marks that are no digits. Otherwise it says why, and no model is written.

    Numbers in cells teach its digits too, where as many were read as people said. The
    network that reads numbers as a whole stays as it is.

    \b
    Examples:
      formreader improve results.csv --out models/own
      formreader improve june.csv july.csv --model models/own --out models/own
    """
    set_up_logging(verbose, quiet)
    check_full_installation()
    from formreader.training.improve_model import improve as improve_model

    display = TrainDisplay(quiet)
    with closing(display):
        found = improve_model(
            ImproveOptions(jobs, out=out, model=model, writers=writers, seed=seed), display
        )
    for line in _lines(found):
        click.echo(line, err=True)
    if found.folder is not None:
        click.echo(found.folder)
    return ExitCode.DONE


def _lines(found: Improvement) -> Iterator[str]:
    """What is told at the end, with -q too: the figures are what the command is for."""
    yield (
        f"{found.own.before.n:,} digits of {found.groups:,} held-back pages or writers, "
        f"{found.checked:,} of them checked by people, at --review-below {found.threshold:g}:"
    )
    yield from _both(found.own)
    for name, compared in found.elsewhere.items():
        yield f"{compared.before.n:,} {name}:"
        yield from _both(compared)
    if found.folder is None:
        yield f"No model was written, keep the one you have: {'; '.join(found.reasons)}"
    else:
        yield f"The new model is better. Scan with it: --model {found.folder}"


def _both(compared: Compared) -> Iterator[str]:
    yield f"  before: {_figures(compared.before)}"
    yield f"  after:  {_figures(compared.after)}"


def _figures(judged: Judged) -> str:
    right, accepted = int(judged.right.sum()), int(judged.accepted.sum())
    return (
        f"{right:,} right ({right / judged.n:.2%}), {accepted:,} accepted "
        f"({accepted / judged.n:.2%}), {int(judged.wrong.sum()):,} of these wrong"
    )
