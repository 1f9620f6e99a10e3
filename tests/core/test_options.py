"""Options that are numbers: finite, in range, and refused in one way everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import click
import pytest
from click.testing import Result

from formreader.cli.main import commands
from formreader.cli.template import template
from formreader.core.errors import ExitCode, UsageError
from formreader.core.options import (
    NUMBER_RANGES,
    CompareOptions,
    EvaluateOptions,
    ImproveOptions,
    InspectOptions,
    ScanOptions,
    ServeOptions,
    TrainOptions,
)

KINDS: tuple[tuple[Any, dict[str, object]], ...] = (
    (ScanOptions, {"paths": ()}),
    (ImproveOptions, {"jobs": ()}),
    *((one, {}) for one in (TrainOptions, ServeOptions, CompareOptions, EvaluateOptions)),
    (InspectOptions, {}),
)
NUMBERS = [
    (kind, given, field.name)
    for kind, given in KINDS
    for field in fields(kind)
    if field.name in NUMBER_RANGES
]


def outside(name: str) -> Iterator[float]:
    least, most = NUMBER_RANGES[name]
    yield from (math.nan, math.inf, -math.inf, most * 1.001 + 1, least - 1e-3 - abs(least), -1)


@pytest.mark.parametrize(("kind", "given", "name"), NUMBERS)
def test_a_number_out_of_range_is_refused(kind: Any, given: dict[str, object], name: str) -> None:
    for value in outside(name):
        with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} must be from"):
            kind(**given, **{name: value})
    for value in NUMBER_RANGES[name]:
        assert getattr(kind(**given, **{name: value}), name) == value


def options_of_commands() -> Iterator[tuple[str, click.Option]]:
    subcommands = [(f"template {one.name}", one) for one in template.commands.values()]
    for name, command in [*((str(one.name), one) for one in commands), *subcommands]:
        yield from ((name, one) for one in command.params if isinstance(one, click.Option))


def test_every_option_that_is_a_number_has_its_range() -> None:
    """None has a type of its own, which NaN may pass."""
    seen = set[str]()
    for command, option in options_of_commands():
        kind = option.type
        if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
            if option.is_flag or option.count:
                continue
            name = str(option.name)
            assert isinstance(kind, click.IntRange | click.FloatRange), f"{command} {name}"
            assert (kind.min, kind.max) == NUMBER_RANGES[name], f"{command} {name}"
            seen.add(name)
    assert {"max_error", "memory", "max_size", "page_timeout", "keep_days", "seed"} <= seen


@pytest.mark.parametrize(
    "choice",
    [
        ("--max-error", "1e-320"),
        ("--max-error", "nan"),
        ("--memory", "nan"),
        ("--memory", "1e-9"),
        ("--memory", "inf"),
        ("--max-size", "inf"),
        ("--max-size", "1e308"),
        ("--page-timeout", "nan"),
        ("--page-timeout", "-inf"),
        ("--review-below", "nan"),
        ("--batch", "9" * 30),
        ("--batch", "9" * 5000),
        ("--workers", "1e3"),
    ],
)
def test_a_number_that_is_none_is_wrong_use(
    program: Callable[..., Result], choice: tuple[str, str]
) -> None:
    done = program("scan", "nowhere", *choice)
    assert done.exit_code == ExitCode.USAGE, done.output
    assert f"Invalid value for '{choice[0]}'" in done.output
