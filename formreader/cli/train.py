"""`formreader train`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import get_args

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.progress import TrainDisplay
from formreader.cli.shared_options import (
    TRAIN,
    number,
    seed_option,
    sets_option,
    verbosity_options,
    writers_option,
)
from formreader.core.errors import ExitCode
from formreader.core.options import Architecture, TrainOptions


@verbosity_options
@click.command(cls=Command)
@click.option(
    "--out", type=click.Path(path_type=Path), default=TRAIN.out, metavar="FOLDER",
    show_default=True, help="Folder for the model.",
)  # fmt: skip
@click.option(
    "--arch", type=click.Choice(get_args(Architecture)), default=TRAIN.arch, show_default=True,
    help="Architecture of the network.",
)  # fmt: skip
@sets_option
@click.option(
    "--pages", type=number("pages"), default=TRAIN.pages, metavar="N", show_default=True,
    help="Number of forms to draw and read; their digits are added to the training data.",
)  # fmt: skip
@click.option(
    "--augment/--no-augment", default=TRAIN.augment, show_default=True,
    help="Vary the digits as other hands, pens and scanners do.",
)  # fmt: skip
@click.option(
    "--epochs", type=number("epochs"), default=TRAIN.epochs, metavar="N", show_default=True,
    help="Maximum number of passes through the training data.",
)  # fmt: skip
@click.option(
    "--patience", type=number("patience"), default=TRAIN.patience, metavar="N",
    show_default=True, help="Stop after this many epochs without improvement.",
)  # fmt: skip
@click.option(
    "--batch", type=number("batch"), default=TRAIN.batch, metavar="N", show_default=True,
    help="Number of crops in a training step.",
)  # fmt: skip
@click.option(
    "--learning-rate", type=number("learning_rate"), default=TRAIN.learning_rate,
    metavar="R", show_default=True, help="Highest learning rate.",
)  # fmt: skip
@click.option(
    "--averaging", type=number("averaging"), default=TRAIN.averaging,
    metavar="M", show_default=True,
    help="Momentum of the moving average of the weights; 0 for none.",
)  # fmt: skip
@click.option(
    "--smoothing", type=number("smoothing"), default=TRAIN.smoothing,
    metavar="SHARE", show_default=True,
    help="Label smoothing: share of each label that is spread over all classes.",
)  # fmt: skip
@click.option(
    "--validation", type=number("validation"), default=TRAIN.validation, metavar="SHARE",
    show_default=True, help="Share of the writers held out to choose the best epoch.",
)  # fmt: skip
@click.option(
    "--minutes", type=number("minutes"), default=TRAIN.minutes, metavar="M",
    help="Train the best that fits into this time: at most --pages and --epochs, fewer as needed.",
)  # fmt: skip
@writers_option
@click.option(
    "--nondigits", type=click.Path(path_type=Path), default=TRAIN.nondigits, metavar="FILE",
    help="Your own examples of marks that are not digits (.npz).",
)  # fmt: skip
@click.option(
    "--root", type=click.Path(path_type=Path), default=TRAIN.root, metavar="FOLDER",
    help="Folder that the pages of a corrections.csv may lie in.  [default: its own]",
)  # fmt: skip
@click.option(
    "--from", "base", default=TRAIN.base, metavar="MODEL",
    help="Start from the weights of this model (a name or a folder).",
)  # fmt: skip
@click.option(
    "--fresh",
    is_flag=True,
    default=TRAIN.fresh,
    help="Start afresh, even if an interrupted training could continue.",
)
@seed_option
def train(
    out: Path,
    arch: Architecture,
    data: tuple[str, ...],
    pages: int,
    augment: bool,
    epochs: int,
    patience: int,
    batch: int,
    learning_rate: float,
    averaging: float,
    smoothing: float,
    validation: float,
    minutes: float | None,
    writers: Path | None,
    nondigits: Path | None,
    root: Path | None,
    base: str | None,
    fresh: bool,
    seed: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
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
    set_up_logging(verbose, quiet)
    check_full_installation()
    options = TrainOptions(
        out=out, augment=augment, epochs=epochs, batch=batch, learning_rate=learning_rate,
        validation=validation, patience=patience, seed=seed, writers=writers,
        nondigits=nondigits, root=root, base=base, arch=arch, data=data, pages=pages,
        averaging=averaging, smoothing=smoothing, minutes=minutes, fresh=fresh,
    )  # fmt: skip
    from formreader.training.train_model import train as train_model

    display = TrainDisplay(quiet)
    with closing(display):
        folder = train_model(options, display)
    if not quiet:
        click.echo(folder)
    return ExitCode.DONE
