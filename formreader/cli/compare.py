"""`formreader compare`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.progress import TrainDisplay
from formreader.cli.shared_options import (
    number,
    seed_option,
    sets_option,
    verbosity_options,
    writers_option,
)
from formreader.core.errors import ExitCode
from formreader.core.options import CompareOptions, Method
from formreader.core.packages import start_keras

if TYPE_CHECKING:
    from formreader.training.evaluate.comparison import Result

COMPARE = CompareOptions()


@verbosity_options
@click.command(cls=Command)
@click.option(
    "--method", "methods", type=click.Choice(get_args(Method)), multiple=True,
    default=COMPARE.methods, show_default="all", help="Method to compare; also several times.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=COMPARE.out, metavar="FOLDER",
    show_default=True, help="Folder for the table and the picture.",
)  # fmt: skip
@sets_option
@click.option(
    "--examples", type=number("examples"), default=COMPARE.examples, metavar="N",
    show_default=True, help="Number of digits to train each method on; 0 for all.",
)  # fmt: skip
@click.option(
    "--epochs", type=number("epochs"), default=COMPARE.epochs, metavar="N",
    show_default=True, help="Number of times that the networks see all training digits.",
)  # fmt: skip
@click.option(
    "--batch", type=number("batch"), default=COMPARE.batch, metavar="N", show_default=True,
    help="Number of crops in a training step of the networks.",
)  # fmt: skip
@click.option(
    "--augment/--no-augment", default=COMPARE.augment, show_default=True,
    help="Vary the digits that the networks are trained on.",
)  # fmt: skip
@writers_option
@seed_option
def compare(
    methods: tuple[Method, ...],
    out: Path,
    data: tuple[str, ...],
    examples: int,
    epochs: int,
    batch: int,
    augment: bool,
    writers: Path | None,
    seed: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Train networks, nearest neighbours and an SVM on the same digits and compare them.

    All methods are tested on the same digits: MNIST's test set, and a tenth of each other set.
    Prints for each method: accuracy with its 95 % confidence interval, how many numbers it
    stores (weights of networks, examples of knn, support vectors of svm), seconds of training,
    and digits read per second on the CPU.

    \b
    Examples:
      formreader compare --examples 5000
      formreader compare --method cnn --method svm --epochs 10 --augment
    """
    set_up_logging(verbose, quiet)
    check_full_installation()
    options = CompareOptions(
        methods=methods, out=out, data=data, epochs=epochs, batch=batch, examples=examples,
        augment=augment, seed=seed, writers=writers,
    )  # fmt: skip
    start_keras()
    from formreader.training.evaluate.comparison import PICTURE, TABLE
    from formreader.training.evaluate.comparison import compare as compare_methods

    display = TrainDisplay(quiet)
    with closing(display):
        results = compare_methods(options, display)
    click.echo("\n".join(describe(results)))
    if not quiet:
        click.echo()
        click.echo(out / TABLE)
        click.echo(out / PICTURE)
    return ExitCode.DONE


def describe(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the table on the screen."""
    yield "method   accuracy  95 % confidence      wrong of        numbers  training   digits/s"
    for result in results:
        yield (
            f"{result.method:<8} {result.accuracy:>8.2%}  {result.low:.2%} to {result.high:.2%}"
            f" {result.errors:>6} {result.n:<6} {result.parameters:>12,}"
            f" {result.training_seconds:>7.1f} s {result.digits_per_second:>10,.0f}"
        )
