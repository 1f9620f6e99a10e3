"""Fit the decision between rows of boxes and the cells in their places, on drawn pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from formreader.detect.box_network import BoxNetwork
from formreader.detect.place_decision import FEATURES, PlaceDecision, Rivalry, in_one_place
from formreader.detect.row_finder import find_rows
from formreader.training.box_network.box_measures import count_hits
from formreader.training.box_network.page_pieces import TrainingPage

_MIN_TRUE_SHARE = 0.5
"""Share of a row's boxes that are true ones from which it is a row of digit boxes."""

_RIDGE = 1e-4
"""Penalty on the squared weights, for each row."""

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class KnownRivalry:
    """The rows of a page that share a place with cells, and which of them are there, (n,)."""

    rivalry: Rivalry
    true: _Flags


def known_rivalries(network: BoxNetwork, pages: Iterable[TrainingPage]) -> list[KnownRivalry]:
    """Find rows and cells on pages, and compare the rows that have rivals with the true boxes."""
    known = []
    for page in pages:
        found = find_rows(page.image, network)
        shares = [in_one_place(row, found.cells) for row in found.rows]
        true = [
            count_hits(page.quads, row.corners) > _MIN_TRUE_SHARE * len(row)
            for row, shared in zip(found.rows, shares, strict=True)
            if shared.any()
        ]
        rivalry = Rivalry.on_page(found.rows, found.cells, shares)
        known.append(KnownRivalry(rivalry, np.array(true, np.bool_)))
    return known


def fit_decision(known: Sequence[KnownRivalry]) -> PlaceDecision:
    """Fit both regressions, the second one on the logits of the first."""
    features = [np.zeros((0, len(FEATURES))), *(page.rivalry.features for page in known)]
    true = _true(known)
    *weights, bias = _fit(np.concatenate(features), true)
    first = PlaceDecision(np.array(weights), bias)
    seen = [np.zeros((0, 2))]
    for page in known:
        logit = page.rivalry.features @ first.weights + first.bias
        seen.append(np.column_stack([logit, page.rivalry.others(logit)]))
    of_logit, of_others, bias = _fit(np.concatenate(seen), true)
    return replace(first, context=(of_logit, of_others, bias))


def share_right(decision: PlaceDecision, known: Sequence[KnownRivalry]) -> float:
    """Share of the rows that a decision judges rightly, the mean of those of both answers."""
    judged = [np.zeros(0), *(decision.probabilities(page.rivalry) for page in known)]
    true = _true(known)
    right = (np.concatenate(judged) > 0.5) == true
    answers = [right[true == answer] for answer in (True, False)]
    return float(np.mean([answer.mean() for answer in answers if len(answer)] or [1.0]))


def _true(known: Sequence[KnownRivalry]) -> _Flags:
    return np.concatenate([np.zeros(0, np.bool_), *(page.true for page in known)])


def _fit(features: npt.NDArray[np.float64], true: _Flags) -> list[float]:
    """Fit a regression; returns the weights of the features (n, k) and the bias.

    Both answers weigh the same: how often each is right differs from form to form.
    """
    if true.all() or not true.any():  # nothing to tell apart
        return [0.0] * (features.shape[1] + 1)
    model = LogisticRegression(C=1 / (_RIDGE * len(true)), class_weight="balanced", max_iter=5000)
    model.fit(features, true)
    return [*map(float, model.coef_[0]), float(model.intercept_[0])]
