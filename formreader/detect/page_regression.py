"""Logistic regression on the things of a page: first each by itself, then beside the others.

A form repeats itself: what its other rows are tells about a row that by itself leaves doubt. So
the logits of a first regression (Cox 1958) are weighed in a second one, with what they say of
the page's other rows. Both are fitted on drawn pages, where the truth is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from formreader.core.model_folder import card_number, checked

_Floats = npt.NDArray[np.float64]

_MAX_LOGIT = 4.0
"""Limit of the logits of scores."""


@dataclass(frozen=True, slots=True, eq=False)
class PageRegression:
    """The weights of both regressions: a base for what is decided so.

    `weights`, (k,), one for each of `FEATURES`, and `bias` are the first one's. `context` is the
    second one's: the weight of the first one's logit, of each value of its surroundings, `CONTEXT`,
    and the bias.
    """

    FEATURES: ClassVar[tuple[str, ...]] = ()
    CONTEXT: ClassVar[tuple[str, ...]] = ()

    weights: _Floats
    bias: float
    context: tuple[float, ...]

    @classmethod
    def undecided(cls) -> Self:
        """Gives everything a probability of one half; for what is still to be fitted."""
        return cls(np.zeros(len(cls.FEATURES)), 0.0, (1.0, *[0.0] * len(cls.CONTEXT), 0.0))

    @classmethod
    def from_card(cls, table: Mapping[str, object]) -> Self:
        """Read the weights from a model card.

        Raises:
            KeyError, TypeError, ValueError: they are missing or of another version.
        """
        weights = checked(table["weights"], dict, "weights")
        if set(weights) != set(cls.FEATURES):
            raise ValueError(f"weights must be those of {', '.join(cls.FEATURES)}")
        context = [
            card_number(one, "context") for one in checked(table["context"], list, "context")
        ]
        if len(context) != len(cls.CONTEXT) + 2:
            raise ValueError(f"context must have {len(cls.CONTEXT) + 2} numbers")
        values = [card_number(weights[name], name) for name in cls.FEATURES]
        return cls(np.array(values), card_number(table["bias"], "bias"), tuple(context))

    def as_table(self) -> dict[str, object]:
        """What `from_card` reads."""
        weights = dict(zip(self.FEATURES, self.weights.tolist(), strict=True))
        return {"weights": weights, "bias": self.bias, "context": list(self.context)}

    def logits(self, features: _Floats) -> _Floats:
        """(n,) the first regression's logits of n things with these features, (n, k)."""
        return np.asarray(features @ self.weights + self.bias)

    def judged(self, features: _Floats, surroundings: Callable[[_Floats], _Floats]) -> _Floats:
        """(n,) the probabilities by both regressions.

        `surroundings` gives (n, len(CONTEXT)) values for the first one's logits, (n,).
        """
        first = self.logits(features)
        of_logit, *of_others, bias = self.context
        return share_of(of_logit * first + surroundings(first) @ np.array(of_others) + bias)


def share_of(logit: _Floats) -> _Floats:
    """Probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def logit_of(share: _Floats) -> _Floats:
    """Logits of scores in 0..1, limited to -4..4."""
    share = np.clip(share, 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(np.log(share / (1 - share)), -_MAX_LOGIT, _MAX_LOGIT))
