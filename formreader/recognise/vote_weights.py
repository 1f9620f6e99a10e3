"""How far each of two voices on a number is to be believed: a small model, fitted when training.

One voice cuts the ink into digits (`segment`), the other reads the strip as a whole
(`number_reader`). The features are the same where the model is fitted and where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import card_number, checked

_LEAST_DOUBT = 1e-5
"""Doubt below which a voice's probability no longer counts: it is rounding there."""

FEATURES = ("strip", "cuts", "lowest digit", "loose ink", "digits")
"""What the model knows of a number: the doubt of the reading of the strip, that of the cuts and
their digits, and that of the least sure of these, all as logarithms; whether there is ink in no
digit; how many digits the number has, in tens."""


@dataclass(frozen=True, slots=True)
class VoteWeights:
    """Weights of `FEATURES` and a constant, in logits.

    `agreed`: that both voices are right where they say the same. `strip` and `cuts`: that this
    voice is right where they differ. `no_ink` is the evidence, in logits, that a cell without any
    ink to cut is blank.
    """

    agreed: tuple[float, ...]
    strip: tuple[float, ...]
    cuts: tuple[float, ...]
    no_ink: float = 0.0


def features(
    strip: float, cuts: float, lowest: float, loose: bool, digits: int
) -> npt.NDArray[np.float64]:
    """The features of a number, (len(FEATURES),), from the probabilities of the voices."""
    doubts = [float(np.log(max(1 - p, 0.0) + _LEAST_DOUBT)) for p in (strip, cuts, lowest)]
    return np.array([*doubts, float(loose), digits / 10], np.float64)


def probability(weights: tuple[float, ...], of: npt.NDArray[np.float64]) -> float:
    """The model's probability, given the weights for a case."""
    *slopes, constant = weights
    return float(1 / (1 + np.exp(-(np.dot(slopes, of) + constant))))


def blank_probability(weights: VoteWeights, strip: float, no_ink: bool) -> float:
    """The probability that a cell is blank, given that by its strip's reader."""
    odds = (strip + _LEAST_DOUBT) / (1 - min(strip, 1.0) + _LEAST_DOUBT)
    odds *= float(np.exp(weights.no_ink)) if no_ink else 1.0
    return float(odds / (1 + odds))


def vote_weights(card: Mapping[str, object]) -> VoteWeights:
    """The weights that a card of a number network states.

    Raises:
        KeyError, TypeError, ValueError: it states none, or others.
    """
    table = checked(card["vote"], dict, "vote")
    if tuple(checked(table["features"], list, "features")) != FEATURES:
        raise ValueError(f"its vote has the features {table['features']}, not {FEATURES}")
    agreed, strip, cuts = (_numbers(table[case], case) for case in ("agreed", "strip", "cuts"))
    return VoteWeights(agreed, strip, cuts, card_number(table["no_ink"], "no_ink"))


def _numbers(value: object, name: str) -> tuple[float, ...]:
    numbers = tuple(card_number(one, name) for one in checked(value, list, name))
    if len(numbers) != len(FEATURES) + 1:
        raise ValueError(f"{name} needs {len(FEATURES) + 1} numbers. Received: {len(numbers)}")
    return numbers
