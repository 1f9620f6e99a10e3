"""The training data: sets of digits, and with them other styles, drawn digits and non-digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Crops
from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.recognise.model_card import Facts
from formreader.synth.strokes import draw_strokes
from formreader.training.augment.augmentation import framed
from formreader.training.augment.digit_styles import STYLED_SHARES, restyle
from formreader.training.augment.nondigits import draw_nondigits
from formreader.training.augment.pen_strokes import quick_hand
from formreader.training.data.digit_sets import load_set
from formreader.training.data.examples import (
    Examples,
    held_out,
    joined,
    load_mnist,
    load_nondigits,
    load_writers,
)
from formreader.training.data.page_crops import NO_CROPS, page_crops

DRAWN_DIGITS = 0.2
"""Digits of the stroke model, as a share of the digits of the sets."""
DRAWN_NONDIGITS = 0.25
"""Drawn non-digits, as a share of the digits of the sets."""
OWN_NONDIGITS = 4
"""How often each of a user's own non-digits is in the training data: they are few, and each is
augmented anew."""
HELD_OUT_PAGES = 0.25
"""Rendered pages of held-out digits, as a share of those for training. For these three shares
there is no record of a measurement."""
_DIGITS_PER_HAND = 40
"""Digits that the stroke model writes before the next hand."""
_DRAWN_DIGIT_HEIGHT = 44.0
"""Height in pixels of a digit of the stroke model."""
_DRAWN_PEN_WIDTHS = 0.045, 0.19
"""Thinnest and thickest pen, as shares of the digit's height."""
_SQUEEZES = 0.75, 1.2
"""Range of the factors of a digit's width."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """The data of one training run.

    `training` is augmented in every way; `scanned` are crops of pages, augmented in shape only.
    `validation` chooses the epoch and fits the temperature; `calibration`, the part of it that
    comes from pages, fills the card's table. Where the writers are known, nobody who wrote these
    is trained on. `test` are MNIST's test digits, read once, at the end; None where MNIST is not
    among the sets trained on. `facts` describes the data for the card.
    """

    training: Examples
    scanned: Examples
    validation: Examples
    calibration: Examples
    test: Examples | None
    facts: Facts = field(default_factory=dict)


def prepare_data(options: TrainOptions, tell: Callable[[str], None] | None = None) -> TrainingData:
    """Load the sets of digits, split them for validation, and add other hands and non-digits.

    `tell` is called with a message as the work goes on.

    Raises:
        NoInputError: a file cannot be read.
        UsageError: a set has too few digits to hold some of them out.
    """
    # The files first: drawing takes a minute.
    own_marks = own_nondigits(load_nondigits(options.nondigits)) if options.nondigits else None
    sets = _split(options)
    digits, held = sets.digits, sets.held_out
    test = load_mnist()[1] if "mnist" in options.data else None
    training = mixture(digits[~held], _generator(options, 1), options.augment)
    validation = mixture(digits[held], _generator(options, 2), options.augment)
    if own_marks is not None:
        training = joined(training, *[own_marks] * OWN_NONDIGITS)
    scanned = joined(_on_pages(training, options.pages, options, 3, tell), sets.scanned)
    calibration = _held_out_pages(validation, options, tell)
    facts: Facts = {
        "digits": ", ".join(options.data),
        "training_examples": len(training),
        "training_digits": int((~held).sum()),
        "training_crops_of_pages": len(scanned),
        "validation_examples": len(validation),
        "validation_digits": int(held.sum()),
        "calibration_crops_of_pages": len(calibration),
        "writer_disjoint": sets.writers_known,
        "own_nondigits": options.nondigits is not None,
    }
    chosen_on = joined(validation, calibration)
    return TrainingData(
        training, scanned, chosen_on, calibration if len(calibration) else validation, test, facts
    )


def held_out_crops(options: TrainOptions, tell: Callable[[str], None] | None = None) -> Examples:
    """The crops of pages on which `prepare_data` would calibrate, without the rest.

    Errors are those of `prepare_data`.
    """
    sets = _split(options)
    return _held_out_pages(
        mixture(sets.digits[sets.held_out], _generator(options, 2), options.augment), options, tell
    )


def checked_digits(options: TrainOptions) -> Examples:
    """The digits of all sets, once every file that a training reads was found to be valid.

    Raises:
        NoInputError: a file cannot be read.
        UsageError: a set has too few digits to hold some of them out.
    """
    if options.nondigits:
        load_nondigits(options.nondigits)
    return _split(options).digits


@dataclass(frozen=True, slots=True, eq=False)
class _Sets:
    """The digits of all sets, (n,), which are held out, and whether these are of whole writers.

    `scanned` are those of sets of crops that were cut out of scans. None of these is held out.
    """

    digits: Examples
    held_out: npt.NDArray[np.bool_]
    writers_known: bool
    scanned: Examples


def _split(options: TrainOptions) -> _Sets:
    """Load all sets and choose which digits are held out.

    Raises:
        NoInputError: a file cannot be read.
        UsageError: a set has too few digits to hold some of them out, or all sets are scanned.
    """
    parts, held, known, scanned = [], [], True, [NO_CROPS]
    for source in options.data:
        loaded = load_set(source, root=options.root)
        if loaded.scanned:
            scanned.append(loaded.examples)
            continue
        digits, writers = loaded.examples, loaded.writers
        if source == "mnist" and options.writers:
            writers = load_writers(options.writers, len(digits))
        known = known and writers is not None
        if source != "mnist" and writers is None:
            # Such sets may be sorted by class, so random digits are held out, not the last.
            writers = np.arange(len(digits))
        parts.append(digits)
        try:
            held.append(held_out(len(digits), options.validation, _generator(options, 0), writers))
        except ValueError as error:
            raise UsageError(
                f"{source}: {error}. Give a set of more digits, or another --validation"
            ) from error
    if not parts:
        raise UsageError("crops of scans are never held out: give a further set, such as mnist")
    return _Sets(joined(*parts), np.concatenate(held), known, joined(*scanned))


def _held_out_pages(
    held_out_examples: Examples, options: TrainOptions, tell: Callable[[str], None] | None
) -> Examples:
    """Crops of rendered pages on which held-out digits are written."""
    pages = math.ceil(HELD_OUT_PAGES * options.pages)
    return _on_pages(held_out_examples, pages, options, 4, tell)


def _on_pages(
    examples: Examples,
    pages: int,
    options: TrainOptions,
    purpose: int,
    tell: Callable[[str], None] | None,
) -> Examples:
    """Crops of rendered pages on which the digits of `examples` are written."""
    digits = examples[examples.labels != NOT_A_DIGIT]
    return page_crops(digits, pages, int(_generator(options, purpose).integers(2**31)), tell)


def mixture(digits: Examples, rng: np.random.Generator, other_hands: bool = True) -> Examples:
    """Add non-digits to `digits` and, where `other_hands`, restyled and drawn digits."""
    marks = draw_nondigits(round(DRAWN_NONDIGITS * len(digits)), digits.crops, rng)
    parts = [digits, labelled(marks, NOT_A_DIGIT)]
    if other_hands:
        for label, share in STYLED_SHARES.items():
            own = _random_part(digits.crops[digits.labels == label], share, rng)
            parts.append(labelled(restyle(own, label, rng), label))
        parts.append(draw_digits(round(DRAWN_DIGITS * len(digits)), rng))
    return joined(*parts)


def own_nondigits(images: Crops) -> Examples:
    """Frame a user's own non-digits (n, h, w), bright ink on black, as crops."""
    return labelled(np.stack([framed(image) for image in images]), NOT_A_DIGIT)


