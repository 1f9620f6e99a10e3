"""Options of commands as decorators: names, types and defaults come from `core/options.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from formreader.core.errors import ExitCode
from formreader.core.options import NUMBER_RANGES, SCAN_OPTIONS, Option, ScanOptions, TrainOptions
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


def option(
    defaults: object, name: str, told: str, *names: str, **other: Any
) -> Callable[[_Decorated], _Decorated]:
    """The option of a field of other options, which have its default.

    `told` is its help, `names` are those on the command line if they are not the field's, and
    `other` is what click shall know besides.
    """
    default = getattr(defaults, name)
    said: dict[str, Any] = {"default": default, "show_default": default is not None, "help": told}
    if name in NUMBER_RANGES:
        said["type"] = number(name)
    elif isinstance(default, Path) or other.get("metavar") in ("FILE", "FOLDER"):
        said["type"] = click.Path(path_type=Path)
    return click.option(*(names or [f"--{name.replace('_', '-')}"]), name, **(said | other))


def with_options(
    kind: type[Any], **missing: object
) -> Callable[[Callable[..., ExitCode]], Callable[..., ExitCode]]:
    """Give a command an object of `kind`, a dataclass, in place of the options that are its fields.

    `missing` are fields that this command has no option for. Several such objects come first among
    the command's arguments, in the order of the decorators.
    """

    def decorate(callback: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
        @wraps(callback)
        def gather(*before: object, **given: Any) -> ExitCode:
            own = {one.name: given.pop(one.name) for one in fields(kind) if one.name in given}
            return callback(*before, kind(**(missing | own)), **given)

        return gather

    return decorate


sets_option = option(
    TRAIN, "data",
    "Digits to train on: mnist, an .npz, a folder with folders 0 to 9 of images, or a "
    "corrections.csv. May be given several times.",
    multiple=True, metavar="SET", show_default="mnist",
)  # fmt: skip

writers_option = option(
    TRAIN, "writers",
    "Writer of each MNIST digit (.npz): then no writer is in two parts of a split.",
    metavar="FILE",
)  # fmt: skip

seed_option = option(
    TRAIN, "seed",
    "Seed of random numbers: the same seed gives the same result on the same machine.",
    metavar="N",
)  # fmt: skip


def reading_options(callback: _Decorated) -> _Decorated:
    """Add the options that choose the model and which digits are marked for review."""
    for name in ("batch", "device", "model", "second_reader", "max_error", "review_below"):
        callback = scan_option(name)(callback)
    return callback
