"""`formreader train` and `formreader improve`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, get_args

import click

from formreader.cli.error_handling import Command, check_full_installation
from formreader.cli.progress import TrainDisplay
from formreader.cli.shared_options import (
    TRAIN,
    option,
    seed_option,
    sets_option,
    with_options,
    writers_option,
)
from formreader.core.errors import ExitCode
from formreader.core.locations import as_place
from formreader.core.options import Architecture, ImproveOptions, TrainOptions

if TYPE_CHECKING:
    from formreader.training.evaluate.handover import Compared, Judged
    from formreader.training.improve_model import Improvement

_IMPROVE = ImproveOptions(())


@click.command(cls=Command)
@option(TRAIN, "out", "Folder for the model.", metavar="FOLDER")
@option(TRAIN, "arch", "Architecture of the network.", type=click.Choice(get_args(Architecture)))
@sets_option
@option(
    TRAIN, "pages",
    "Number of forms to draw and read; their digits are added to the training data.", metavar="N",
)  # fmt: skip
@option(
    TRAIN, "augment", "Vary the digits as other hands, pens and scanners do.",
    "--augment/--no-augment",
)  # fmt: skip
@option(TRAIN, "epochs", "Maximum number of passes through the training data.", metavar="N")
@option(TRAIN, "patience", "Stop after this many epochs without improvement.", metavar="N")
@option(TRAIN, "batch", "Number of crops in a training step.", metavar="N")
@option(TRAIN, "learning_rate", "Highest learning rate.", metavar="R")
@option(
    TRAIN, "averaging", "Momentum of the moving average of the weights; 0 for none.", metavar="M"
)
@option(
    TRAIN, "smoothing",
    "Label smoothing: share of each label that is spread over all classes.", metavar="SHARE",
)  # fmt: skip
@option(
    TRAIN, "validation", "Share of the writers held out to choose the best epoch.",
    metavar="SHARE",
)  # fmt: skip
@option(
    TRAIN, "minutes",
    "Train the best that fits into this time: at most --pages and --epochs, fewer as needed.",
    metavar="M",
)  # fmt: skip
@writers_option
@option(
    TRAIN, "nondigits", "Your own examples of marks that are not digits (.npz).", metavar="FILE"
)
@option(
    TRAIN, "root",
    "Folder that the pages of a corrections.csv may lie in.  [default: its own]",
    metavar="FOLDER",
)  # fmt: skip
@option(
    TRAIN, "base", "Start from the weights of this model (a name or a folder).", "--from",
    metavar="MODEL",
)  # fmt: skip
@option(
    TRAIN, "fresh", "Start afresh, even if an interrupted training could continue.",
    is_flag=True, show_default=False,
)  # fmt: skip
@seed_option
@with_options(TrainOptions)
def train(options: TrainOptions, quiet: bool) -> ExitCode:
    """Train a network and write it as a model folder for --model.

    After an interruption, give the same command again: it continues the training.

    \b
    Examples:
      formreader train --augment
      formreader train --augment --minutes 15
      formreader train --no-augment --epochs 5 --out models/plain
      formreader train --from digits --epochs 3 --learning-rate 0.0003
      formreader train --data mnist --data corrections.csv --from digits
    """
    check_full_installation()
    from formreader.training.train_model import train as train_model

    with closing(TrainDisplay(quiet)) as display:
        folder = train_model(options, display)
    if not quiet:
        click.echo(folder)
    return ExitCode.DONE


@click.command(cls=Command)
@click.argument("jobs", nargs=-1, required=True, metavar="RESULTS...", type=as_place)
@option(
    _IMPROVE, "out", "Folder for the model; a model that is there is replaced by a better.",
    metavar="FOLDER",
)  # fmt: skip
@option(
    _IMPROVE, "model", "Model to start from.  [default: the shipped one, if it read the pages]",
    metavar="FOLDER", type=str,
)  # fmt: skip
@option(
    _IMPROVE, "writers",
    "Who wrote what: a CSV of file, as in the results, and writer. Then no writer's pages are "
    "both trained and judged on.",
    metavar="FILE",
)  # fmt: skip
@seed_option
@with_options(ImproveOptions)
def improve(options: ImproveOptions, quiet: bool) -> ExitCode:
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
    check_full_installation()
    from formreader.training.improve_model import improve as improve_model

    with closing(TrainDisplay(quiet)) as display:
        found = improve_model(options, display)
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
