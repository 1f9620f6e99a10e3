"""The commands that tell about models and digits: `evaluate`, `compare`, `inspect`, `explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, get_args

import click

from formreader.cli.error_handling import Command, check_full_installation
from formreader.cli.progress import TrainDisplay
from formreader.cli.shared_options import (
    option,
    scan_option,
    seed_option,
    sets_option,
    with_options,
    writers_option,
)
from formreader.core.errors import ExitCode
from formreader.core.options import (
    CompareOptions,
    EvaluateOptions,
    ExplainOptions,
    InspectOptions,
    Method,
)
from formreader.core.packages import start_keras

if TYPE_CHECKING:
    from formreader.recognise.model_card import CalibrationRow
    from formreader.training.evaluate.comparison import Result
    from formreader.training.evaluate.evaluation import Evaluation
    from formreader.training.evaluate.inspection import Inspection, Spread

_EVALUATE, _COMPARE, _INSPECT = EvaluateOptions(), CompareOptions(), InspectOptions()


@click.command(cls=Command)
@option(
    _EVALUATE, "data",
    "Labelled digits: MNIST's test set; an .npz of images and labels (bright ink on black); "
    "or a folder with folders 0 to 9 of images, and x for marks that are not digits.",
    metavar="mnist|FILE.npz|FOLDER",
)  # fmt: skip
@scan_option("model")
@option(_EVALUATE, "out", "Folder for the pictures.", metavar="FOLDER")
@option(_EVALUATE, "json", "Also write the figures to this file, as JSON.", metavar="FILE")
@scan_option("device")
@scan_option("batch")
@with_options(EvaluateOptions)
def evaluate(options: EvaluateOptions, quiet: bool) -> ExitCode:
    """Measure how well a model reads labelled digits.

    Prints the accuracy with its confidence interval, the accuracy for each digit, the calibration
    error of the confidences (ECE), and the number of errors among the digits that each threshold
    accepts. Draws this number for all thresholds, the confusion matrix and the worst mistakes.

    \b
    Examples:
      formreader evaluate
      formreader evaluate --data own_digits/ --model models/own --json figures.json
    """
    check_full_installation()
    from formreader.training.evaluate.evaluation import PICTURES
    from formreader.training.evaluate.evaluation import evaluate as measure

    click.echo("\n".join(_evaluated(measure(options))))
    if not quiet:
        click.echo()
        for path in (*(options.out / name for name in PICTURES), options.json):
            if path is not None:
                click.echo(path)
    return ExitCode.DONE


@click.command(cls=Command)
@option(
    _COMPARE, "methods", "Method to compare; also several times.", "--method",
    type=click.Choice(get_args(Method)), multiple=True, show_default="all",
)  # fmt: skip
@option(_COMPARE, "out", "Folder for the table and the picture.", metavar="FOLDER")
@sets_option
@option(_COMPARE, "examples", "Number of digits to train each method on; 0 for all.", metavar="N")
@option(
    _COMPARE, "epochs", "Number of times that the networks see all training digits.", metavar="N"
)
@option(_COMPARE, "batch", "Number of crops in a training step of the networks.", metavar="N")
@option(
    _COMPARE, "augment", "Vary the digits that the networks are trained on.",
    "--augment/--no-augment",
)  # fmt: skip
@writers_option
@seed_option
@with_options(CompareOptions)
def compare(options: CompareOptions, quiet: bool) -> ExitCode:
    """Train networks, nearest neighbours and an SVM on the same digits and compare them.

    All methods are tested on the same digits: MNIST's test set, and a tenth of each other set.
    Prints for each method: accuracy with its 95 % confidence interval, how many numbers it
    stores (weights of networks, examples of knn, support vectors of svm), seconds of training,
    and digits read per second on the CPU.

    \b
    Examples:
      formreader compare --examples 5000
      formreader compare --method cnn --method svm --epochs 10 --augment
    """
    check_full_installation()
    start_keras()
    from formreader.training.evaluate.comparison import PICTURE, TABLE
    from formreader.training.evaluate.comparison import compare as compare_methods

    with closing(TrainDisplay(quiet)) as display:
        results = compare_methods(options, display)
    click.echo("\n".join(_compared(results)))
    if not quiet:
        click.echo()
        click.echo(options.out / TABLE)
        click.echo(options.out / PICTURE)
    return ExitCode.DONE


@click.command(cls=Command)
@option(
    _INSPECT, "data",
    "Labelled digits: MNIST's training set; an .npz of images and labels; a folder with "
    "folders 0 to 9 of images; or a corrections.csv.",
    metavar="mnist|FILE|FOLDER",
)  # fmt: skip
@writers_option
@option(_INSPECT, "out", "Folder for the pictures.", metavar="FOLDER")
@seed_option
@with_options(InspectOptions)
def inspect(options: InspectOptions, quiet: bool) -> ExitCode:
    """Show what a set of labelled digits contains, before you train on it.

    Prints the number of examples of each class, their sizes, writers, blanks and copies. Draws
    samples and the mean of each class, as the network sees them.

    \b
    Examples:
      formreader inspect
      formreader inspect --data own_digits/ --out pictures
    """
    check_full_installation()
    from formreader.training.evaluate.inspection import PICTURES
    from formreader.training.evaluate.inspection import inspect as look_into

    click.echo("\n".join(_inspected(look_into(options))))
    if not quiet:
        click.echo()
        for name in PICTURES:
            click.echo(options.out / name)
    return ExitCode.DONE


@click.command(cls=Command)
@click.argument("image", metavar="IMAGE")
@scan_option("model")
@option(
    ExplainOptions(image=""), "out",
    "File for the picture.  [default: IMAGE's name with .explained.png, in this folder]",
    metavar="FILE",
)  # fmt: skip
@with_options(ExplainOptions)
def explain(options: ExplainOptions, quiet: bool) -> ExitCode:
    """Show how the digit of an image was read.

    IMAGE shows one digit. The command draws a picture of it: the image and its crop, the parts of
    the ink that speak for and against the reading, the probabilities of all classes, and the
    feature maps of each convolution of the network.

    \b
    Examples:
      formreader explain seven.png
      formreader explain seven.png --model models/own --out why.png
    """
    check_full_installation()
    from formreader.training.evaluate.explanation import explain as explain_image
    from formreader.training.evaluate.explanation import picture_path

    read = explain_image(options)
    if not quiet:
        click.echo(f"{options.image}: {read.reading}, confidence {read.confidence:.4f}")
        click.echo(picture_path(options))
    return ExitCode.DONE


def _evaluated(evaluation: Evaluation) -> Iterator[str]:
    """Yield the lines on the screen that show the figures."""
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


def _compared(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of the table on the screen."""
    yield "method   accuracy  95 % confidence      wrong of        numbers  training   digits/s"
    for result in results:
        yield (
            f"{result.method:<8} {result.accuracy:>8.2%}  {result.low:.2%} to {result.high:.2%}"
            f" {result.errors:>6} {result.n:<6} {result.parameters:>12,}"
            f" {result.training_seconds:>7.1f} s {result.digits_per_second:>10,.0f}"
        )


def _inspected(inspection: Inspection) -> Iterator[str]:
    """Yield the lines on the screen that show what a set contains."""
    from formreader.core.classes import CLASSES

    yield f"examples       {inspection.n}"
    if inspection.heights and inspection.widths:
        yield f"height, px     {_spread(inspection.heights)}"
        yield f"width, px      {_spread(inspection.widths)}"
    if inspection.digits_a_writer:
        spread = _spread(inspection.digits_a_writer)
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


def _spread(spread: Spread) -> str:
    if spread.least == spread.most:
        return str(spread.least)
    return f"{spread.least} to {spread.most}, median {spread.median:g}"
