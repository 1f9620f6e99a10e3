"""A page is one hand: its clear digits show how the hand writes, which settles doubtful ones.

Each class of digits has a mean in the space of the network's features; whitened, so that all hands
together spread alike in every direction. The mean of a page's own digits of a class is estimated
from the clear ones (maximum a posteriori, as in speaker adaptation: Gauvain and Lee, "Maximum a
Posteriori Estimation for Multivariate Gaussian Mixture Observations of Markov Chains", 1994). A
digit that lies nearer to the page's mean of a class than to the mean of all hands is more probably
of that class.
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
"""(n, f): what the last layer of the network gets for n crops."""

PRIOR = 10.0
"""Digits of the page that weigh as much as all hands in the page's mean of a class. With 3 or 30
the loss below is hardly another."""

STRENGTH = 0.1
"""Factor of the evidence, as features depend on each other more than normal ones would. On 11,583
crops of drawn pages, each in one hand, the mean loss falls from 0.207 to 0.198, as with 0.14; 9,092
are accepted instead of 8,881, 29 of them wrong instead of 28 (0.32 % both times). With 0.14 31 of
9,138 are wrong. The writers were held out of the last training of the network, but some were not
of the one before it, from which a quarter of its weights are."""

_MIN_CLEAR, _MIN_COUNTED = 0.5, 0.02
"""Digits whose best class has at least this probability count for the page's means, for each class
with its probability if that is larger than the share. Counting only those from 0.9 on helps a
little less."""

_SMALLEST = float(np.finfo(np.float32).tiny)
"""Keeps the logarithm of a probability finite."""


@dataclass(frozen=True, slots=True, eq=False)
class PageHand:
    """The means of all hands, (10, f), and the whitening of features, (f, f).

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
        """The probabilities, (n, 11), of a page's crops with these features, given its hand.

        Each crop is judged by the others, so that a page's only digit stays as it is. That a crop
        may show no digit stays as probable: counted as evidence, that all of a page is drawn in one
        way made digits of its marks.
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
        """How much nearer each crop is to the page's means than to those of all hands, (n, 10).

        Half the difference of the squared distances. `shares`, (n, 10), is how much each crop
        counts for the mean of each class; for itself it does not. The page's mean of a class is off
        that of all hands by a weighted sum of the offsets of the others, so that products of
        (n, f) and (f, 10) are all that is needed.
        """
        points, means = features @ self.whitening, self.means @ self.whitening
        offsets = shares.T @ points - shares.sum(axis=0)[:, None] * means  # (10, f), summed
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ means.T + (means**2).sum(axis=1)
        along = points @ offsets.T - (means * offsets).sum(axis=1)
        weight = shares.sum(axis=0) - shares + PRIOR
        towards = (along - shares * squares) / weight
        length = (offsets**2).sum(axis=1) - 2 * shares * along + shares**2 * squares
        return np.asarray(towards - length / weight**2 / 2)
