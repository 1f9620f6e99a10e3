"""What tells the hand of a page is written beside the graphs of a trained model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from add_hand import HandOptions, add_hand
from formreader.core.errors import UsageError
from formreader.core.model_folder import HAND_FILE, model_folder
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import read_card
from formreader.recognise.page_hand import PageHand
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits

pytestmark = pytest.mark.slow


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
    np.testing.assert_allclose(features, as_shipped, atol=0.4)
    assert (out / HAND_FILE).exists() and "crops of pages" in messages[-1]


def test_too_few_digits_for_a_hand_are_a_message(writers: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--pages"):
        HandOptions(pages=0)
    marks = HandOptions(out=tmp_path / "none", writers=writers, pages=1)
    with pytest.raises(UsageError, match="some digit is missing"):
        add_hand(marks, print)
