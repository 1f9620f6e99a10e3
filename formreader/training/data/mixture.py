"""What a network is trained on besides MNIST: other hands, and what is no digit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Crops
from formreader.core.options import TrainOptions
from formreader.recognise.model_card import Facts
from formreader.synth.strokes import Hand, draw_strokes
from formreader.training.augment.augmentation import framed
from formreader.training.augment.digit_styles import STYLED, restyle
from formreader.training.augment.nondigits import draw_nondigits
from formreader.training.data.digit_sets import load_digits
from formreader.training.data.examples import (
    Examples,
    held_out,
    joined,
    load_mnist,
    load_nondigits,
    load_writers,
)
from formreader.training.data.page_crops import page_crops

DRAWN = 0.2
"""Digits of the stroke model, as a share of MNIST's digits."""
NONDIGITS = 0.16
"""Drawn marks that are no digits, as a share of MNIST's digits."""
HELD_PAGES = 0.25
"""Pages of held-out digits, as a share of those for training."""
_DIGITS_A_HAND = 40


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What one training run sees.

    `training` is to be varied in every way, `scanned` comes from pages and is to be varied in
    shape only. `validation` chooses the epoch and fits the temperature, `calibration`, those of
    them that come from pages, fills the card's table; no writer of theirs is trained on where
    the writers are known. `test` is looked at once, at the end. `facts` says what the data
    are, for the card.
    """

    training: Examples
    scanned: Examples
    validation: Examples
    calibration: Examples
    test: Examples
    facts: Facts = field(default_factory=dict)


def prepare_data(options: TrainOptions, tell: Callable[[str], None] | None = None) -> TrainingData:
    """The sets of digits split for training and validation, with other hands and non-digits.

    `tell` hears how it goes.

    Raises:
        NoInputError: a file cannot be read.
    """
    # The files first: drawing takes a minute.
    own_marks = own_nondigits(load_nondigits(options.nondigits)) if options.nondigits else None
    digits, held, writers_known = _split(options)
    _, test = load_mnist()
    training = mixture(digits[~held], _chance(options, 1), options.augment)
    validation = mixture(digits[held], _chance(options, 2), options.augment)
    if own_marks is not None:
        training = joined(training, own_marks)
    scanned = _on_pages(training, options.pages, options, 3, tell)
    calibration = _on_pages(validation, math.ceil(HELD_PAGES * options.pages), options, 4, tell)
    facts: Facts = {
        "digits": ", ".join(options.data),
        "training_examples": len(training),
        "training_digits": int((~held).sum()),
        "training_crops_of_pages": len(scanned),
        "validation_examples": len(validation),
        "validation_digits": int(held.sum()),
        "calibration_crops_of_pages": len(calibration),
        "writer_disjoint": writers_known,
        "own_nondigits": options.nondigits is not None,
    }
    chosen_on = joined(validation, calibration)
    return TrainingData(
        training, scanned, chosen_on, calibration if len(calibration) else validation, test, facts
    )


def _split(options: TrainOptions) -> tuple[Examples, npt.NDArray[np.bool_], bool]:
    """All digits of the sets named, which are held out, and whether that goes by writers."""
    parts, held, known = [], [], True
    for source in options.data:
        digits = load_digits(source)
        writers = None
        if source == "mnist" and options.writers:
            writers = load_writers(options.writers, len(digits))
        elif source != "mnist":
            # Other sets may be sorted by class: any of their digits may be held out.
            writers = np.arange(len(digits))
        known = known and source == "mnist" and writers is not None
        parts.append(digits)
        held.append(held_out(len(digits), options.validation, _chance(options, 0), writers))
    return joined(*parts), np.concatenate(held), known


def _on_pages(
    examples: Examples,
    pages: int,
    options: TrainOptions,
    purpose: int,
    tell: Callable[[str], None] | None,
) -> Examples:
    digits = examples[examples.labels != NOT_A_DIGIT]
    return page_crops(digits, pages, int(_chance(options, purpose).integers(2**31)), tell)


def mixture(digits: Examples, rng: np.random.Generator, other_hands: bool = True) -> Examples:
    """`digits` with non-digits and, where `other_hands`, European and drawn digits."""
    marks = draw_nondigits(round(NONDIGITS * len(digits)), digits.crops, rng)
    parts = [digits, labelled(marks, NOT_A_DIGIT)]
    if other_hands:
        for label, share in STYLED.items():
            own = _some(digits.crops[digits.labels == label], share, rng)
            parts.append(labelled(restyle(own, label, rng), label))
        parts.append(draw_digits(round(DRAWN * len(digits)), rng))
    return joined(*parts)


def own_nondigits(images: Crops) -> Examples:
    """A user's own marks (n, h, w), bright ink on black, framed as crops."""
    return labelled(np.stack([framed(image) for image in images]), NOT_A_DIGIT)


def draw_digits(n: int, rng: np.random.Generator) -> Examples:
    """`n` digits by many hands of the stroke model, with every pen from hairline to felt."""
    crops = np.empty((n, 28, 28), np.uint8)
    labels = rng.integers(0, 10, n, dtype=np.uint8)
    hand = Hand.sample(rng)
    for i, label in enumerate(labels):
        if i % _DIGITS_A_HAND == 0:
            hand = Hand.sample(rng)
        height = 44.0
        strokes = hand.digit(str(label), rng)
        mask = draw_strokes(strokes, height, hand_width(rng), height * rng.uniform(0.045, 0.19))
        crops[i] = framed((mask * 255).astype(np.uint8))
    return Examples(crops, labels)


def hand_width(rng: np.random.Generator) -> float:
    """How far a box squeezes or stretches what is written into it."""
    return float(rng.uniform(0.75, 1.2))


def _some(crops: Crops, share: float, rng: np.random.Generator) -> Crops:
    return crops[rng.permutation(len(crops))[: round(share * len(crops))]]


def labelled(crops: Crops, label: int) -> Examples:
    """`crops` (n, 28, 28) that all have one label."""
    return Examples(crops, np.full(len(crops), label, np.uint8))


def _chance(options: TrainOptions, purpose: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, purpose])
