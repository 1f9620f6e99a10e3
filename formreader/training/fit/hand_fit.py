"""Fit what tells the hand of a page: the means and the spread of the network's features."""

from __future__ import annotations

import keras
import numpy as np

from formreader.core.classes import NOT_A_DIGIT
from formreader.recognise.page_hand import Features, PageHand
from formreader.recognise.runtimes import features_too
from formreader.training.data.examples import Examples, Labels

_FEATURE_RIDGE = 0.01
"""Share of the mean variance that is added to each feature's, so that those that hardly vary do not
rule. With 0.003 the loss in `page_hand.STRENGTH` is hardly another, with 0.1 a little higher."""


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
