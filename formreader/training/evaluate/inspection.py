"""`formreader inspect`: describe a set of labelled digits, in figures and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, Crops
from formreader.core.options import InspectOptions
from formreader.training.data.digit_sets import load_set
from formreader.training.data.examples import Examples, Labels, load_writers
from formreader.training.evaluate.figures import draw_sheet, prepare_folder

SAMPLES_PER_CLASS = 12
"""Samples of each class on the contact sheet: one row."""

_MIN_INK_TONE = 128
"""Grey value of a crop from which a pixel counts as ink: half of the range."""

PICTURES = ("samples.png", "means.png")
"""Files in the output folder."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Minimum, median and maximum of some counts."""

    least: int
    median: float
    most: int

    @classmethod
    def of(cls, counts: npt.NDArray[np.integer]) -> Spread:
        """Compute the spread of counts (n,), n > 0."""
        return cls(int(counts.min()), float(np.median(counts)), int(counts.max()))


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """Number of examples of a class, and the mean share of ink among their pixels."""

    n: int
    ink: float


@dataclass(frozen=True, slots=True)
class Inspection:
    """The figures of a set.

    `classes` are the ten digits and "not a digit". `heights` and `widths` are those of the images
    in pixels before normalisation, None where unknown. `copies` counts examples whose crop
    occurred before, `contradictions` those of them with another label. `writers` is the number of
    writers and `digits_a_writer` the spread of their numbers of digits, None where unknown.
    """

    n: int
    classes: tuple[ClassSummary, ...]
    heights: Spread | None
    widths: Spread | None
    blank: int
    copies: int
    contradictions: int
    writers: int | None
    digits_a_writer: Spread | None


def inspect(options: InspectOptions) -> Inspection:
    """Describe a set of digits, and write pictures of it to `options.out`.

    Raises:
        OutputError: a picture cannot be written; found before any is drawn.
        NoInputError: the set or the table of writers cannot be read.
    """
    found = load_set(options.data)
    examples = found.examples
    writers = load_writers(options.writers, len(examples)) if options.writers else None
    prepare_folder(options.out, PICTURES)  # after loading: wrong data leave no folder behind
    _draw_samples(examples, np.random.default_rng(options.seed), options.out)
    _draw_means(examples, options.out)
    return summary(examples, found.sizes, writers)


def summary(
    examples: Examples,
    sizes: npt.NDArray[np.int64] | None = None,
    writers: npt.NDArray[np.int64] | None = None,
) -> Inspection:
    """Compute the figures of n examples, n > 0.

    Args:
        examples: the digits.
        sizes: (n, 2), heights and widths of their images.
        writers: (n,), their writers.
    """
    copies, contradictions = count_copies(examples)
    digits_of = None if writers is None else np.unique(writers, return_counts=True)[1]
    return Inspection(
        n=len(examples),
        classes=tuple(_class_summaries(examples)),
        heights=None if sizes is None else Spread.of(sizes[:, 0]),
        widths=None if sizes is None else Spread.of(sizes[:, 1]),
        blank=int((~examples.crops.any(axis=(1, 2))).sum()),
        copies=copies,
        contradictions=contradictions,
        writers=None if digits_of is None else len(digits_of),
        digits_a_writer=None if digits_of is None else Spread.of(digits_of),
    )


def _class_summaries(examples: Examples) -> list[ClassSummary]:
    ink = (examples.crops >= _MIN_INK_TONE).mean(axis=(1, 2))
    chosen = [examples.labels == label for label in range(len(CLASSES))]
    return [ClassSummary(int(c.sum()), float(ink[c].mean()) if c.any() else 0.0) for c in chosen]


def count_copies(examples: Examples) -> tuple[int, int]:
    """Number of examples whose crop occurred before, and of those of them with another label."""
    labels = dict[bytes, int]()
    copies = contradictions = 0
    for crop, label in zip(examples.crops, examples.labels.tolist(), strict=True):
        first = labels.setdefault(crop.tobytes(), -1)
        if first == -1:
            labels[crop.tobytes()] = label
        else:
            copies += 1
            contradictions += first != label
    return copies, contradictions


def mean_images(examples: Examples) -> tuple[Crops, Labels]:
    """Mean crop of each of the k classes that occur, (k, 28, 28), and these classes, (k,)."""
    labels = np.unique(examples.labels)
    means = [examples.crops[examples.labels == label].mean(axis=0) for label in labels]
    return np.rint(means).astype(np.uint8), labels


def _draw_means(examples: Examples, folder: Path) -> None:
    means, labels = mean_images(examples)
    captions = [CLASSES[label] for label in labels]
    draw_sheet(means, captions, folder / PICTURES[1], len(CLASSES), "The mean of each class")


def _draw_samples(examples: Examples, rng: np.random.Generator, folder: Path) -> None:
    """Draw a row of samples for each class; with too few examples the row ends early."""
    crops, captions = [], list[str]()
    for label in np.unique(examples.labels):
        places = np.flatnonzero(examples.labels == label)
        row = rng.permutation(places)[:SAMPLES_PER_CLASS]
        empty = SAMPLES_PER_CLASS - len(row)
        crops += [examples.crops[row], np.zeros((empty, *examples.crops.shape[1:]), np.uint8)]
        captions += [CLASSES[label]] * len(row) + [""] * empty
    title = "Samples of each class, as the network sees them"
    draw_sheet(np.concatenate(crops), captions, folder / PICTURES[0], SAMPLES_PER_CLASS, title)
