"""Metrics of labelled readings: pure functions of arrays.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017);
El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification" (2010).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.training.data.examples import Labels
from formreader.training.fit.calibration import error_bound

Floats: TypeAlias = npt.NDArray[np.float64]

CALIBRATION_BINS = 15
"""Bins of equal width, as in Guo et al."""


def share_interval(count: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided confidence interval of a share observed as `count` of `n`.

    Clopper and Pearson (1934), with equal tails; (0, 1) for n = 0.

    Raises:
        ValueError: not 0 <= count <= n, or not 0 < confidence < 1.
    """
    one_sided = (1 + confidence) / 2
    return 1 - error_bound(n - count, n, one_sided), error_bound(count, n, one_sided)


def calibration_error(
    confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_], bins: int = CALIBRATION_BINS
) -> float:
    """Expected calibration error: mean distance between confidence and accuracy.

    They are compared in bins of equal width, weighted by the number of answers in each.

    Args:
        confidence: (n,) in 0..1; a value on the edge of two bins belongs to the lower one.
        right: (n,), whether each answer is right.
        bins: number of bins.

    Raises:
        ValueError: there are no answers.
    """
    if len(confidence) == 0:
        raise ValueError("no answers to compare with their confidence")
    exact = confidence.astype(np.float64)
    # An edge belongs to the lower bin, but 0 to the first.
    places = np.clip(np.ceil(exact * bins).astype(np.intp) - 1, 0, bins - 1)
    surplus = np.bincount(places, exact - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(exact))


def confusion(labels: Labels, guesses: npt.NDArray[np.integer], k: int) -> npt.NDArray[np.int64]:
    """Confusion matrix (k, k): a row for each label, a column for each guess."""
    pairs = labels.astype(np.int64) * k + guesses
    return np.bincount(pairs, minlength=k * k).reshape(k, k).astype(np.int64)


def risk_coverage(
    confidence: npt.NDArray[np.floating],
    right: npt.NDArray[np.bool_],
    acceptable: npt.NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Share of answers that each threshold accepts, and the error rate among these.

    Args:
        confidence: (n,).
        right: (n,), whether each answer is right.
        acceptable: (n,), False where no threshold accepts the answer.

    Returns:
        Accepted shares of all n, rising, and error rates; both (m,), one for each distinct
        confidence among the acceptable answers.
    """
    order = np.flatnonzero(acceptable)
    order = order[np.argsort(-confidence[order], kind="stable")]
    taken = np.arange(1, len(order) + 1)
    errors = np.cumsum(~right[order])
    # A threshold accepts all answers of the same confidence together.
    last = np.flatnonzero(np.diff(confidence[order], append=-np.inf))
    return taken[last] / max(len(confidence), 1), errors[last] / taken[last]
