"""Honest confidences: the temperature, and the table of thresholds with their errors.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017);
Clopper and Pearson, "The Use of Confidence or Fiducial Limits" (1934).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import beta

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import BOUND_CONFIDENCE, CalibrationRow
from formreader.training.data.examples import Labels


def _thresholds() -> tuple[float, ...]:
    """From 0.5 to 0.99995 in even steps of the log odds, and where `scan` accepts by default."""
    even = (round(1 / (1 + math.exp(-quarters / 4)), 5) for quarters in range(41))
    return tuple(sorted({*even, ScanOptions(()).review_below}))


THRESHOLDS = _thresholds()
"""Settled before any data are seen, as the promise of the model card demands."""

_TEMPERATURES = 0.1, 10.0


def fit_temperature(logits: npt.NDArray[np.float32], labels: Labels) -> float:
    """The temperature, 0.1 to 10, that makes the labels (n,) most likely given logits (n, k).

    Raises:
        ValueError: there are no examples.
    """
    if len(labels) == 0:
        raise ValueError("no examples to fit a temperature on")

    def surprise(log_temperature: float) -> float:
        return negative_log_likelihood(logits, labels, math.exp(log_temperature))

    low, high = map(math.log, _TEMPERATURES)
    best = minimize_scalar(surprise, bounds=(low, high), method="bounded")
    return math.exp(best.x)


def negative_log_likelihood(
    logits: npt.NDArray[np.float32], labels: Labels, temperature: float
) -> float:
    """Mean over n examples of minus the logarithm of their label's probability."""
    scaled = logits.astype(np.float64) / temperature
    right = scaled[np.arange(len(labels)), labels]
    return float((logsumexp(scaled, axis=1) - right).mean())


def calibration_table(
    probabilities: Probabilities, labels: Labels, thresholds: tuple[float, ...] = THRESHOLDS
) -> tuple[CalibrationRow, ...]:
    """What each threshold would have accepted of labelled crops, and how much of it wrongly.

    `probabilities` is (n, 11), `labels` (n,), `thresholds` rise. A crop is accepted when its
    most probable digit reaches the threshold and is more probable than "not a digit", as in
    `formreader.recognise.decisions`; an accepted non-digit counts as an error.

    The crops may be those that the temperature was fitted on, as it is one number fitted on
    thousands: at most 2.4 % of simulated promises were broken. No weights may have been.
    """
    digits = probabilities[:, :NOT_A_DIGIT].astype(np.float64)  # thresholds stay what they are
    guesses, confidence = digits.argmax(axis=1), digits.max(axis=1)
    plausible = confidence > probabilities[:, NOT_A_DIGIT]
    rows = []
    for threshold in thresholds:
        accepted = plausible & (confidence >= threshold)
        n, errors = int(accepted.sum()), int((guesses != labels)[accepted].sum())
        rows.append(CalibrationRow(threshold, len(labels), n, errors, error_bound(errors, n)))
    return tuple(rows)


def error_bound(errors: int, n: int, confidence: float = BOUND_CONFIDENCE) -> float:
    """Upper end of the one-sided exact confidence interval of an error rate.

    The rate at which `errors` or fewer of `n` would be seen with probability
    1 - `confidence`; 1.0 for n = 0.

    Raises:
        ValueError: not 0 <= errors <= n, or not 0 < confidence < 1.
    """
    if not 0 <= errors <= n or not 0 < confidence < 1:
        raise ValueError(f"impossible counts. Received: {errors=}, {n=}, {confidence=}")
    return 1.0 if errors == n else float(beta.ppf(confidence, errors + 1, n - errors))
