"""`formreader evaluate`: measure how well a model reads labelled digits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from formreader.batch.model_trial import load_tried
from formreader.core.classes import CLASSES, NOT_A_DIGIT, Probabilities
from formreader.core.errors import NoInputError
from formreader.core.options import EvaluateOptions, ScanOptions
from formreader.output.atomic_writing import atomic_writer, check_writable
from formreader.recognise.model_card import CalibrationRow
from formreader.training.data.digit_sets import load_set
from formreader.training.data.examples import Examples, Labels
from formreader.training.evaluate.figures import (
    coverage_figure,
    draw_confusion,
    draw_mistakes,
    prepare_folder,
    save,
)
from formreader.training.fit.calibration import (
    calibration_error,
    calibration_table,
    confusion,
    risk_coverage,
    share_interval,
)

EVALUATED_THRESHOLDS = tuple(
    sorted(
        {0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995}
        | {ScanOptions(()).review_below}
    )
)
"""Thresholds that users may give as --review-below, with its default; 0 accepts all but likely
non-digits."""

PICTURES = ("confusion.png", "coverage.png", "mistakes.png")
"""Files in the output folder."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Counts of one class: `errors` of its `n` digits were read as another digit."""

    n: int
    errors: int

    @property
    def accuracy(self) -> float | None:
        """Share of the digits read right; None for n = 0."""
        return 1 - self.errors / self.n if self.n else None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The figures of a model on one set.

    For `total`, `classes` and the `confusion` matrix (10, 10) a digit is read as the most probable
    of the ten digits; for `right_of_all` as the most probable of all classes. `taken_for_none`
    counts digits that are most probably "not a digit". `ece` is the expected calibration error of
    the best digit's probability. `coverage` counts the accepted digits and their errors at each
    threshold, `nondigits` the accepted non-digits, which are all errors.
    """

    total: ClassFigures
    right_of_all: int
    taken_for_none: int
    ece: float
    classes: tuple[ClassFigures, ...]
    confusion: npt.NDArray[np.int64]
    coverage: tuple[CalibrationRow, ...]
    nondigits: tuple[CalibrationRow, ...]

    @property
    def accuracy(self) -> float:
        return 1 - self.total.errors / self.total.n

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % confidence interval of `accuracy`."""
        return share_interval(self.total.n - self.total.errors, self.total.n)


def evaluate(options: EvaluateOptions) -> Evaluation:
    """Read a set with a model; write pictures to `options.out`, figures to `options.json`.

    Raises:
        OutputError: a result cannot be written; found before any digit is read.
        NoInputError: the set cannot be read, or has no digits.
        ModelError: the model is missing or damaged.
        UsageError: the device is missing.
    """
    if options.json:
        check_writable(options.json, "--json")
    recogniser = load_tried(options.model, options.device, options.batch)
    examples = load_set(options.data, "test").examples
    if (examples.labels == NOT_A_DIGIT).all():
        raise NoInputError(f"{options.data}: there are no digits. Give --data with labels 0 to 9.")
    prepare_folder(options.out, PICTURES)  # after loading: wrong data leave no folder behind
    probabilities = recogniser.probabilities(examples.crops)
    evaluation = figures_of(probabilities, examples.labels)
    _draw(evaluation, probabilities, examples, options.out)
    if options.json:
        with atomic_writer(options.json, "--json") as stream:
            json.dump(as_json(evaluation), stream, indent=1, allow_nan=False)
            stream.write("\n")
    return evaluation


def figures_of(probabilities: Probabilities, labels: Labels) -> Evaluation:
    """Compute the figures of calibrated probabilities (n, 11) for labels (n,), 0-10.

    Raises:
        ValueError: no label is a digit.
    """
    digits = labels != NOT_A_DIGIT
    theirs, written = probabilities[digits], labels[digits]
    guesses, confidence = best_digits(theirs)
    counts = confusion(written, guesses, NOT_A_DIGIT)
    everything = theirs.argmax(axis=1)
    return Evaluation(
        total=ClassFigures(len(written), int((guesses != written).sum())),
        right_of_all=int((everything == written).sum()),
        taken_for_none=int((everything == NOT_A_DIGIT).sum()),
        ece=calibration_error(confidence, guesses == written),
        classes=tuple(
            ClassFigures(int(row.sum()), int(row.sum() - row[digit]))
            for digit, row in enumerate(counts)
        ),
        confusion=counts,
        coverage=calibration_table(theirs, written, EVALUATED_THRESHOLDS),
        nondigits=_accepted_nondigits(probabilities[~digits]),
    )


def _accepted_nondigits(probabilities: Probabilities) -> tuple[CalibrationRow, ...]:
    """Count the non-digits (n, 11) that each threshold accepts; no rows for n = 0."""
    if not len(probabilities):
        return ()
    labels = np.full(len(probabilities), NOT_A_DIGIT, np.uint8)
    return calibration_table(probabilities, labels, EVALUATED_THRESHOLDS)


def best_digits(
    probabilities: Probabilities,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """The most probable of the ten digits and its probability, both (n,), given (n, 11)."""
    digits = probabilities[:, :NOT_A_DIGIT]
    return digits.argmax(axis=1), digits.max(axis=1)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Convert the figures to a JSON object."""
    low, high = evaluation.interval
    return {
        "accuracy": evaluation.accuracy,
        "interval": [low, high],
        "n": evaluation.total.n,
        "errors": evaluation.total.errors,
        "right_with_not_a_digit": evaluation.right_of_all,
        "taken_for_not_a_digit": evaluation.taken_for_none,
        "ece": evaluation.ece,
        "per_class": {
            str(digit): asdict(figures) | {"accuracy": figures.accuracy}
            for digit, figures in enumerate(evaluation.classes)
        },
        "coverage": [_row_as_json(row) for row in evaluation.coverage],
        "non_digits": [_row_as_json(row) for row in evaluation.nondigits],
        "confusion": evaluation.confusion.tolist(),
    }


def _row_as_json(row: CalibrationRow) -> dict[str, float | int]:
    return {
        "threshold": row.threshold,
        "accepted": row.accepted / row.n,
        "n_accepted": row.accepted,
        "errors": row.errors,
        "error_bound": row.error_bound,
    }


def _draw(
    evaluation: Evaluation, probabilities: Probabilities, examples: Examples, folder: Path
) -> None:
    """Write the pictures of an evaluation into `folder`."""
    matrix, coverage, sheet = (folder / name for name in PICTURES)
    draw_confusion(evaluation.confusion, CLASSES[:NOT_A_DIGIT], matrix)
    guesses, confidence = best_digits(probabilities)
    digits = examples.labels != NOT_A_DIGIT
    plausible = confidence > probabilities[:, NOT_A_DIGIT]
    right = guesses == examples.labels
    accepted, error = risk_coverage(confidence[digits], right[digits], plausible[digits])
    save(coverage_figure(accepted, error, evaluation.coverage), coverage)
    # A non-digit is a mistake only where it is read as a digit.
    draw_mistakes(examples, guesses, confidence, ~right & (digits | plausible), sheet)
