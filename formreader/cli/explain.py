"""`formreader explain`."""

from __future__ import annotations

from pathlib import Path

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.shared_options import (
    scan_option,
    verbosity_options,
)
from formreader.core.errors import ExitCode
from formreader.core.options import ExplainOptions

EXPLAIN = ExplainOptions(image="")


@verbosity_options
@click.command(cls=Command)
@click.argument("image", metavar="IMAGE")
@scan_option("model")
@click.option(
    "--out", type=click.Path(path_type=Path), default=EXPLAIN.out, metavar="FILE",
    help="File for the picture.  [default: IMAGE's name with .explained.png, in this folder]",
)  # fmt: skip
def explain(image: str, model: str, out: Path | None, verbose: bool, quiet: bool) -> ExitCode:
    """Show how the digit of an image was read.

    IMAGE shows one digit. The command draws a picture of it: the image and its crop, the parts of
    the ink that speak for and against the reading, the probabilities of all classes, and the
    feature maps of each convolution of the network.

    \b
    Examples:
      formreader explain seven.png
      formreader explain seven.png --model models/own --out why.png
    """
    set_up_logging(verbose, quiet)
    check_full_installation()
    options = ExplainOptions(image, model, out)
    from formreader.training.evaluate.explanation import explain as explain_image
    from formreader.training.evaluate.explanation import picture_path

    explanation = explain_image(options)
    if not quiet:
        click.echo(f"{image}: {explanation.reading}, confidence {explanation.confidence:.4f}")
        click.echo(picture_path(options))
    return ExitCode.DONE
