"""What all commands share: logging, and the one place that catches exceptions."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

import click
from click.core import ParameterSource

from formreader.cli.progress import print_message
from formreader.cli.stop_signals import end_on_second_signal
from formreader.core.errors import ExitCode, FormreaderError, UsageError, is_disk_full
from formreader.core.packages import is_installed

_OPTIONS_ELSEWHERE = {
    "--threshold": "--review-below", "--confidence": "--review-below", "--min-confidence":
    "--review-below", "--output": "--out", "--result": "--out", "--results": "--out",
    "--error-rate": "--max-error", "--jobs": "--workers", "--processes": "--workers",
    "--timeout": "--page-timeout", "--format": "--out",
}  # fmt: skip
"""Options of other programs -> their names in this one."""

_NEVER_SUGGESTED = frozenset(("--fresh",))
"""Options that discard work: a typing error must not lead to them."""

_BEYOND_SCANNING = ("keras", "matplotlib", "onnx", "scipy", "sklearn", "tensorflow")
"""Packages that an installation for scanning alone does without."""

EXIT_CODES = """\b
Exit codes:
  0   done (digits to review are normal)
  1   a bug: please report it
  2   wrong usage
  3   no input found
  4   a template is missing or wrong
  5   the model is missing or damaged
  6   a result cannot be written
  10  done, but some pages could not be read
  130 interrupted; the work done so far is saved"""


class Command(click.Command):
    """A command with -v and -q, which suggests the right name of a mistyped option."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"epilog": EXIT_CODES} | settings)
        details = "Print more details, also of errors."
        self.params.append(click.Option(["-v", "--verbose"], is_flag=True, help=details))
        only = "Print only errors, and the figures or tables that the command is for."
        self.params.append(click.Option(["-q", "--quiet"], is_flag=True, help=only))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, with its log on stderr; -v shows details and tracebacks of faults.

        Raises:
            UsageError: both -v and -q are given.
        """
        verbose = ctx.params.pop("verbose")
        if verbose and ctx.params["quiet"]:
            raise UsageError("-v and -q contradict each other. Give only one of them")
        logging.basicConfig(format="%(name)s: %(message)s")
        logging.getLogger("formreader").setLevel(logging.DEBUG if verbose else logging.WARNING)
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = {name for parameter in self.get_params(ctx) for name in parameter.opts}
            message = f"There is no option {error.option_name}."
            if meant := _meant(error.option_name, known):
                message += f" Did you mean {meant}?"
            raise click.NoSuchOption(error.option_name, message, ctx=ctx) from None


def _meant(given: str, known: Collection[str]) -> str:
    """The option that was probably meant; "" where none is near, or it throws work away."""
    exact = [_OPTIONS_ELSEWHERE[given]] if given in _OPTIONS_ELSEWHERE else []
    longer = sorted(name for name in known if name.startswith(given))
    synonyms = [name for word, name in _OPTIONS_ELSEWHERE.items() if word.startswith(given)]
    nearest = [name for name in (*exact, *longer, *synonyms) if name in known]
    nearest = nearest or get_close_matches(given, known, n=1)
    return nearest[0] if nearest and nearest[0] not in _NEVER_SUGGESTED else ""


class Program(click.Group):
    """The one place that turns exceptions into messages and exit codes."""

    command_class = Command

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Run as a program of its own, which a second signal ends whatever it waits for."""
        end_on_second_signal()
        try:
            return super().__call__(*arguments, **settings)
        except OSError as error:  # of a help that is printed: commands have caught theirs
            if not is_disk_full(error):
                raise
            sys.exit(_told_full(error))

    def make_context(self, *arguments: Any, **settings: Any) -> click.Context:
        """Parse the arguments; click's exit code for an interruption is that of a bug here."""
        try:
            return super().make_context(*arguments, **settings)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command and exit with its code; an exception becomes a message and a code."""
        try:
            code = self._code_of(ctx)
        except KeyboardInterrupt:  # while the message of an error, or of another one, is printed
            code = ExitCode.INTERRUPTED
        ctx.exit(code)

    def _code_of(self, ctx: click.Context) -> ExitCode:
        """Run a command; return its exit code, of an exception after a message."""
        try:
            code: ExitCode = super().invoke(ctx)
            sys.stdout.flush()
            return code
        except FormreaderError as error:
            print_message(str(error))
            return error.exit_code
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            print_message("interrupted")
            return ExitCode.INTERRUPTED
        except BrokenPipeError:  # as in `formreader predict ... | head`, once head ends
            _discard_standard_output()
            return ExitCode.DONE
        except Exception as error:
            if is_disk_full(error):
                return _told_full(error)
            if is_verbose():
                traceback.print_exc()
            print_message(
                f"a bug: {type(error).__name__}: {error}. Please report it, together with the "
                "output of the same command with -v"
            )
            return ExitCode.BUG


def _told_full(error: OSError) -> ExitCode:
    """Say that a disk is full, and return the exit code."""
    _discard_standard_output()  # else Python tries once more at its end
    place = error.filename or "the standard output or a temporary file"
    print_message(
        f"{place}: cannot be written: {error.strerror}. Free some space, or choose another place"
    )
    return ExitCode.OUTPUT


def _discard_standard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_full_installation() -> None:
    """Refuse commands that need more than scanning does, where that is not installed.

    Raises:
        UsageError: a package is missing.
    """
    missing = [name for name in _BEYOND_SCANNING if not is_installed(name)]
    if missing:
        raise UsageError(
            f"This command needs more packages than scanning does ({', '.join(missing)} is "
            "missing). Install formreader with all of them: pip install formreader"
        )


def check_one_threshold(max_error: float | None) -> None:
    """Refuse `--max-error` with `--review-below`.

    Raises:
        UsageError: the user gave both.
    """
    given = click.get_current_context().get_parameter_source("review_below")
    if max_error is not None and given is ParameterSource.COMMANDLINE:
        raise UsageError(
            "--max-error and --review-below both choose which digits are marked for review. "
            "Give only one of them"
        )


def is_verbose() -> bool:
    """Whether the command was given -v."""
    return logging.getLogger("formreader").isEnabledFor(logging.DEBUG)
