"""Logistic regression on the candidates of a page: each by itself, then in the page's context.

A form repeats itself, so its other rows are evidence for a doubtful one. A first regression (Cox
1958) judges each candidate by itself. A second one weighs its logit together with those of the
page's other candidates. Both are fitted on drawn pages, where the truth is known.
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
"""Logits of scores are clipped to this absolute value. No record of a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class PageRegression:
    """The weights of both regressions: the base class of the decisions.

    The first regression has `weights`, (k,), one for each of `FEATURES`, and `bias`. The second has
    `context`: the weight of the first one's logit, a weight for each value of `CONTEXT`, and a
    bias.
    """

    FEATURES: ClassVar[tuple[str, ...]] = ()
    CONTEXT: ClassVar[tuple[str, ...]] = ()

    weights: _Floats
    bias: float
    context: tuple[float, ...]

    @classmethod
    def undecided(cls) -> Self:
        """A probability of one half for everything, until the weights are fitted."""
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
        """The weights as `from_card` reads them."""
        weights = dict(zip(self.FEATURES, self.weights.tolist(), strict=True))
        return {"weights": weights, "bias": self.bias, "context": list(self.context)}

    def logits(self, features: _Floats) -> _Floats:
        """(n,) logits by the first regression, given features (n, k)."""
        return np.asarray(features @ self.weights + self.bias)

    def judged(self, features: _Floats, surroundings: Callable[[_Floats], _Floats]) -> _Floats:
        """(n,) probabilities by both regressions.

        `surroundings` computes the context, (n, len(CONTEXT)), from the first one's logits, (n,).
        """
        first = self.logits(features)
        of_logit, *of_others, bias = self.context
        return share_of(of_logit * first + surroundings(first) @ np.array(of_others) + bias)


def share_of(logit: _Floats) -> _Floats:
    """Probabilities of logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def logit_of(share: _Floats) -> _Floats:
    """Logits of scores in 0..1, clipped to -4..4."""
    share = np.clip(share, 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(np.log(share / (1 - share)), -_MAX_LOGIT, _MAX_LOGIT))
