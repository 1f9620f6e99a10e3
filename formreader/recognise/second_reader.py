"""Ensemble with a second reader: doubtful numbers are read again by another project's text reader.

It is an extra (`--second-reader`) and never needed. It reads the same strip as our network. It was
not trained on our digits, so its errors differ. A logistic regression computes the confidence from
its agreement. It does not override reasons for review such as loose ink.
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
from formreader.crop.number_strips import Strip
from formreader.recognise.model_card import CalibrationRow, calibration_rows
from formreader.recognise.number_confidence import probability
from formreader.recognise.number_reader import NUMBER_CARD_SCHEMA
from formreader.recognise.number_values import NumberValue, digits_of

SECOND_READERS = "second_readers"
"""Key in the card of the number network: the weights fitted to each second reader, by its name."""

SECOND_FEATURES = ("confidence", "score", "digits")
"""Features of a number: its confidence before, in logits; the log of the second reader's own doubt;
its number of digits, in tens."""

_SURE_ENOUGH = 0.98
"""From this confidence on numbers are not read again: of 4,747 accepted at 0.95, 20 were wrong, and
each reading takes 8 ms. A choice, not measured."""

_LEAST_NUMBER_DOUBT, _LEAST_SCORE_DOUBT = 1e-5, 1e-3
"""Smaller doubts are raised to these: of the number, and of the second reader. Not measured."""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """A text, and the second reader's own confidence in it, 0..1."""

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
    """Weights of `SECOND_FEATURES` and a bias, for the logit that a number is right.

    `same` is used if the second reader agrees, `other` if it does not. `calibration` is that of all
    numbers, with the doubtful ones read again.
    """

    same: tuple[float, ...]
    other: tuple[float, ...]
    calibration: tuple[CalibrationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """A second reader and its weights."""

    reader: SecondReader
    weights: SecondWeights

    def on(self, number: NumberValue, strip: Strip) -> NumberValue:
        """The number, read again by the second reader if that can help."""
        if not is_asked(number):
            return number
        return with_reading(number, self.reader.read(strip), self.weights)


def with_reading(
    number: NumberValue, reading: SecondReading, weights: SecondWeights
) -> NumberValue:
    """The number with the confidence that follows from a second reading."""
    features = second_features(number, reading)
    if not says_the_same(number, reading):
        return replace(number, confidence=probability(weights.other, features))
    return replace(number, confidence=probability(weights.same, features))


def is_asked(number: NumberValue) -> bool:
    """Whether a second reader can help with a number."""
    return number.sure and bool(digits_of(number.value)) and number.confidence < _SURE_ENOUGH


def says_the_same(number: NumberValue, reading: SecondReading) -> bool:
    """Whether a reading agrees with a number: the same digits, with separators between the same.

    The second reader confuses commas with points, so both count as one sign. Gaps and signs behind
    the last digit do not count.
    """
    return _compared(number.value) == _compared(reading.text)


def _compared(text: str) -> str:
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).replace(",", ".")
    return re.sub(r"\D+$", "", plain)


def second_features(number: NumberValue, reading: SecondReading) -> npt.NDArray[np.float64]:
    """The features of a number, (len(SECOND_FEATURES),)."""
    doubt = min(max(1 - number.confidence, _LEAST_NUMBER_DOUBT), 1 - _LEAST_NUMBER_DOUBT)
    logits = np.log((1 - doubt) / doubt)
    score = np.log(max(1 - reading.score, 0.0) + _LEAST_SCORE_DOUBT)
    return np.array([logits, score, len(digits_of(number.value)) / 10], np.float64)


@cache
def second_opinion(name: SecondReaderName) -> SecondOpinion:
    """The second reader of this name, loaded once per process.

    Raises:
        ModelError: nothing was fitted to it.
        UsageError: it is not installed.
    """
    check_rapid_ocr(f"--second-reader {name}")
    return SecondOpinion(RapidStrips(), second_weights(name))


def second_weights(name: SecondReaderName) -> SecondWeights:
    """The weights of a second reader, from the card of the number network.

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
        "Fit it: PYTHONPATH=references python -m number_network.second_fit"
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
