"""Honest confidences: the temperature, and the table of thresholds with their errors.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017);
Clopper and Pearson, "The Use of Confidence or Fiducial Limits" (1934).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from formreader.digits.card import CalibrationRow
from formreader.digits.network import NOT_A_DIGIT
from formreader.digits.recogniser import Probabilities
from formreader.training.data import Labels

THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)

_GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(logits: npt.NDArray[np.float32], labels: Labels) -> float:
    """The temperature, 0.1 to 10, that makes the labels (n,) most likely given logits (n, k).

    Raises:
        ValueError: there are no examples.
    """
    if len(labels) == 0:
        raise ValueError("no examples to fit a temperature on")
    low, high = math.log(0.1), math.log(10.0)
    while high - low > 1e-4:
        step = _GOLDEN * (high - low)
        left, right = high - step, low + step
        if _surprise(logits, labels, math.exp(left)) < _surprise(logits, labels, math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _surprise(logits: npt.NDArray[np.float32], labels: Labels, temperature: float) -> float:
    """Mean negative log likelihood of the labels."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    right = scaled[np.arange(len(labels)), labels]
    return float((np.log(np.exp(scaled).sum(axis=1)) - right).mean())


def calibration_table(
    probabilities: Probabilities, labels: Labels, thresholds: tuple[float, ...] = THRESHOLDS
) -> tuple[CalibrationRow, ...]:
    """What each threshold would have accepted of labelled crops, and how much of it wrongly.

    `probabilities` is (n, 11), `labels` (n,). A crop is accepted when its most
    probable digit reaches the threshold and is more probable than "not a digit"; an
    accepted non-digit counts as an error.
    """
    digits = probabilities[:, :NOT_A_DIGIT]
    guesses, confidence = digits.argmax(axis=1), digits.max(axis=1)
    plausible = confidence > probabilities[:, NOT_A_DIGIT]
    rows = []
    for threshold in thresholds:
        accepted = plausible & (confidence >= threshold)
        n, errors = int(accepted.sum()), int((guesses != labels)[accepted].sum())
        rows.append(CalibrationRow(threshold, len(labels), n, errors, error_bound(errors, n)))
    return tuple(rows)


def error_bound(errors: int, n: int, confidence: float = 0.95) -> float:
    """Upper end of the one-sided exact confidence interval of an error rate.

    The rate at which `errors` or fewer of `n` would be seen with probability
    1 - `confidence`; 1.0 for n = 0.

    Raises:
        ValueError: not 0 <= errors <= n, or not 0 < confidence < 1.
    """
    if not 0 <= errors <= n or not 0 < confidence < 1:
        raise ValueError(f"impossible counts. Received: {errors=}, {n=}, {confidence=}")
    if errors == n:
        return 1.0
    terms = _log_binomials(n, errors)
    low, high = errors / n, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        if _chance_of_at_most(terms, n, rate) > 1 - confidence:
            low = rate
        else:
            high = rate
    return high


def _log_binomials(n: int, most: int) -> npt.NDArray[np.float64]:
    """log of n over k for k = 0..most, (most + 1,)."""
    k = np.arange(1, most + 1)
    return np.concatenate([[0.0], np.cumsum(np.log((n - k + 1) / k))])


def _chance_of_at_most(log_binomials: npt.NDArray[np.float64], n: int, rate: float) -> float:
    """Binomial probability of seeing at most len(log_binomials) - 1 of n."""
    if rate >= 1.0:
        return 0.0
    k = np.arange(len(log_binomials))
    return float(np.exp(log_binomials + k * math.log(rate) + (n - k) * math.log1p(-rate)).sum())
