"""What tells the hand of a page, fitted to held-out digits."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.training.fit.calibration import hand_of

pytestmark = pytest.mark.slow


def test_whitened_features_spread_alike_every_way() -> None:
    rng = np.random.default_rng(2)
    mixing = rng.normal(0, 1, (6, 6))
    labels = np.repeat(np.arange(10, dtype=np.uint8), 400)
    features = (rng.normal(0, 1, (4000, 6)) @ mixing + labels[:, None]).astype(np.float32)
    hand = hand_of(features, labels)
    assert hand is not None
    np.testing.assert_allclose(hand.means[3], features[labels == 3].mean(axis=0), atol=1e-4)
    whitened = (features - hand.means[labels]) @ hand.whitening
    spread = np.linalg.eigvalsh(whitened.T @ whitened / len(whitened))
    assert 0.5 < spread[0] <= spread[-1] < 1.001  # the ridge takes a little of the narrow ones


def test_features_that_never_vary_do_no_harm() -> None:
    labels = np.arange(10, dtype=np.uint8)
    hand = hand_of(np.zeros((10, 4), np.float32), labels)
    assert hand is not None and np.isfinite(hand.whitening).all()
    assert hand_of(np.zeros((9, 4), np.float32), labels[1:]) is None
