"""Decide which rows of boxes are kept, once it is known how what is in them reads.

Words and pictures that look like boxes hold no digits. But letters may be written into boxes, and
boxes may be blank: so what is read is weighed against how much the row looked like boxes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from formreader.detect.page_regression import PageRegression, logit_of

_Floats = npt.NDArray[np.float64]

MIN_KEPT_PROBABILITY = 0.2
"""Probability from which a row stays: losing one is as bad as four that are none, which a person
sees at once. On 850 drawn pages, each half by the weights of the other, 83 of 7,185 rows are lost
(134 boxes) and 1,032 that are none stay."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldDecision(PageRegression):
    """What is known of a row that was read, by itself.

    The features: the logit of its probability before; whether anything is written in it; the mean
    "not a digit" probability of its boxes that are not blank, 0 where all are.
    """

    FEATURES: ClassVar = ("as printed", "written", "no digits")

    def keeps(self, features: _Floats) -> npt.NDArray[np.bool_]:
        """(n,) which of n rows with these features, (n, k), are to be kept."""
        return self.judged(features, no_surroundings) >= MIN_KEPT_PROBABILITY


def no_surroundings(logits: _Floats) -> _Floats:
    """(n, 0): rows are judged by themselves."""
    return np.zeros((len(logits), 0))


def field_features(probability: float, doubt: float | None) -> list[float]:
    """The features of a row with this `probability` before it was read.

    `doubt` is the mean "not a digit" probability of its boxes that are not blank, None where all
    are.
    """
    as_printed = float(logit_of(np.array(probability)))
    return [as_printed, float(doubt is not None), doubt or 0.0]
