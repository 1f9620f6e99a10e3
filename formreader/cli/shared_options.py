"""Options that several commands have, each declared once.

Each is a decorator, used below or above `@click.command`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from formreader.core.errors import ExitCode
from formreader.core.options import (
    NUMBER_RANGES,
    SCAN_OPTIONS,
    Option,
    ScanOptions,
    TrainOptions,
)
from formreader.output.wording import languages

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)

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


def scan_option(name: str, **other: Any) -> Callable[[_Decorated], _Decorated]:
    """The option of a field of `ScanOptions`; `other` is what a command says otherwise of it."""
    option, default = SCAN_OPTIONS[name], getattr(SCAN, name)
    said: dict[str, Any] = {
        "default": default,
        "help": option.help,
        "show_default": option.default or (default is not None and default is not False),
    }
    if default is False:
        said["is_flag"] = True
    elif not option.negative:
        said |= {"type": _type(name, option), "metavar": option.metavar}
    names = f"--{name}/--{option.negative}" if option.negative else f"--{name}"
    return click.option(names.replace("_", "-"), **(said | other))


def _type(name: str, option: Option) -> Any:
    """How click checks the value of an option, and makes it from text."""
    if name in NUMBER_RANGES:
        return number(name)
    if name == "language":
        return click.Choice(languages())
    if option.choices:
        return click.Choice(option.choices)
    return click.Path(path_type=Path) if option.parse is Path else option.parse


def with_scan_options(callback: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """Give a command what it has of `ScanOptions` as its first argument, in place of each."""

    @wraps(callback)
    def gather(**given: Any) -> ExitCode:
        own = {name: given.pop(name) for name in ("paths", *SCAN_OPTIONS) if name in given}
        return callback(ScanOptions(**({"paths": ()} | own)), **given)

    return gather


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
    for name in ("review_below", "max_error", "second_reader", "model", "device", "batch"):
        command = scan_option(name)(command)
    return command
