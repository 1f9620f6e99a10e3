"""A third voice on the numbers that two leave in doubt: a reader of text made by others.

It is an extra (`--second-reader`) and never needed. It reads the same strip as our network, without
having learned from our digits, so that it errs in other ways. Where it says the same, a small model
gives the confidence, and the number is no longer for review for the two voices that differ; where
it does not, the number only loses confidence. What keeps a number for review for other reasons,
such as loose ink, it cannot judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.core.errors import ModelError
from formreader.core.model_folder import (
    NUMBER_MODEL,
    card_errors,
    card_number,
    checked,
    model_folder,
    read_card_file,
)
from formreader.core.options import SecondReaderName
from formreader.core.rapid_ocr import check_rapid_ocr, rapid_ocr, rapid_ocr_version
from formreader.recognise.model_card import CalibrationRow, calibration_rows
from formreader.recognise.number_reader import NUMBER_CARD_SCHEMA
from formreader.recognise.number_vote import NumberVote, digits_of
from formreader.recognise.vote_weights import probability
from formreader.segment.number_strip import Strip

SECOND_READERS = "second_readers"
"""Where the card of the number network keeps what was fitted to second readers, by their names."""

SECOND_FEATURES = ("vote", "score", "differ", "digits")
"""What the model knows of a number: its confidence before, in logits; the logarithm of the second
reader's own doubt; whether the two voices differ; how many digits the number has, in tens."""

_SURE_ENOUGH = 0.98
"""Numbers that both voices say are not asked about from this confidence on: of 4,747 that were
accepted at 0.95, 20 were wrong, and each question takes 8 ms. A choice, not measured."""

_LEAST_VOTE_DOUBT, _LEAST_SCORE_DOUBT = 1e-5, 1e-3
"""Doubts below which it makes no difference how small they are."""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """A text, and how sure the second reader is of it, from 0 to 1."""

    text: str
    score: float


class SecondReader(Protocol):
    """Reads the text on a strip."""

    def read(self, strip: Strip) -> SecondReading:
        """The text on a strip, (STRIP_HEIGHT, w) uint8, 0 for paper and 255 for ink."""


class RapidStrips:
    """RapidOCR, which must be installed."""

    def __init__(self) -> None:
        self._engine: Any = rapid_ocr()

    def read(self, strip: Strip) -> SecondReading:
        picture = np.repeat(255 - strip[:, :, None], 3, axis=2)
        found = self._engine(picture, use_det=False, use_cls=False, use_rec=True)
        if not found.txts:
            return SecondReading("", 0.0)
        return SecondReading("".join(found.txts), float(min(found.scores)))


@dataclass(frozen=True, slots=True)
class SecondWeights:
    """Weights of `SECOND_FEATURES` and a constant, in logits, for numbers that are asked about.

    `same`: that the number is right where the second reader says it, too; `other`: where it does
    not. `calibration` is that of all numbers, once the doubtful ones were asked about.
    """

    same: tuple[float, ...]
    other: tuple[float, ...]
    calibration: tuple[CalibrationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SecondVoice:
    """A second reader, and how far it is to be believed."""

    reader: SecondReader
    weights: SecondWeights

    def heard(self, vote: NumberVote, strip: Strip) -> NumberVote:
        """The vote on a number, once the second reader was asked if that can help."""
        if not is_asked(vote):
            return vote
        return with_reading(vote, self.reader.read(strip), self.weights)


def with_reading(vote: NumberVote, reading: SecondReading, weights: SecondWeights) -> NumberVote:
    """The vote on a number that a second reader was asked about."""
    features = second_features(vote, reading)
    if not says_the_same(vote, reading):
        return replace(vote, confidence=probability(weights.other, features))
    return replace(vote, confidence=probability(weights.same, features), doubt="")


def is_asked(vote: NumberVote) -> bool:
    """Whether a second reader can help with a number."""
    if vote.doubt not in ("", Doubt.READ_IN_TWO_WAYS) or not digits_of(vote.value):
        return False
    return not vote.sure or vote.confidence < _SURE_ENOUGH


def says_the_same(vote: NumberVote, reading: SecondReading) -> bool:
    """Whether a reading is the number of a vote: the same digits, and separators between the same.

    It tells commas from points no better than it tells gaps, so these two count as one sign, and
    gaps do not count. Neither do signs behind the last digit.
    """
    return _compared(vote.value) == _compared(reading.text)


def _compared(text: str) -> str:
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace(",", ".")
    return re.sub(r"\D+$", "", plain)


def second_features(vote: NumberVote, reading: SecondReading) -> npt.NDArray[np.float64]:
    """The features of a number, (len(SECOND_FEATURES),)."""
    doubt = min(max(1 - vote.confidence, _LEAST_VOTE_DOUBT), 1 - _LEAST_VOTE_DOUBT)
    logits = np.log((1 - doubt) / doubt)
    score = np.log(max(1 - reading.score, 0.0) + _LEAST_SCORE_DOUBT)
    return np.array([logits, score, not vote.sure, len(digits_of(vote.value)) / 10], np.float64)


@cache
def second_voice(name: SecondReaderName) -> SecondVoice:
    """The second reader of this name, loaded once per process.

    Raises:
        ModelError: nothing was fitted to it.
        UsageError: it is not installed.
    """
    check_rapid_ocr(f"--second-reader {name}")
    return SecondVoice(RapidStrips(), second_weights(name))


def second_weights(name: SecondReaderName) -> SecondWeights:
    """How far a second reader is to be believed, by the card of the network for numbers.

    Raises:
        ModelError: the card is damaged, or nothing was fitted to this reader.
    """
    folder = model_folder(NUMBER_MODEL)
    with card_errors(folder):
        card = read_card_file(folder, NUMBER_CARD_SCHEMA)
        readers = checked(card.get(SECOND_READERS, {}), dict, SECOND_READERS)
        if name in readers:
            return _weights(checked(readers[name], dict, name))
    raise ModelError(
        f"{folder}: nothing in this model says how far --second-reader {name} is to be believed. "
        "Fit it: python -m formreader.training.number_network.second_fit"
    )


def _weights(table: Mapping[str, object]) -> SecondWeights:
    if tuple(checked(table["features"], list, "features")) != SECOND_FEATURES:
        raise ValueError(f"its features are {table['features']}, not {SECOND_FEATURES}")
    same, other = (
        tuple(card_number(one, case) for one in checked(table[case], list, case))
        for case in ("same", "other")
    )
    if not len(same) == len(other) == len(SECOND_FEATURES) + 1:
        raise ValueError(f"same and other need {len(SECOND_FEATURES) + 1} numbers each")
    return SecondWeights(same, other, calibration_rows(table))


def second_reader_version(name: SecondReaderName) -> str:
    """Name and version of a second reader, such as `rapidocr 3.10.0`.

    Raises:
        UsageError: it is not installed.
    """
    check_rapid_ocr(f"--second-reader {name}")
    return f"{name} {rapid_ocr_version()}"
