"""What all commands share: logging, and the one place where exceptions are caught."""

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

from formreader.cli.progress import tell
from formreader.core.errors import ExitCode, FormreaderError, UsageError

_SYNONYMS = {
    "--threshold": "--review-below", "--confidence": "--review-below", "--min-confidence":
    "--review-below", "--output": "--out", "--result": "--out", "--results": "--out",
    "--error-rate": "--max-error", "--jobs": "--workers", "--processes": "--workers",
    "--timeout": "--page-timeout", "--format": "--out",
}  # fmt: skip
"""Options of other programs, and what they are called here."""

_NEVER_PROPOSED = frozenset(("--fresh",))
"""Options that throw work away: nobody shall give them for a slip of the pen."""

EXIT_CODES = """\b
Exit codes:
  0   done; digits to review are normal
  1   a bug: please report it
  2   wrong usage
  3   no input found
  5   the model is missing or damaged
  6   a result cannot be written
  10  done, but some pages could not be read
  130 interrupted; what is done is saved"""


class Command(click.Command):
    """A command that proposes the option that was meant, and lists the exit codes in its help."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"epilog": EXIT_CODES} | settings)

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
    exact = [_SYNONYMS[given]] if given in _SYNONYMS else []
    longer = sorted(name for name in known if name.startswith(given))
    synonyms = [name for word, name in _SYNONYMS.items() if word.startswith(given)]
    nearest = [name for name in (*exact, *longer, *synonyms) if name in known]
    nearest = nearest or get_close_matches(given, known, n=1)
    return nearest[0] if nearest and nearest[0] not in _NEVER_PROPOSED else ""


class Program(click.Group):
    """The one place where exceptions become messages and exit codes."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, which returns its exit code; what it raises ends in a message."""
        try:
            code: ExitCode = super().invoke(ctx)
            sys.stdout.flush()
        except FormreaderError as error:
            tell(str(error))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            tell("interrupted")
            ctx.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:  # as in `formreader predict ... | head`: the reader has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(ExitCode.DONE)
        except Exception as error:
            if logging.getLogger("formreader").isEnabledFor(logging.DEBUG):
                traceback.print_exc()
            tell(
                f"a bug: {type(error).__name__}: {error}. Please report it, with what "
                "`formreader scan -v ...` (or `train -v`, `predict -v`) shows"
            )
            ctx.exit(ExitCode.BUG)
        ctx.exit(code)


def check_one_threshold(max_error: float | None) -> None:
    """Refuse `--max-error` beside `--review-below`; called by commands with `reading_options`.

    Raises:
        UsageError: the user gave both.
    """
    given = click.get_current_context().get_parameter_source("review_below")
    if max_error is not None and given is ParameterSource.COMMANDLINE:
        raise UsageError(
            "--max-error and --review-below both choose the confidence below which digits are "
            "for review. Give one of them"
        )


def set_up_logging(verbose: bool, quiet: bool) -> None:
    """Messages of the program's own log on stderr, faults with their traceback if `verbose`.

    Raises:
        UsageError: both flags are given.
    """
    if verbose and quiet:
        raise UsageError("-v and -q contradict one another. Give one of them")
    logging.basicConfig(format="%(name)s: %(message)s")
    logging.getLogger("formreader").setLevel(logging.DEBUG if verbose else logging.WARNING)
