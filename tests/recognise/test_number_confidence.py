"""The model of a number's confidence, as it stands in a card."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.recognise.number_confidence import (
    FEATURES,
    ConfidenceModel,
    features,
    probability,
)

TABLE: dict[str, object] = {
    "features": list(FEATURES),
    "number": [-1.0, -0.5, 0.0, -2.0, -1.0, 0.0, 0.5],
    "no_ink": 3.0,
}
MODEL = ConfidenceModel.from_card({"confidence": TABLE})


def confidence(strip: float, *digits: float, loose: bool = False, has_ink: bool = True) -> float:
    return probability(
        MODEL.number, features(strip, np.array(digits), loose=loose, has_ink=has_ink)
    )


def test_what_the_digit_network_doubts_and_ink_in_no_digit_make_a_number_less_sure() -> None:
    sure = confidence(0.999, 0.99, 0.999)
    assert sure > 0.99
    assert confidence(0.6, 0.99, 0.999) < sure
    assert confidence(0.999, 0.4, 0.999) < sure
    assert confidence(0.999, 0.99, 0.999, loose=True) < sure
    assert confidence(0.999, 0.99, 0.999, has_ink=False) < sure


def test_certainty_stays_finite() -> None:
    assert 0 < confidence(1.0, *[1.0] * 12) <= 1


def test_weights_of_other_features_are_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        ConfidenceModel.from_card({"confidence": TABLE | {"features": ["strip"]}})


def test_too_few_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="number needs 7"):
        ConfidenceModel.from_card({"confidence": TABLE | {"number": [1.0]}})


def test_a_cell_without_ink_is_rather_blank() -> None:
    assert MODEL.blank_probability(0.5, has_ink=True) == pytest.approx(0.5)
    assert MODEL.blank_probability(0.5, has_ink=False) == pytest.approx(0.9526, abs=1e-4)
    assert MODEL.blank_probability(1.0, has_ink=True) < 1.0
