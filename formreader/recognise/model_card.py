"""The model card, the description of a model in its folder: written, read and validated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, TypeVar

from formreader.core.classes import CLASSES
from formreader.core.model_folder import (
    card_errors,
    card_hashes,
    card_number,
    checked,
    read_card_file,
)

CARD_SCHEMA = 1
"""Version of the card's layout; cards of other versions are refused."""

BOUND_CONFIDENCE = 0.95
"""Confidence level of the card's upper bounds of error rates."""

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.01, 100.0
"""Range of valid temperatures. It is wider than the range in which training fits them."""

Facts: TypeAlias = Mapping[str, str | int | float | bool]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """Counted errors when readings with a confidence of at least `threshold` are accepted.

    Of `n` held-out crops `accepted` were accepted, and `errors` of these were wrong. `error_bound`
    is the upper end of the one-sided 95 % confidence interval of the error rate (Clopper and
    Pearson 1934).

    Raises:
        ValueError: the counts contradict one another, or a probability is out of range.
    """

    threshold: float
    n: int
    accepted: int
    errors: int
    error_bound: float

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.accepted <= self.n:
            raise ValueError(f"calibration counts contradict one another. Received: {self}")
        # Not `threshold < 0 or ...`: NaN would pass, as every comparison with it is false.
        if not (0 <= self.threshold <= 1 and 0 < self.error_bound <= 1):
            raise ValueError(f"calibration needs probabilities. Received: {self}")
        if self.errors > self.error_bound * self.accepted:
            raise ValueError(f"the error bound is below the errors counted. Received: {self}")


@dataclass(frozen=True, slots=True)
class TestFigures:
    """The model's results on one set of crops that it was not trained on.

    `right_of_ten` counts the crops whose most probable digit is right. `right_of_all` counts those
    of them for which "not a digit" is not more probable.

    Raises:
        ValueError: the counts contradict one another.
    """

    data: str
    n: int
    right_of_ten: int
    right_of_all: int

    def __post_init__(self) -> None:
        if not all(0 <= right <= self.n for right in (self.right_of_ten, self.right_of_all)):
            raise ValueError(f"test counts contradict one another. Received: {self}")

    # Otherwise pytest takes the class for a test, by its name.
    __test__ = False


@dataclass(frozen=True, slots=True)
class Card:
    """Everything about a model except its weights.

    `created` is an ISO date. The logits are divided by `temperature` before the softmax.
    `training` and `recipe` are facts for people. `files` maps the name of each model file in
    the folder to its SHA-256 in hexadecimal. The rows of `calibration` are measured on one set of
    crops, at rising thresholds.

    Raises:
        ValueError: the temperature, the classes or the calibration are not valid.
    """

    name: str
    version: str
    created: str
    parameters: int
    temperature: float
    training: Facts
    recipe: Facts
    tests: tuple[TestFigures, ...]
    calibration: tuple[CalibrationRow, ...]
    files: Mapping[str, str]
    classes: tuple[str, ...] = CLASSES

    def __post_init__(self) -> None:
        if not _MIN_TEMPERATURE <= self.temperature <= _MAX_TEMPERATURE:
            raise ValueError(
                f"the temperature must be from {_MIN_TEMPERATURE:g} to {_MAX_TEMPERATURE:g}. "
                f"Received: {self.temperature}"
            )
        if self.classes != CLASSES:
            raise ValueError(f"the classes must be {CLASSES}. Received: {self.classes}")
        for looser, stricter in pairwise(self.calibration):
            _check_order(looser, stricter)

    def to_json(self) -> str:
        """The card as JSON text, readable by people."""
        table = {"schema": CARD_SCHEMA} | asdict(self)
        return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def _check_order(looser: CalibrationRow, stricter: CalibrationRow) -> None:
    """Refuse rows that cannot be of the same crops: a lower threshold accepts no fewer of them."""
    if not (
        looser.threshold < stricter.threshold
        and looser.n == stricter.n
        and looser.accepted >= stricter.accepted
        and looser.errors >= stricter.errors
    ):
        raise ValueError(
            "the rows of the calibration must be of one set of crops, at rising thresholds. "
            f"Received: {looser}, then {stricter}"
        )


def read_card(folder: Path) -> Card:
    """Read the card of a model folder.

    Raises:
        ModelError: the folder has no card, or the card is damaged or of another version.
    """
    table = read_card_file(folder, CARD_SCHEMA)
    with card_errors(folder):
        return _card(table)


def _card(table: dict[str, object]) -> Card:
    return Card(
        name=_value(table, "name", str),
        version=_value(table, "version", str),
        created=_value(table, "created", str),
        parameters=_value(table, "parameters", int),
        temperature=_number(table, "temperature"),
        training=_value(table, "training", dict),
        recipe=_value(table, "recipe", dict),
        tests=tuple(_test(row) for row in _value(table, "tests", list)),
        calibration=calibration_rows(table),
        files=card_hashes(table),
        classes=tuple(checked(name, str, "classes") for name in _value(table, "classes", list)),
    )


def _test(raw: object) -> TestFigures:
    row = checked(raw, dict, "a row of tests")
    return TestFigures(
        data=_value(row, "data", str),
        n=_value(row, "n", int),
        right_of_ten=_value(row, "right_of_ten", int),
        right_of_all=_value(row, "right_of_all", int),
    )


def calibration_rows(table: Mapping[str, object]) -> tuple[CalibrationRow, ...]:
    """The rows of a card's calibration.

    Raises:
        KeyError, TypeError, ValueError: it is missing or invalid.
    """
    return tuple(map(_calibration, checked(table["calibration"], list, "calibration")))


def _calibration(raw: object) -> CalibrationRow:
    row = checked(raw, dict, "a row of calibration")
    return CalibrationRow(
        threshold=_number(row, "threshold"),
        n=_value(row, "n", int),
        accepted=_value(row, "accepted", int),
        errors=_value(row, "errors", int),
        error_bound=_number(row, "error_bound"),
    )


def _number(table: dict[str, object], key: str) -> float:
    return card_number(table[key], key)


def _value(table: dict[str, object], key: str, kind: type[_T]) -> _T:
    return checked(table[key], kind, key)
