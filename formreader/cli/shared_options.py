"""Options that several commands have, each declared once.

Each is a decorator, used below or above `@click.command`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import click

from formreader.core.options import (
    NUMBER_RANGES,
    Device,
    ScanOptions,
    SecondReaderName,
    TrainOptions,
)

SCAN = ScanOptions(paths=())
TRAIN = TrainOptions()


class _Finite(click.FloatRange):
    """A number in a range. NaN is none: no comparison with it holds, and so none refuses it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def number(option: str) -> click.IntRange | click.FloatRange:
    """The type of an option that is a number, by its name in `NUMBER_RANGES`: one for all."""
    least, most = NUMBER_RANGES[option]
    if isinstance(least, int) and isinstance(most, int):
        return click.IntRange(least, most)
    return _Finite(least, most)


model_option = click.option(
    "--model", default=SCAN.model, metavar="FOLDER", show_default=True,
    help="Name of a shipped model, or a folder that `formreader train` wrote.",
)  # fmt: skip

device_option = click.option(
    "--device", type=click.Choice(get_args(Device)), default=SCAN.device, show_default=True,
    help="Where the network runs; auto takes a GPU if TensorFlow can use one.",
)  # fmt: skip

batch_option = click.option(
    "--batch", type=number("batch"), default=SCAN.batch, metavar="N", show_default=True,
    help="Number of digits that the network reads at a time.",
)  # fmt: skip

workers_option = click.option(
    "--workers", type=number("workers"), default=SCAN.workers, metavar="N",
    show_default="one per core", help="Number of processes that read pages.",
)  # fmt: skip

page_timeout_option = click.option(
    "--page-timeout", type=number("page_timeout"), default=SCAN.page_timeout,
    metavar="S", show_default=True, help="Time limit in seconds; a page that takes longer fails.",
)  # fmt: skip

memory_option = click.option(
    "--memory", type=number("memory"), default=SCAN.memory, metavar="GIB",
    show_default="a share of the machine's memory",
    help="Limit of memory for each worker in GiB; a page that takes more fails.",
)  # fmt: skip

sets_option = click.option(
    "--data", multiple=True, default=TRAIN.data, metavar="SET", show_default="mnist",
    help="Digits to train on: mnist, an .npz, a folder with folders 0 to 9 of images, or a "
    "corrections.csv. May be given several times.",
)  # fmt: skip

writers_option = click.option(
    "--writers", type=click.Path(path_type=Path), default=TRAIN.writers, metavar="FILE",
    help="Writer of each MNIST digit (.npz): then no writer is in two parts of a split.",
)  # fmt: skip

seed_option = click.option(
    "--seed", type=number("seed"), default=TRAIN.seed, metavar="N", show_default=True,
    help="Seed of random numbers: the same seed gives the same result on the same machine.",
)  # fmt: skip


def verbosity_options(command: click.Command) -> click.Command:
    """Add the options -v and -q, which all commands have."""
    command.params += [
        click.Option(["-v", "--verbose"], is_flag=True, help="Print more details, also of errors."),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            help="Print only errors, and the figures or tables that the command is for.",
        ),
    ]
    return command


def reading_options(command: click.Command) -> click.Command:
    """Add the options that choose the model and which digits are marked for review."""
    review_below = click.option(
        "--review-below", type=number("review_below"), default=SCAN.review_below, metavar="P",
        show_default=True, help="Digits with a lower confidence are marked for review.",
    )  # fmt: skip
    max_error = click.option(
        "--max-error", type=number("max_error"),
        default=SCAN.max_error, metavar="E",
        help="Largest share of wrong values to allow among those not marked for review, such as "
        "0.01: of fields in a table of fields, of digits in a table of digits. The models' "
        "calibrations then choose the thresholds, instead of --review-below.",
    )  # fmt: skip
    second_reader = click.option(
        "--second-reader", type=click.Choice(get_args(SecondReaderName)),
        default=SCAN.second_reader,
        help="Ask this reader, which others made, about doubtful numbers in cells; needs "
        "pip install 'formreader[labels]'.",
    )  # fmt: skip
    chosen = (review_below, max_error, second_reader, model_option, device_option, batch_option)
    for option in chosen:
        command = option(command)
    return command
