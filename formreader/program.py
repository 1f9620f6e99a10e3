"""What all commands share: options, logging, and the one place where exceptions are caught."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any, get_args

import click
from click.core import ParameterSource

from formreader.errors import ExitCode, FormreaderError, UsageError
from formreader.options import Device, ScanOptions
from formreader.progress import tell

SCAN = ScanOptions(paths=())


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


def verbosity_options(command: click.Command) -> click.Command:
    """The options -v and -q, which all commands have."""
    command.params += [
        click.Option(["-v", "--verbose"], is_flag=True, help="Tell more, also about faults."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Tell only what went wrong."),
    ]
    return command


def model_options(command: click.Command) -> click.Command:
    """The options that choose what reads the crops, and what is for review."""
    command.params += [
        click.Option(
            ["--review-below"], type=click.FloatRange(0, 1), default=SCAN.review_below,
            metavar="P", show_default=True,
            help="Digits with a lower confidence than this are for review.",
        ),
        click.Option(
            ["--max-error"], type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=SCAN.max_error, metavar="E",
            help="Most of what is not for review that may be wrong, as a share: the model's "
            "calibration tells the confidence that keeps it.",
        ),
        click.Option(
            ["--model"], default=SCAN.model, metavar="FOLDER", show_default=True,
            help="Name of a shipped model, or folder of one that `formreader train` wrote.",
        ),
        click.Option(
            ["--device"], type=click.Choice(get_args(Device)), default=SCAN.device,
            show_default=True, help="Where the network runs.",
        ),
        click.Option(
            ["--batch"], type=click.IntRange(min=1), default=SCAN.batch, metavar="N",
            show_default=True, help="Crops that the network sees at a time.",
        ),
    ]  # fmt: skip
    return command


def check_one_threshold(max_error: float | None) -> None:
    """Refuse `--max-error` beside `--review-below`; called by commands with `model_options`.

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
