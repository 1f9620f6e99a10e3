"""Fit how far a second reader is to be believed, and write it into the card of the number network.

    python -m formreader.training.number_network.second_fit --writers writers.npz --digits set.npz

It needs the extra `labels`. The cells are those of the hands that the network's training holds
back. The network and its vote stay as they are; whoever trains them anew runs this again.
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
from formreader.recognise.number_vote import NumberVote, digits_of, settle, without_ending
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
from formreader.segment.number_strip import Strip
from formreader.training.fit.calibration import error_counts
from formreader.training.network_folder import unwritable, write_network_card
from formreader.training.network_program import NetworkProgram
from formreader.training.number_network.number_options import NumberTrainOptions
from formreader.training.number_network.strip_pool import HandSource
from formreader.training.number_network.vote_fitting import fit_logistic, read_composed
from formreader.training.option_checks import check_counts

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
    vote_cells: int = _LEARN.vote_cells
    writers: Path | None = None
    digits: tuple[str, ...] = ()
    split_seed: int = _LEARN.split_seed

    def __post_init__(self) -> None:
        check_counts(self, "vote_cells")


@dataclass(frozen=True, slots=True, eq=False)
class DoubtfulNumber:
    """The vote on a composed number, whether it is right, and what the second reader says of it.

    `reading` is None where that was not asked.
    """

    vote: NumberVote
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
    """Fit RapidOCR's voice, and write it into the card; returns what was measured.

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
    """The votes on composed cells, with what the second reader says of those it is asked about."""
    source = HandSource(options.writers, options.digits, options.split_seed, held_back=True)
    cells = read_composed(source, _FIRST_SEED, options.vote_cells, reader.outputs_of, tell)
    tell(f"asking the second reader about the doubtful ones of {len(cells)} cells")
    numbers = list[DoubtfulNumber]()
    for one in cells:
        strip = one.cuts.field.strip
        vote = settle(one.cuts.field, one.cuts.probabilities, one.heard, reader.weights).vote
        if strip is None or not digits_of(vote.value):
            continue
        right = vote.value.replace(" ", "") == without_ending(one.target)
        numbers.append(DoubtfulNumber(vote, right, _asked(second, vote, strip.darkness)))
    return numbers


def _asked(second: SecondReader, vote: NumberVote, strip: Strip) -> SecondReading | None:
    return second.read(strip) if is_asked(vote) else None


def fit_weights(numbers: Sequence[DoubtfulNumber]) -> SecondWeights:
    """Fit the weights of both cases: that it says the same, and that it does not."""
    cases: dict[bool, list[tuple[DoubtfulNumber, SecondReading]]] = {True: [], False: []}
    for one in numbers:
        if one.reading is not None:
            cases[says_the_same(one.vote, one.reading)].append((one, one.reading))
    return SecondWeights(_fit(cases[True]), _fit(cases[False]))


def _fit(asked: Sequence[tuple[DoubtfulNumber, SecondReading]]) -> tuple[float, ...]:
    features = [second_features(one.vote, reading) for one, reading in asked]
    right = np.array([one.right for one, _ in asked], np.bool_)
    return fit_logistic(np.reshape(features, (len(asked), len(SECOND_FEATURES))), right)


def measure(
    numbers: Sequence[DoubtfulNumber], weights: SecondWeights
) -> tuple[SecondFigures, SecondWeights]:
    """Figures on numbers, and the weights with the errors that each threshold lets pass."""
    before = [one.vote for one in numbers]
    after = [
        one.vote if one.reading is None else with_reading(one.vote, one.reading, weights)
        for one in numbers
    ]
    right = np.array([one.right for one in numbers], np.bool_)
    confidences = np.array([vote.confidence for vote in after])
    sure = np.array([vote.sure for vote in after], np.bool_)
    figures = SecondFigures(
        len(numbers),
        sum(one.reading is not None for one in numbers),
        *_accepted(before, right),
        *_accepted(after, right),
    )
    rows = error_counts(confidences, sure, right)
    return figures, SecondWeights(weights.same, weights.other, rows)


def _accepted(votes: Sequence[NumberVote], right: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many votes the default threshold accepts, and how many of these are wrong."""
    least = ScanOptions(()).review_below
    accepted = np.array([vote.sure and vote.confidence >= least for vote in votes], np.bool_)
    return int(accepted.sum()), int((accepted & ~right).sum())


PROGRAM = NetworkProgram(
    "formreader.training.number_network.second_fit",
    "Fit how far a second reader is to be believed.",
    SecondFitOptions,
    {
        "model": "the network for numbers: its name, or its folder, whose card is written anew",
        "vote_cells": "cells of held-back hands to fit to, half of them, and to measure on",
        "writers": "table of MNIST's writers, .npz",
        "digits": "further set of digits, .npz; repeatable",
        "split_seed": "seed of the choice of held-back hands",
    },
    fit_second,
)

if __name__ == "__main__":
    PROGRAM.main()
