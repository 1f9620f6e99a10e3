"""Fit how far a second reader is to be believed, and write it into the card of the number network.

    python -m number_network.second_fit --writers writers.npz --digits set.npz

It needs the extra `labels`. The cells are those of the hands that the network's training holds
back. The network and its confidence stay as they are; whoever trains them anew runs this again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import NUMBER_MODEL, card_errors, model_folder, read_card_file
from formreader.core.options import ScanOptions
from formreader.recognise.number_reader import NUMBER_CARD_SCHEMA, NumberReader
from formreader.recognise.number_values import NumberValue, digits_of, settle
from formreader.recognise.second_reader import (
    SECOND_FEATURES,
    SECOND_READERS,
    RapidStrips,
    SecondReader,
    SecondReading,
    SecondWeights,
    is_asked,
    says_the_same,
    second_features,
    second_reader_version,
    with_reading,
)
from formreader.training.fit.calibration import error_counts
from formreader.training.network_folder import unwritable, write_network_card
from number_network.confidence_fitting import fit_logistic, read_composed
from number_network.number_options import NumberTrainOptions
from number_network.strip_pool import HandSource
from shared.network_options import check_counts
from shared.network_program import NetworkProgram

_FIRST_SEED = 6 * 10**12
"""Seed of the first cells, far from those of `number_training`."""

_LEARN = NumberTrainOptions()


@dataclass(frozen=True, slots=True)
class SecondFitOptions:
    """Options of the fit: `model` is the folder of the network, the others are as for its training.

    Raises:
        UsageError: an option is out of range.
    """

    model: Path = Path(NUMBER_MODEL)
    fit_cells: int = _LEARN.fit_cells
    writers: Path | None = None
    digits: tuple[str, ...] = ()
    split_seed: int = _LEARN.split_seed

    def __post_init__(self) -> None:
        check_counts(self, "fit_cells")


@dataclass(frozen=True, slots=True, eq=False)
class DoubtfulNumber:
    """What a composed number is read as, whether that is right, and the second reading.

    `reading` is None where that was not asked.
    """

    value: NumberValue
    right: bool
    reading: SecondReading | None


@dataclass(frozen=True, slots=True)
class SecondFigures:
    """On numbers that nothing was fitted to: accepted at the default threshold, and wrong of these.

    `asked`: how many the second reader was asked about. The others are `without` it and with it.
    """

    numbers: int
    asked: int
    accepted_without: int
    wrong_without: int
    accepted: int
    wrong: int


def fit_second(options: SecondFitOptions, tell: Callable[[str], None]) -> str:
    """Fit how far RapidOCR is to be believed, write it into the card; returns what was measured.

    Raises:
        ModelError: the folder holds no network for numbers.
        NoInputError: a set of digits is missing or invalid.
        OutputError: the card cannot be written.
        UsageError: RapidOCR is not installed.
    """
    version = second_reader_version("rapidocr")
    folder = model_folder(str(options.model))
    with card_errors(folder):
        card = read_card_file(folder, NUMBER_CARD_SCHEMA)
    numbers = doubtful_numbers(options, NumberReader.load(folder), RapidStrips(), tell)
    weights = fit_weights(numbers[::2])
    figures, weights = measure(numbers[1::2], weights)
    entry = {"version": version, "features": list(SECOND_FEATURES)} | asdict(weights)
    entry["figures"] = asdict(figures)
    try:
        write_network_card(folder, {**card, SECOND_READERS: {"rapidocr": entry}})
    except OSError as error:
        raise unwritable(folder, error) from error
    return str(figures)


def doubtful_numbers(
    options: SecondFitOptions,
    reader: NumberReader,
    second: SecondReader,
    tell: Callable[[str], None],
) -> list[DoubtfulNumber]:
    """What composed cells are read as, and what the second reader says where it is asked."""
    source = HandSource(options.writers, options.digits, options.split_seed, held_back=True)
    cells = read_composed(source, _FIRST_SEED, options.fit_cells, reader.outputs_of, tell)
    tell(f"asking the second reader about the doubtful ones of {len(cells)} cells")
    numbers = list[DoubtfulNumber]()
    for one in cells:
        field, digits = one.field.field, one.field.probabilities
        value = settle(field, digits, one.hypothesis, reader.confidence)[2]
        if field.strip is not None and digits_of(value.value):
            reading = second.read(field.strip.darkness) if is_asked(value) else None
            numbers.append(DoubtfulNumber(value, one.right, reading))
    return numbers


def fit_weights(numbers: Sequence[DoubtfulNumber]) -> SecondWeights:
    """Fit the weights of both cases: that it says the same, and that it does not."""
    cases: dict[bool, list[tuple[DoubtfulNumber, SecondReading]]] = {True: [], False: []}
    for one in numbers:
        if one.reading is not None:
            cases[says_the_same(one.value, one.reading)].append((one, one.reading))
    return SecondWeights(_fit(cases[True]), _fit(cases[False]))


def _fit(asked: Sequence[tuple[DoubtfulNumber, SecondReading]]) -> tuple[float, ...]:
    features = [second_features(one.value, reading) for one, reading in asked]
    right = np.array([one.right for one, _ in asked], np.bool_)
    return fit_logistic(np.reshape(features, (len(asked), len(SECOND_FEATURES))), right)


def measure(
    numbers: Sequence[DoubtfulNumber], weights: SecondWeights
) -> tuple[SecondFigures, SecondWeights]:
    """Figures on numbers, and the weights with the errors that each threshold lets pass."""
    before = [one.value for one in numbers]
    after = [
        one.value if one.reading is None else with_reading(one.value, one.reading, weights)
        for one in numbers
    ]
    right = np.array([one.right for one in numbers], np.bool_)
    confidences = np.array([value.confidence for value in after])
    sure = np.array([value.sure for value in after], np.bool_)
    figures = SecondFigures(
        len(numbers),
        sum(one.reading is not None for one in numbers),
        *_accepted(before, right),
        *_accepted(after, right),
    )
    rows = error_counts(confidences, sure, right)
    return figures, SecondWeights(weights.same, weights.other, rows)


def _accepted(values: Sequence[NumberValue], right: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many values the default threshold accepts, and how many of these are wrong."""
    least = ScanOptions(()).review_below
    accepted = np.array([value.sure and value.confidence >= least for value in values], np.bool_)
    return int(accepted.sum()), int((accepted & ~right).sum())


PROGRAM = NetworkProgram(
    "number_network.second_fit",
    "Fit how far a second reader is to be believed.",
    SecondFitOptions,
    {
        "model": "the network for numbers: its name, or its folder, whose card is written anew",
        "fit_cells": "cells of held-back hands to fit to, half of them, and to measure on",
        "writers": "table of MNIST's writers, .npz",
        "digits": "further set of digits, .npz; repeatable",
        "split_seed": "seed of the choice of held-back hands",
    },
    fit_second,
)

if __name__ == "__main__":
    PROGRAM.main()
