"""The small model of two voices, as it stands in a card."""

from __future__ import annotations

import pytest

from formreader.recognise.vote_weights import (
    FEATURES,
    blank_probability,
    features,
    probability,
    vote_weights,
)

CARD: dict[str, object] = {
    "vote": {
        "features": list(FEATURES),
        "agreed": [-1.0, -1.0, 0.0, -2.0, 0.0, 0.5],
        "strip": [-0.5, 0.0, 0.0, 0.0, 0.0, 0.0],
        "cuts": [0.0, -0.5, 0.0, 0.0, 0.0, 0.0],
        "no_ink": 3.0,
    }
}


def test_sure_voices_are_believed_and_loose_ink_speaks_against_them() -> None:
    weights = vote_weights(CARD)
    sure = probability(weights.agreed, features(0.999, 0.99, 0.995, False, 4))
    unsure = probability(weights.agreed, features(0.6, 0.99, 0.995, False, 4))
    loose = probability(weights.agreed, features(0.999, 0.99, 0.995, True, 4))
    assert sure > 0.99
    assert unsure < sure
    assert loose < sure


def test_certainty_stays_finite() -> None:
    assert 0 < probability(vote_weights(CARD).agreed, features(1.0, 1.0, 1.0, False, 12)) <= 1


def test_weights_of_other_features_are_refused() -> None:
    table = dict(CARD["vote"]) | {"features": ["strip"]}  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="features"):
        vote_weights({"vote": table})


def test_too_few_weights_are_refused() -> None:
    table = dict(CARD["vote"]) | {"strip": [1.0]}  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="strip needs 6"):
        vote_weights({"vote": table})


def test_a_cell_without_ink_is_rather_blank() -> None:
    weights = vote_weights(CARD)
    assert blank_probability(weights, 0.5, no_ink=False) == pytest.approx(0.5)
    assert blank_probability(weights, 0.5, no_ink=True) == pytest.approx(0.9526, abs=1e-4)
    assert blank_probability(weights, 1.0, no_ink=False) < 1.0
