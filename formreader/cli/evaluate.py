"""`formreader evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command, check_full_installation, set_up_logging
from formreader.cli.shared_options import (
    scan_option,
    verbosity_options,
)
from formreader.core.errors import ExitCode
from formreader.core.options import Device, EvaluateOptions

if TYPE_CHECKING:
    from formreader.recognise.model_card import CalibrationRow
    from formreader.training.evaluate.evaluation import Evaluation

EVALUATE = EvaluateOptions()


@verbosity_options
@click.command(cls=Command)
@click.option(
    "--data", default=EVALUATE.data, metavar="mnist|FILE.npz|FOLDER", show_default=True,
    help="Labelled digits: MNIST's test set; an .npz of images and labels (bright ink on black); "
    "or a folder with folders 0 to 9 of images, and x for marks that are not digits.",
)  # fmt: skip
@scan_option("model")
@click.option(
    "--out", type=click.Path(path_type=Path), default=EVALUATE.out, metavar="FOLDER",
    show_default=True, help="Folder for the pictures.",
)  # fmt: skip
@click.option(
    "--json", type=click.Path(path_type=Path), default=EVALUATE.json, metavar="FILE",
    help="Also write the figures to this file, as JSON.",
)  # fmt: skip
@scan_option("device")
@scan_option("batch")
def evaluate(
    data: str,
    model: str,
    out: Path,
    json: Path | None,
    device: Device,
    batch: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Measure how well a model reads labelled digits.

    Prints the accuracy with its confidence interval, the accuracy for each digit, the calibration
    error of the confidences (ECE), and the number of errors among the digits that each threshold
    accepts. Draws this number for all thresholds, the confusion matrix and the worst mistakes.

    \b
    Examples:
      formreader evaluate
      formreader evaluate --data own_digits/ --model models/own --json figures.json
    """
    set_up_logging(verbose, quiet)
    check_full_installation()
    options = EvaluateOptions(model, data, out, json, device, batch)
    from formreader.training.evaluate.evaluation import PICTURES
    from formreader.training.evaluate.evaluation import evaluate as measure

    click.echo("\n".join(describe(measure(options))))
    if not quiet:
        click.echo()
        for path in (*(out / name for name in PICTURES), *([json] if json else [])):
            click.echo(path)
    return ExitCode.DONE


def describe(evaluation: Evaluation) -> Iterator[str]:
    """Yield the lines that show the figures on the screen."""
    total = evaluation.total
    low, high = evaluation.interval
    yield (
        f"accuracy       {evaluation.accuracy:.2%}  ({total.n - total.errors} of {total.n}; "
        f"95 % confidence: {low:.2%} to {high:.2%})"
    )
    yield (
        f"of all classes {evaluation.right_of_all / total.n:.2%}  (the "
        f"{evaluation.taken_for_none} read as no digit count as wrong)"
    )
    yield f"ECE            {evaluation.ece:.4f}  (confidence of the best digit, 15 bins)"
    yield ""
    yield "digit       n  wrong  accuracy  read as"
    for digit, figures in enumerate(evaluation.classes):
        share = "-" if figures.accuracy is None else f"{figures.accuracy:.2%}"
        counts = enumerate(evaluation.confusion[digit])
        wrong = sorted(((count, guess) for guess, count in counts if guess != digit), reverse=True)
        taken = ", ".join(f"{guess} ({count})" for count, guess in wrong if count)
        yield f"{digit:>5} {figures.n:>7} {figures.errors:>6} {share:>9}  {taken}".rstrip()
    yield ""
    yield "threshold  accepted digits    wrong  rate     at most (95 %)"
    for row in evaluation.coverage:
        rate = f"{row.errors / row.accepted:.3%}" if row.accepted else "-"
        yield (
            f"{row.threshold:>9g}  {_accepted(row):<17} {row.errors:>5}  {rate:<8} "
            f"{row.error_bound:.3%}"
        )
    if evaluation.nondigits:
        yield ""
        yield f"threshold  accepted of the {evaluation.nondigits[0].n} that are no digits"
        for row in evaluation.nondigits:
            yield f"{row.threshold:>9g}  {_accepted(row)}"


def _accepted(row: CalibrationRow) -> str:
    return f"{row.accepted} ({row.accepted / row.n:.2%})"
