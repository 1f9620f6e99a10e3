"""Fit the decision between rows of boxes and what looks like them, on drawn pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.detect.box_network import BoxNetwork
from formreader.detect.place_decision import (
    FEATURES,
    PlaceDecision,
    in_one_place,
    pair_features,
)
from formreader.detect.row_finder import find_rows
from formreader.training.box_network.box_measures import count_hits
from formreader.training.box_network.page_pieces import TrainingPage

_MIN_TRUE_SHARE = 0.5
"""Share of a row's boxes that are true ones from which it is a row of digit boxes."""

_RIDGE = 1e-4
_NEWTON_STEPS = 25
"""Penalty on the squared weights, for each row, and steps of Newton's method: more change
nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownPairs:
    """Features (n, k) of rows that share a place with cells, and which are there, (n,)."""

    features: npt.NDArray[np.float64]
    true: npt.NDArray[np.bool_]


def known_pairs(network: BoxNetwork, pages: Iterable[TrainingPage]) -> KnownPairs:
    """Find rows and cells on pages, and compare the rows that share a place with the true boxes."""
    features, true = list[npt.NDArray[np.float64]](), list[bool]()
    for page in pages:
        found = find_rows(page.image, network)
        for row in found.rows:
            if (shared := in_one_place(row, found.cells)).any():
                features.append(pair_features(row, found.cells, shared))
                true.append(count_hits(page.quads, row.corners) > _MIN_TRUE_SHARE * len(row))
    return KnownPairs(np.array(features).reshape(-1, len(FEATURES)), np.array(true, np.bool_))


def fit_decision(pairs: KnownPairs) -> PlaceDecision:
    """Fit the regression by Newton's method (iteratively reweighted least squares).

    Both answers weigh the same: how often each is right differs from form to form.
    """
    yes_share = min(max(float(pairs.true.mean()), 1e-3), 1 - 1e-3) if len(pairs.true) else 0.5
    share = np.where(pairs.true, 0.5 / yes_share, 0.5 / (1 - yes_share))
    inputs = np.column_stack([pairs.features, np.ones(len(pairs.true))])
    weights = np.zeros(inputs.shape[1])
    ridge = _RIDGE * max(len(inputs), 1) * np.eye(len(weights))
    for _ in range(_NEWTON_STEPS):
        yes = 1 / (1 + np.exp(-(inputs @ weights)))
        gradient = inputs.T @ (share * (pairs.true - yes)) - ridge @ weights
        curvature = (inputs * (share * yes * (1 - yes))[:, None]).T @ inputs + ridge
        weights = weights + np.linalg.solve(curvature, gradient)
    return PlaceDecision(weights[:-1], float(weights[-1]))


def share_right(decision: PlaceDecision, pairs: KnownPairs) -> float:
    """Share of the pairs that a decision judges rightly, the mean of those of both answers."""
    right = (decision.probabilities(pairs.features) > 0.5) == pairs.true
    answers = [right[pairs.true == answer] for answer in (True, False)]
    return float(np.mean([answer.mean() for answer in answers if len(answer)] or [1.0]))
