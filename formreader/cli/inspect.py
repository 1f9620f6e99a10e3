"""`formreader inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.shared_options import (
    seed_option,
    verbosity_options,
    writers_option,
)
from formreader.core.errors import ExitCode
from formreader.core.options import InspectOptions

if TYPE_CHECKING:
    from formreader.training.evaluate.inspection import Inspection, Spread

INSPECT = InspectOptions()


@verbosity_options
@click.command(cls=Command)
@click.option(
    "--data", default=INSPECT.data, metavar="mnist|FILE|FOLDER", show_default=True,
    help="Labelled digits: MNIST's training set; an .npz of images and labels; a folder with "
    "folders 0 to 9 of images; or a corrections.csv.",
)  # fmt: skip
@writers_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=INSPECT.out, metavar="FOLDER",
    show_default=True, help="Folder for the pictures.",
)  # fmt: skip
@seed_option
def inspect(
    data: str, writers: Path | None, out: Path, seed: int, verbose: bool, quiet: bool
) -> ExitCode:
    """Show what a set of labelled digits contains, before you train on it.

    Prints the number of examples of each class, their sizes, writers, blanks and copies. Draws
    samples and the mean of each class, as the network sees them.

    \b
    Examples:
      formreader inspect
      formreader inspect --data own_digits/ --out pictures
    """
    set_up_logging(verbose, quiet)
    check_full_installation()
    from formreader.training.evaluate.inspection import PICTURES
    from formreader.training.evaluate.inspection import inspect as look_into

    inspection = look_into(InspectOptions(data, writers, out, seed))
    click.echo("\n".join(describe(inspection)))
    if not quiet:
        click.echo()
        for name in PICTURES:
            click.echo(out / name)
    return ExitCode.DONE


def describe(inspection: Inspection) -> Iterator[str]:
    """Yield the lines that show on the screen what a set contains."""
    from formreader.core.classes import CLASSES

    yield f"examples       {inspection.n}"
    if inspection.heights and inspection.widths:
        yield f"height, px     {_describe_spread(inspection.heights)}"
        yield f"width, px      {_describe_spread(inspection.widths)}"
    if inspection.digits_a_writer:
        spread = _describe_spread(inspection.digits_a_writer)
        yield f"writers        {inspection.writers}, digits of each: {spread}"
    yield f"without ink    {inspection.blank}"
    conflicts = inspection.contradictions
    yield f"copies         {inspection.copies}, of these with another label: {conflicts}"
    yield ""
    yield "class              n   share  ink"
    for name, found in zip(CLASSES, inspection.classes, strict=True):
        if found.n or name.isdigit():
            share = f"{found.n / inspection.n:.1%}"
            ink = f"{found.ink:.1%}" if found.n else "-"
            yield f"{name:<12} {found.n:>7} {share:>7}  {ink}"


def _describe_spread(spread: Spread) -> str:
    if spread.least == spread.most:
        return str(spread.least)
    return f"{spread.least} to {spread.most}, median {spread.median:g}"
