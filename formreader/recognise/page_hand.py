"""Writer adaptation: the clear digits of a page help to read its doubtful ones.

A page is assumed to have one writer. Each class of digits has a mean in the network's feature
space, over all writers. The features are whitened, so that their variance is the same in every
direction. The page's own mean of a class is estimated from its clear digits (maximum a posteriori,
as in speaker adaptation: Gauvain and Lee, "Maximum a Posteriori Estimation for Multivariate
Gaussian Mixture Observations of Markov Chains", 1994). If a digit is nearer to the page's mean of a
class than to the mean over all writers, that class becomes more probable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.errors import ModelError
from formreader.core.model_folder import HAND_FILE, how_to_renew, read_checked

Floats: TypeAlias = npt.NDArray[np.float64]
Features: TypeAlias = npt.NDArray[np.float32]
"""(n, f): the input of the network's last layer for n crops."""

PRIOR = 10.0
"""Weight of the mean over all writers in the page's mean of a class, in digits of the page. With 3
or 30 the loss below is nearly the same."""

STRENGTH = 0.1
"""Factor of the evidence. It is below 1 because the features are correlated. On 11,583 crops of
drawn pages, each by one writer, the mean loss falls from 0.207 to 0.198, and 9,092 crops are
accepted (8,881 without), 29 of them wrong (28; 0.32 % both times). With 0.14 the loss is the same,
and 31 of 9,138 are wrong. The writers were held out of the network's last training. Some were not
held out of the one before, which a quarter of the weights come from."""

_MIN_CLEAR, _MIN_COUNTED = 0.5, 0.02
"""A digit counts for the page's means if its best class has at least the first probability. It
counts for each class with that class's probability, if that exceeds the second. A first limit of
0.9 helps a little less."""

_SMALLEST = float(np.finfo(np.float32).tiny)
"""Keeps the logarithm of a probability finite."""


@dataclass(frozen=True, slots=True, eq=False)
class PageHand:
    """The class means over all writers, (10, f), and the whitening of features, (f, f).

    Raises:
        ValueError: the arrays do not fit each other, or hold a number that is not finite.
    """

    means: Floats
    whitening: Floats

    def __post_init__(self) -> None:
        n = self.features
        if n < 1 or self.means.shape != (NOT_A_DIGIT, n) or self.whitening.shape != (n, n):
            raise ValueError(
                f"means (10, f) need a whitening (f, f). Received: {self.means.shape} and "
                f"{self.whitening.shape}"
            )
        if not (np.isfinite(self.means).all() and np.isfinite(self.whitening).all()):
            raise ValueError("means and whitening must be finite numbers")

    @property
    def features(self) -> int:
        """The number of features, f."""
        return int(self.whitening.shape[-1])

    @classmethod
    def load(cls, folder: Path, hashes: Mapping[str, str]) -> PageHand:
        """Read the file of a model folder.

        Raises:
            ModelError: it is missing, damaged or not valid.
        """
        content = read_checked(folder, hashes, HAND_FILE)
        try:
            table = np.load(BytesIO(content), allow_pickle=False)
            if table.dtype != np.float32 or table.ndim != 2:
                raise ValueError(f"it holds {table.dtype} {table.shape}")
            means, whitening = np.split(table.astype(np.float64), [NOT_A_DIGIT])
            return cls(means, whitening)
        except Exception as error:  # NumPy raises errors of many kinds
            raise ModelError(
                f"{folder / HAND_FILE}: the file is not valid: {error}. {how_to_renew(folder)}"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the file of a model folder.

        Raises:
            OSError: it cannot be written.
        """
        np.save(folder / HAND_FILE, np.concatenate([self.means, self.whitening], dtype=np.float32))

    def adapted(self, probabilities: Probabilities, features: Features) -> Probabilities:
        """The probabilities, (n, 11), of a page's crops, adapted to its writer.

        Each crop is compared with the other crops, so a page's only digit does not change. The
        probability of "not a digit" does not change either. Otherwise marks would become digits,
        because they share the style of the page.
        """
        if len(probabilities) < 2:
            return probabilities
        shares = probabilities[:, :NOT_A_DIGIT].astype(np.float64)
        clear = probabilities.max(axis=1) >= _MIN_CLEAR
        shares *= (shares > _MIN_COUNTED) & clear[:, None]
        digits = np.maximum(probabilities[:, :NOT_A_DIGIT], _SMALLEST, dtype=np.float64)
        logs = np.log(digits) + STRENGTH * self._evidence(shares, features)
        powers = np.exp(logs - logs.max(axis=1, keepdims=True))
        powers *= digits.sum(axis=1, keepdims=True) / powers.sum(axis=1, keepdims=True)
        return np.concatenate([powers, probabilities[:, NOT_A_DIGIT:]], axis=1, dtype=np.float32)

    def _evidence(self, shares: Floats, features: Features) -> Floats:
        """(n, 10) how much nearer each crop is to the page's means than to those over all writers.

        It is half the difference of the squared distances. `shares`, (n, 10), is the weight of each
        crop in the mean of each class; it is left out of the means that it is compared with. The
        offset of the page's mean is a weighted sum of the offsets of the other crops. So products
        of (n, f) and (f, 10) are all that is needed.
        """
        points, means = features @ self.whitening, self.means @ self.whitening
        offsets = shares.T @ points - shares.sum(axis=0)[:, None] * means  # (10, f), summed
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ means.T + (means**2).sum(axis=1)
        along = points @ offsets.T - (means * offsets).sum(axis=1)
        weight = shares.sum(axis=0) - shares + PRIOR
        towards = (along - shares * squares) / weight
        length = (offsets**2).sum(axis=1) - 2 * shares * along + shares**2 * squares
        return np.asarray(towards - length / weight**2 / 2)