def draw_digits(n: int, rng: np.random.Generator) -> Examples:
    """Draw `n` digits by many hands of the stroke model, with pens from hairline to felt."""
    crops = np.empty((n, 28, 28), np.uint8)
    labels = rng.integers(0, 10, n, dtype=np.uint8)
    write = quick_hand(rng)
    for i, label in enumerate(labels):
        if i % _DIGITS_PER_HAND == 0:
            write = quick_hand(rng)
        height = _DRAWN_DIGIT_HEIGHT
        strokes = write(str(label))
        pen = (hand_width(rng), height * rng.uniform(*_DRAWN_PEN_WIDTHS))
        mask = draw_strokes(strokes, height, *pen)
        crops[i] = framed((mask * 255).astype(np.uint8))
    return Examples(crops, labels)


def hand_width(rng: np.random.Generator) -> float:
    """Random factor of a digit's width, as writers squeeze or stretch digits to fit a box."""
    return float(rng.uniform(*_SQUEEZES))


def _random_part(crops: Crops, share: float, rng: np.random.Generator) -> Crops:
    """A random `share` of the crops."""
    return crops[rng.permutation(len(crops))[: round(share * len(crops))]]


def labelled(crops: Crops, label: int) -> Examples:
    """Give all `crops` (n, 28, 28) one label."""
    return Examples(crops, np.full(len(crops), label, np.uint8))


def _generator(options: TrainOptions, purpose: int) -> np.random.Generator:
    """The random generator of one step of the preparation, numbered by `purpose`."""
    return np.random.default_rng([options.seed, purpose])
