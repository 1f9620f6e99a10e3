"""`formreader compare`: train and measure every method on the same digits.

Only the ten digits are compared: nearest neighbours and SVMs have no class "not a digit". So
non-digits are left out, and the best of the ten digits counts as a network's reading.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.errors import UsageError
from formreader.core.options import CompareOptions, Method
from formreader.output.atomic_writing import atomic_writer
from formreader.training.data.digit_sets import load_set
from formreader.training.data.examples import Examples, held_out, joined, load_writers
from formreader.training.evaluate.figures import (
    FIRST_COLOUR,
    SECOND_COLOUR,
    prepare_folder,
    save,
    whole_decades,
)
from formreader.training.evaluate.methods import NEIGHBOURS, train_method
from formreader.training.fit.calibration import share_interval
from formreader.training.fit.fitting import TrainProgress

TABLE, PICTURE = "comparison.csv", "comparison.png"
"""Files in the output folder."""

_HELD_OUT_SHARE = 0.1
"""Share of the digits that networks are validated on; also the share that all methods are measured
on, in sets without test digits of their own."""
_CROPS_BEFORE_CLOCK = 256
"""Crops read before the clock starts, as the first call allocates memory: a batch of `methods`."""
_PICTURE_WIDTH = 11.0
"""Inches."""
_NUMBER_SIZE = 8
"""Font size in points of the numbers beside the charts."""


@dataclass(frozen=True, slots=True)
class Split:
    """The digits for all methods; only networks use `validation`, while they train."""

    training: Examples
    validation: Examples
    test: Examples


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one method.

    `low` and `high` are the ends of the exact 95 % confidence interval of `accuracy`.
    `parameters` counts the numbers that the method stores, see `Trained`. Times are wall times.
    """

    method: Method
    n: int
    errors: int
    accuracy: float
    low: float
    high: float
    parameters: int
    training_seconds: float
    digits_per_second: float


def compare(options: CompareOptions, progress: TrainProgress) -> list[Result]:
    """Train and measure each method; each adds a row to the table in `options.out`.

    Raises:
        NoInputError: a set of digits or the writers cannot be read.
        OutputError: the folder cannot be written; found before any work.
        UsageError: there are too few digits to train on.
    """
    prepare_folder(options.out, (TABLE, PICTURE))
    split = split_digits(options)
    progress.message(
        f"{len(split.training)} digits to train on, {len(split.validation)} to validate, "
        f"{len(split.test)} to measure with"
    )
    results = list[Result]()
    for method in dict.fromkeys(options.methods):
        progress.message(f"{method} ({len(results) + 1} of {len(set(options.methods))})")
        results.append(_measure(method, split, options, progress))
        write_table(results, options.out / TABLE)
    save(results_figure(results), options.out / PICTURE)
    return results


def split_digits(options: CompareOptions) -> Split:
    """Split the digits of the sets in `options.data` to train, validate and measure on.

    MNIST is measured on its own test set, as nothing is chosen by the result. Of other sets a
    tenth is held out to measure on, another to validate on.

    Raises:
        NoInputError: a set of digits or the writers cannot be read.
        UsageError: too few digits are left to train on.
    """
    rng = np.random.default_rng(options.seed)
    parts = [_split_set(source, options, rng) for source in options.data]
    training, validation, test = (joined(*part) for part in zip(*parts, strict=True))
    if options.examples:
        training = training[rng.permutation(len(training))[: options.examples]]
    if len(training) < NEIGHBOURS or len(np.unique(training.labels)) < 2:
        raise UsageError(
            f"{len(training)} digits are too few to train on. Give more with --data or --examples"
        )
    return Split(training, validation, test)


