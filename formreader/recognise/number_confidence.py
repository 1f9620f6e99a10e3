"""The probability that a number is read right: a logistic regression fitted to composed cells.

Its features are the reading of the strip, the digit network's reading of the same digits, and the
ink that no digit accounts for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import card_number, checked

_LEAST_DOUBT = 1e-5
"""Doubts (one minus a probability) are raised to this; smaller ones are rounding errors."""

FEATURES = ("strip", "digits", "lowest digit", "loose ink", "no ink", "length")
"""Features of a number. As log doubts: the reading of its strip; the digit network's reading of all
its digits; that of its least sure digit. Then: whether there is loose ink; whether there is no ink
at all; its number of digits, in tens."""


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """The weights of the logistic regression.

    `number` has the weights of `FEATURES` and a bias, for the logit that a number is read right.
    `no_ink` is added to the logit of a blank cell if it has no ink.
    """

    number: tuple[float, ...]
    no_ink: float = 0.0

    @classmethod
    def from_card(cls, card: Mapping[str, object]) -> ConfidenceModel:
        """Read the model from the card of a number network.

        Raises:
            KeyError, TypeError, ValueError: it is missing or of another version.
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
        """The probability that a cell is blank; `strip` is that by the reading of its strip."""
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
        loose: whether there is ink that is in no digit.
        has_ink: whether there is any ink in the cell.
    """
    probabilities = np.array([strip, digits.prod(), digits.min()])
    doubts = np.log(np.maximum(1 - probabilities, 0.0) + _LEAST_DOUBT)
    return np.array([*doubts, float(loose), float(not has_ink), len(digits) / 10], np.float64)


def probability(weights: tuple[float, ...], of: npt.NDArray[np.float64]) -> float:
    """The probability by a logistic regression; the last of its `weights` is the bias."""
    *slopes, constant = weights
    return float(1 / (1 + np.exp(-(np.dot(slopes, of) + constant))))
