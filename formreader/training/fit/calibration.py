"""Metrics of labelled readings, and what is fitted to them: temperature, thresholds, features.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks" (2017);
Clopper and Pearson, "The Use of Confidence or Fiducial Limits" (1934);
El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification" (2010).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import beta

from formreader.core.classes import NOT_A_DIGIT, Probabilities
from formreader.core.options import ScanOptions
from formreader.recognise.model_card import BOUND_CONFIDENCE, CalibrationRow
from formreader.recognise.page_hand import Features, PageHand
from formreader.recognise.runtimes import features_too
from formreader.training.data.examples import Examples, Labels

if TYPE_CHECKING:
    import keras

Floats: TypeAlias = npt.NDArray[np.float64]

CALIBRATION_BINS = 15
"""Bins of equal width, as in Guo et al."""

_FEATURE_RIDGE = 0.01
"""Share of the mean variance that is added to each feature's, so that those that hardly vary do not
rule. With 0.003 the loss in `page_hand.STRENGTH` is hardly another, with 0.1 a little higher."""


def _thresholds() -> tuple[float, ...]:
    """From 0.5 to 0.99995 in even steps of the log-odds, and the default of `--review-below`."""
    even = (round(1 / (1 + math.exp(-quarters / 4)), 5) for quarters in range(41))
    return tuple(sorted({*even, ScanOptions(()).review_below}))


CALIBRATION_THRESHOLDS = _thresholds()
"""Thresholds of the model card's table: fixed in advance, as its guarantee of errors demands."""

_TEMPERATURE_RANGE = 0.1, 10.0
"""Temperatures to search: a factor of ten either way from uncalibrated."""


def fit_temperature(logits: npt.NDArray[np.float32], labels: Labels) -> float:
    """Find the temperature, 0.1 to 10, at which logits (n, k) make labels (n,) most likely.

    Raises:
        ValueError: there are no examples.
    """
    if len(labels) == 0:
        raise ValueError("no examples to fit a temperature on")

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits, labels, math.exp(log_temperature))

    low, high = map(math.log, _TEMPERATURE_RANGE)
    best = minimize_scalar(loss, bounds=(low, high), method="bounded")
    return math.exp(best.x)


def negative_log_likelihood(
    logits: npt.NDArray[np.float32], labels: Labels, temperature: float
) -> float:
    """Mean negative logarithm of the probability of the labels (n,), given logits (n, k)."""
    scaled = logits.astype(np.float64) / temperature
    right = scaled[np.arange(len(labels)), labels]
    return float((logsumexp(scaled, axis=1) - right).mean())


def calibration_table(
    probabilities: Probabilities,
    labels: Labels,
    thresholds: tuple[float, ...] = CALIBRATION_THRESHOLDS,
) -> tuple[CalibrationRow, ...]:
    """Count the labelled crops that each threshold accepts, and the errors among them.

    `probabilities` is (n, 11), `labels` (n,), and `thresholds` rise. A crop is accepted where its
    most probable digit reaches the threshold and is more probable than "not a digit", as in
    `formreader.recognise.decisions`. An accepted non-digit counts as an error.

    The temperature may have been fitted on the same crops, as it is a single number fitted on
    thousands: at most 2.4 % of simulated guarantees were broken. The weights must not.
    """
    digits = probabilities[:, :NOT_A_DIGIT].astype(np.float64)  # as exact as the thresholds
    guesses, confidence = digits.argmax(axis=1), digits.max(axis=1)
    plausible = confidence > probabilities[:, NOT_A_DIGIT]
    return error_counts(confidence, plausible, guesses == labels, thresholds)


def error_counts(
    confidence: npt.NDArray[np.float64],
    acceptable: npt.NDArray[np.bool_],
    right: npt.NDArray[np.bool_],
    thresholds: tuple[float, ...] = CALIBRATION_THRESHOLDS,
) -> tuple[CalibrationRow, ...]:
    """Count the readings that each threshold accepts, and the wrong ones among them.

    `confidence`, `acceptable` and `right` are (n,); readings that are not `acceptable` are for
    review whatever their confidence. `thresholds` rise.
    """
    rows = []
    for threshold in thresholds:
        accepted = acceptable & (confidence >= threshold)
        n, errors = int(accepted.sum()), int((accepted & ~right).sum())
        rows.append(CalibrationRow(threshold, len(right), n, errors, error_bound(errors, n)))
    return tuple(rows)


def error_bound(errors: int, n: int, confidence: float = BOUND_CONFIDENCE) -> float:
    """Upper end of the exact one-sided confidence interval of an error rate.

    At this rate `errors` or fewer of `n` would occur with probability 1 - `confidence`; it is 1.0
    for n = 0.

    Raises:
        ValueError: not 0 <= errors <= n, or not 0 < confidence < 1.
    """
    if not 0 <= errors <= n or not 0 < confidence < 1:
        raise ValueError(f"impossible counts. Received: {errors=}, {n=}, {confidence=}")
    return 1.0 if errors == n else float(beta.ppf(confidence, errors + 1, n - errors))


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


def fit_hand(network: keras.Model, examples: Examples) -> PageHand | None:
    """All hands, of `examples` that the network was not trained on.

    None where a digit is missing among them, so that its mean is not known.
    """
    digits = examples[examples.labels != NOT_A_DIGIT]
    return hand_of(_last_features(network, digits), digits.labels) if len(digits) else None


def hand_of(features: Features, labels: Labels) -> PageHand | None:
    """The means of the features (n, f) of each digit, and what makes their spread 1 every way.

    `labels` are (n,), 0 to 9. None where one of these is missing.
    """
    if len(np.unique(labels)) < NOT_A_DIGIT:
        return None
    values = features.astype(np.float64)
    means = np.stack([values[labels == digit].mean(axis=0) for digit in range(NOT_A_DIGIT)])
    within = values - means[labels]
    covariance = within.T @ within / len(within)
    spread = np.trace(covariance) / len(covariance) or 1.0
    ridge = _FEATURE_RIDGE * spread * np.eye(len(covariance))
    return PageHand(means, np.linalg.cholesky(np.linalg.inv(covariance + ridge)))


def _last_features(network: keras.Model, examples: Examples) -> Features:
    """What the network's last layer gets, (n, f)."""
    crops = examples.crops[..., None]
    _, features = features_too(network).predict(crops, verbose=0)
    return np.asarray(features, np.float32)
