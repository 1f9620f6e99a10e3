"""Options that several commands have, each declared once.

Each decorates a function below `click.command`, or the command that this makes of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from formreader.core.options import Device, ScanOptions, TrainOptions

SCAN = ScanOptions(paths=())
TRAIN = TrainOptions()

model_option = click.option(
    "--model", default=SCAN.model, metavar="FOLDER", show_default=True,
    help="Name of a shipped model, or folder of one that `formreader train` wrote.",
)  # fmt: skip

device_option = click.option(
    "--device", type=click.Choice(get_args(Device)), default=SCAN.device, show_default=True,
    help="Where the network runs.",
)  # fmt: skip

batch_option = click.option(
    "--batch", type=click.IntRange(min=1), default=SCAN.batch, metavar="N", show_default=True,
    help="Crops that the network sees at a time.",
)  # fmt: skip

sets_option = click.option(
    "--data", multiple=True, default=TRAIN.data, metavar="SET", show_default="mnist",
    help="Digits to train on, also several times: mnist, an .npz, a folder of digit folders, "
    "or a corrections.csv.",
)  # fmt: skip

writers_option = click.option(
    "--writers", type=click.Path(path_type=Path), default=TRAIN.writers, metavar="FILE",
    help="Who wrote each MNIST digit (.npz), so that no writer is on both sides of a split.",
)  # fmt: skip

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=TRAIN.seed, metavar="N", show_default=True,
    help="The same seed gives the same result on the same machine.",
)  # fmt: skip


def verbosity_options(command: click.Command) -> click.Command:
    """The options -v and -q, which all commands have."""
    command.params += [
        click.Option(["-v", "--verbose"], is_flag=True, help="Tell more, also about faults."),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            help="Tell only what went wrong; figures and tables that are printed still are.",
        ),
    ]
    return command


def reading_options(command: click.Command) -> click.Command:
    """The options that choose what reads the crops, and what is for review."""
    review_below = click.option(
        "--review-below", type=click.FloatRange(0, 1), default=SCAN.review_below, metavar="P",
        show_default=True, help="Digits with a lower confidence than this are for review.",
    )  # fmt: skip
    max_error = click.option(
        "--max-error", type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=SCAN.max_error, metavar="E",
        help="Most of what is not for review that may be wrong, as a share: the model's "
        "calibration tells the confidence that keeps it.",
    )  # fmt: skip
    for option in (review_below, max_error, model_option, device_option, batch_option):
        command = option(command)
    return command