def _split_set(
    source: str, options: CompareOptions, rng: np.random.Generator
) -> tuple[Examples, Examples, Examples]:
    """The digits of one set to train on, to validate on, and to measure on."""
    digits = load_set(source).examples
    digits = digits[digits.labels != NOT_A_DIGIT]
    if source == "mnist":
        writers = load_writers(options.writers, len(digits)) if options.writers else None
        held = held_out(len(digits), _HELD_OUT_SHARE, rng, writers)
        return digits[~held], digits[held], load_set(source, "test").examples
    order = rng.permutation(len(digits))  # the set may be sorted by class
    n = max(1, round(_HELD_OUT_SHARE * len(digits)))
    return digits[order[2 * n :]], digits[order[:n]], digits[order[n : 2 * n]]


def _measure(
    method: Method, split: Split, options: CompareOptions, progress: TrainProgress
) -> Result:
    """Train one method, then time it on the test digits."""
    began = time.perf_counter()
    trained = train_method(method, split.training, split.validation, options, progress)
    seconds = time.perf_counter() - began
    trained.read(split.test.crops[:_CROPS_BEFORE_CLOCK])
    began = time.perf_counter()
    errors = int((trained.read(split.test.crops) != split.test.labels).sum())
    speed = len(split.test) / (time.perf_counter() - began)
    n = len(split.test)
    low, high = share_interval(n - errors, n)
    return Result(method, n, errors, 1 - errors / n, low, high, trained.parameters, seconds, speed)


def write_table(results: Sequence[Result], path: Path) -> None:
    """Write the results as CSV, a row each.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_writer(path) as stream:
        table = csv.DictWriter(stream, [f.name for f in fields(Result)], lineterminator="\n")
        table.writeheader()
        table.writerows(_rounded(result) for result in results)


def _rounded(result: Result) -> dict[str, object]:
    """One row of the table, rounded to what the measurement can tell."""
    shares = {name: f"{getattr(result, name):.6f}" for name in ("accuracy", "low", "high")}
    return (
        asdict(result)
        | shares
        | {
            "training_seconds": f"{result.training_seconds:.1f}",
            "digits_per_second": f"{result.digits_per_second:.0f}",
        }
    )


def results_figure(results: Sequence[Result]) -> Figure:
    """Four charts with a row a method: errors, size, training time, speed.

    The numbers stand beside the rows, not at the points, where they would run into error bars,
    axes, or each other.
    """
    figure = Figure((_PICTURE_WIDTH, 1.4 + 0.42 * len(results)), layout="constrained")
    errors, *others = figure.subplots(1, 4)
    _draw_errors(errors, results)
    for axes, title, numbers, places in (
        (others[0], "numbers kept", [result.parameters for result in results], 0),
        (others[1], "training, seconds", [result.training_seconds for result in results], 1),
        (others[2], "digits a second", [result.digits_per_second for result in results], 0),
    ):
        axes.plot(numbers, range(len(results)), "o", color=FIRST_COLOUR, clip_on=False)
        axes.set_xscale("log")
        axes.set_xlim(whole_decades(numbers))
        axes.xaxis.set_minor_formatter(NullFormatter())
        texts = [f"{number:,.{places}f}" for number in numbers]
        axes.set_yticks(range(len(results)), texts, fontsize=_NUMBER_SIZE)
        axes.set_title(title, fontsize=10)
    for axes in (errors, *others):
        axes.set_ylim(len(results) - 0.5, -0.5)  # the first method on top
        axes.grid(color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_errors(axes: Axes, results: Sequence[Result]) -> None:
    """Draw the error rate of each method with its confidence interval."""
    wrong = np.array([100 * (1 - result.accuracy) for result in results])
    bounds = np.array([(100 * (1 - result.high), 100 * (1 - result.low)) for result in results])
    reach = np.abs(bounds - wrong[:, None]).T
    axes.errorbar(
        wrong, range(len(results)), xerr=reach, fmt="o", color=SECOND_COLOUR, capsize=3,
        clip_on=False,
    )  # fmt: skip
    axes.set_xlim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    texts = [f"{one.method}  {rate:.2f}" for one, rate in zip(results, wrong, strict=True)]
    axes.set_yticks(range(len(results)), texts)
    axes.set_title("wrong, % (95 % interval)", fontsize=10)
