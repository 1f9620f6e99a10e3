"""The probability that a number is read right: a small model, fitted to composed cells.

Its features are those of the reading of the strip, of the digit network's reading of the same
digits, and of the ink that no digit accounts for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import card_number, checked

_LEAST_DOUBT = 1e-5
"""Doubt below which a probability no longer counts: it is rounding there."""

FEATURES = ("strip", "digits", "lowest digit", "loose ink", "no ink", "length")
"""What the model knows of a number: the doubt of the reading of the strip, that of the digit
network about all digits that were read, and about the least sure of these, all as logarithms;
whether there is ink in no digit; whether `cell_ink` found none at all; how many digits the number
has, in tens."""


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """`number`: weights of `FEATURES` and a constant, in logits, that a number is read right.

    `no_ink` is the evidence, in logits, that a cell without any ink is blank.
    """

    number: tuple[float, ...]
    no_ink: float = 0.0

    @classmethod
    def from_card(cls, card: Mapping[str, object]) -> ConfidenceModel:
        """The model that the card of a number network states.

        Raises:
            KeyError, TypeError, ValueError: it states none, or another.
        """
        table = checked(card["confidence"], dict, "confidence")
        if tuple(checked(table["features"], list, "features")) != FEATURES:
            raise ValueError(f"its confidence has the features {table['features']}, not {FEATURES}")
        number = tuple(
            card_number(one, "number") for one in checked(table["number"], list, "number")
        )
        if len(number) != len(FEATURES) + 1:
            raise ValueError(f"number needs {len(FEATURES) + 1} weights. Received: {len(number)}")
        return cls(number, card_number(table["no_ink"], "no_ink"))

    def blank_probability(self, strip: float, has_ink: bool) -> float:
        """The probability that a cell is blank, given that by the reading of its strip."""
        odds = (strip + _LEAST_DOUBT) / (1 - min(strip, 1.0) + _LEAST_DOUBT)
        odds *= 1.0 if has_ink else float(np.exp(self.no_ink))
        return float(odds / (1 + odds))


def features(
    strip: float, digits: npt.NDArray[np.float64], *, loose: bool, has_ink: bool
) -> npt.NDArray[np.float64]:
    """The features of a number, (len(FEATURES),).

    Args:
        strip: the probability of the text on its strip.
        digits: (n,) the digit network's probability of each of its digits, n > 0.
        loose: there is ink in no digit.
        has_ink: ink was found in the cell.
    """
    probabilities = np.array([strip, digits.prod(), digits.min()])
    doubts = np.log(np.maximum(1 - probabilities, 0.0) + _LEAST_DOUBT)
    return np.array([*doubts, float(loose), float(not has_ink), len(digits) / 10], np.float64)


def probability(weights: tuple[float, ...], of: npt.NDArray[np.float64]) -> float:
    """The probability that a logistic model gives, from its weights and its constant, the last."""
    *slopes, constant = weights
    return float(1 / (1 + np.exp(-(np.dot(slopes, of) + constant))))
