"""What a network is trained on besides MNIST: other hands, and what is no digit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from formreader.digits.card import Facts
from formreader.digits.network import NOT_A_DIGIT
from formreader.options import TrainOptions
from formreader.training.augment import augment, framed
from formreader.training.data import (
    Examples,
    held_out,
    joined,
    load_mnist,
    load_nondigits,
    load_writers,
)
from formreader.training.european import cross_sevens, flag_ones
from formreader.training.nondigits import draw_nondigits
from formreader.training.render.strokes import Hand, draw_strokes
from formreader.types import Crops

EUROPEAN = 0.6
"""Flagged ones and crossed sevens, as a share of MNIST's own ones and sevens."""
DRAWN = 0.2
"""Digits of the stroke model, as a share of MNIST's digits."""
NONDIGITS = 0.11
"""Drawn marks that are no digits, as a share of MNIST's digits."""
_DIGITS_A_HAND = 40


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What one training run sees.

    `validation` chooses the epoch and fits the temperature; no writer of it is in
    `training` where the writers are known. `test` is looked at once, at the end.
    `facts` says what the data are, for the card.
    """

    training: Examples
    validation: Examples
    test: Examples
    facts: Facts = field(default_factory=dict)


def prepare_data(options: TrainOptions) -> TrainingData:
    """MNIST split for training and validation, each with other hands and non-digits.

    Raises:
        NoInputError: a file cannot be read.
    """
    digits, test = load_mnist()
    writers = load_writers(options.writers, len(digits)) if options.writers else None
    held = held_out(len(digits), options.validation, _chance(options, 0), writers)
    training = mixture(digits[~held], _chance(options, 1), options.augment)
    validation = mixture(digits[held], _chance(options, 2), options.augment)
    if options.nondigits:
        training = joined(training, own_nondigits(load_nondigits(options.nondigits)))
    if options.augment:
        # Half of them again as poor scans show them, so that confidence is honest there too.
        again = validation[np.arange(0, len(validation), 2)]
        degraded = Examples(augment(again.crops, _chance(options, 3)), again.labels)
        validation = joined(validation, degraded)
    facts: Facts = {
        "digits": "MNIST training set (LeCun, Cortes and Burges 1998)",
        "training_examples": len(training),
        "training_mnist_digits": int((~held).sum()),
        "validation_examples": len(validation),
        "validation_mnist_digits": int(held.sum()),
        "writer_disjoint": writers is not None,
        "own_nondigits": options.nondigits is not None,
    }
    return TrainingData(training, validation, test, facts)


def mixture(digits: Examples, rng: np.random.Generator, other_hands: bool = True) -> Examples:
    """`digits` with non-digits and, where `other_hands`, European and drawn digits."""
    marks = draw_nondigits(round(NONDIGITS * len(digits)), digits.crops, rng)
    parts = [digits, labelled(marks, NOT_A_DIGIT)]
    if other_hands:
        ones, sevens = (digits.crops[digits.labels == label] for label in (1, 7))
        flagged = flag_ones(_some(ones, EUROPEAN, rng), rng)
        crossed = cross_sevens(_some(sevens, EUROPEAN, rng), rng)
        drawn = draw_digits(round(DRAWN * len(digits)), rng)
        parts += [labelled(flagged, 1), labelled(crossed, 7), drawn]
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
