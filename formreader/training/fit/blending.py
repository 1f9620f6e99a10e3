"""Weights between those of a model and of its fine-tuned copy, against forgetting.

Wortsman et al., "Robust Fine-Tuning of Zero-Shot Models" (2022): on a straight line between both
there are weights that read the new data about as well as the fine-tuned ones, and the old data
about as well as the model did, at no cost when reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from formreader.training.data.examples import Examples
from formreader.training.fit.calibration import fit_temperature, negative_log_likelihood
from formreader.training.fit.fitting import predict_logits

BLENDS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the fine-tuned weights to try. Even steps; not tuned."""


def blend(network: keras.Model, before: Sequence[npt.NDArray[Any]], validation: Examples) -> float:
    """Give `network` the blend of its weights and those of `before` with the lowest loss.

    Running statistics of batch normalisation are blended as the weights are. The loss is that of
    `validation` at the best temperature. Returns the share of the network's own weights.
    """
    after = network.get_weights()
    losses = list[float]()
    for share in BLENDS:
        network.set_weights(_between(before, after, share))
        logits = predict_logits(network, validation.crops)
        temperature = fit_temperature(logits, validation.labels)
        losses.append(negative_log_likelihood(logits, validation.labels, temperature))
    best = BLENDS[int(np.argmin(losses))]
    network.set_weights(_between(before, after, best))
    return best


def _between(
    before: Sequence[npt.NDArray[Any]], after: Sequence[npt.NDArray[Any]], share: float
) -> list[npt.NDArray[Any]]:
    """Weights of which `share` is from `after`; states of random generators stay those of it."""
    return [
        (1 - share) * old + share * new if new.dtype.kind == "f" else new
        for old, new in zip(before, after, strict=True)
    ]
