"""Options that are numbers: finite, in range, and refused in one way everywhere."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

import formreader
from formreader.cli.main import commands
from formreader.cli.template import template
from formreader.core.errors import ExitCode, UsageError
from formreader.core.options import (
    NUMBER_RANGES,
    SCAN_OPTIONS,
    CompareOptions,
    EvaluateOptions,
    ImproveOptions,
    InspectOptions,
    Option,
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


SCAN = ScanOptions(paths=())


def other_value(name: str) -> object:
    """A value of an option of a scan that is not its default."""
    default, choices = getattr(SCAN, name), SCAN_OPTIONS[name].choices
    if name in NUMBER_RANGES:
        return next(one for one in NUMBER_RANGES[name] if one != default)
    if choices:
        return next(one for one in choices if one != default)
    return not default if isinstance(default, bool) else Path("other")


@pytest.mark.parametrize("name", SCAN_OPTIONS)
def test_what_reads_is_given_the_options_that_matter_to_it(name: str) -> None:
    given = replace(SCAN, **{name: other_value(name)})
    assert given != SCAN
    assert given.for_reading() == (given if SCAN_OPTIONS[name].reads else SCAN)


def test_an_option_says_whether_it_matters_to_reading() -> None:
    """So that none is forgotten: there is no default."""
    with pytest.raises(TypeError, match="reads"):
        Option("Some help.")  # type: ignore[call-arg]
    declared = [one for one in fields(ScanOptions) if one.name != "paths"]
    assert [one.name for one in declared] == list(SCAN_OPTIONS)


def test_what_reads_uses_only_options_that_it_is_given() -> None:
    """Workers know the others by their defaults: a use would be silently wrong."""
    package = Path(formreader.__file__).parent
    used = set[str]()
    for path in [*package.glob("recognise/*.py"), package / "batch/worker_reading.py"]:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            # `WorkerReading.of` sees all options, and decides whether workers read.
            if isinstance(function, ast.FunctionDef) and function.name != "of":
                used |= {
                    node.attr
                    for node in ast.walk(function)
                    if isinstance(node, ast.Attribute)
                    and ast.unparse(node.value) in ("options", "self.options")
                }
    assert {"batch", "max_error", "model", "review_below", "rows", "second_reader"} <= used
    assert [
        name for name in sorted(used & SCAN_OPTIONS.keys()) if not SCAN_OPTIONS[name].reads
    ] == []
