"""Decide which rows of boxes are kept once their boxes have been read.

Words and pictures may look like boxes, but do not read as digits. Real boxes may hold letters, or
be blank. So the reading is weighed against how much the row looked like boxes before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from formreader.detect.page_regression import PageRegression, logit_of

_Floats = npt.NDArray[np.float64]

MIN_KEPT_PROBABILITY = 0.2
"""Least probability of a row that is kept. A lost row costs as much as four false ones, which a
person sees at once. On 850 drawn pages (twofold cross-validation) 83 of 7,185 rows are lost, with
134 boxes, and 1,032 false rows are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class FieldDecision(PageRegression):
    """A regression on one row that has been read.

    Features: the logit of the row's probability before the reading; whether any box is not blank;
    the mean "not a digit" probability of the boxes that are not blank, 0 if all are blank.
    """

    FEATURES: ClassVar = ("as printed", "written", "no digits")

    def keeps(self, features: _Floats) -> npt.NDArray[np.bool_]:
        """(n,) flags of the rows to keep, given the features (n, k) of n rows."""
        return self.judged(features, no_surroundings) >= MIN_KEPT_PROBABILITY


def no_surroundings(logits: _Floats) -> _Floats:
    """(n, 0): no context, as each row is judged by itself."""
    return np.zeros((len(logits), 0))


def field_features(probability: float, doubt: float | None) -> list[float]:
    """The features of a row that had this `probability` before it was read.

    `doubt` is the mean "not a digit" probability of the boxes that are not blank; None if all are
    blank.
    """
    as_printed = float(logit_of(np.array(probability)))
    return [as_printed, float(doubt is not None), doubt or 0.0]
