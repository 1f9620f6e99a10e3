"""What all commands share: logging, and the one place where exceptions are caught."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

import click
from click.core import ParameterSource

from formreader.cli.progress import tell
from formreader.core.errors import ExitCode, FormreaderError, UsageError


class Program(click.Group):
    """The one place where exceptions become messages and exit codes."""

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
