"""What tells the hand of a page: fitted to held-out digits, written beside the graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from formreader.core.errors import UsageError
from formreader.core.model_folder import HAND_FILE, model_folder
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import read_card
from formreader.recognise.page_hand import PageHand
from formreader.training.add_hand import HandOptions, add_hand
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits
from formreader.training.fit.hand_fit import hand_of

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


@pytest.fixture
def writers(tmp_path: Path, draw_mnist: Callable[[int], Examples]) -> Path:
    """A small stand-in for MNIST, and the table of its twelve writers."""
    drawn = draw_mnist(240)
    who = np.arange(240, dtype=np.int32) % 12
    np.savez(tmp_path / "writers.npz", train=np.stack([drawn.labels, who, who], axis=1))
    return tmp_path / "writers.npz"


def test_a_model_gets_its_hand(writers: Path, tmp_path: Path) -> None:
    out = tmp_path / "with_hand"
    messages: list[str] = []
    add_hand(HandOptions(out=out, writers=writers, pages=32), messages.append)
    card = read_card(out)
    hand = PageHand.load(out, card.files)
    assert hand.features == 96
    shipped = read_card(model_folder(DEFAULT_MODEL))
    assert (card.temperature, card.calibration) == (shipped.temperature, shipped.calibration)
    crops = draw_digits(40, np.random.default_rng(6)).crops
    read, features = load_recogniser(str(out), device="cpu").with_features(crops)
    expected, as_shipped = load_recogniser(device="cpu").with_features(crops)
    np.testing.assert_allclose(read, expected, atol=0.05)
    np.testing.assert_allclose(features, as_shipped, atol=0.2)
    assert (out / HAND_FILE).exists() and "crops of pages" in messages[-1]


def test_too_few_digits_for_a_hand_are_a_message(writers: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--pages"):
        HandOptions(pages=0)
    marks = HandOptions(out=tmp_path / "none", writers=writers, pages=1)
    with pytest.raises(UsageError, match="some digit is missing"):
        add_hand(marks, print)
