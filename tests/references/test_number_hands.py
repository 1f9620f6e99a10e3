"""Whose hands write the numbers that the network is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from formreader.training.data.digit_sets import STROKE_UNIT, PenStrokes
from formreader.training.data.examples import Examples
from number_network import number_hands
from number_network.number_hands import load_hands

WRITERS = 40


@pytest.fixture
def strokes(tmp_path: Path) -> Path:
    """A file in which each writer drew each digit once."""
    rng = np.random.default_rng(3)
    paths = [[rng.uniform(0, STROKE_UNIT, (6, 2))] for _ in range(10 * WRITERS)]
    file = tmp_path / "strokes.npz"
    labels = np.tile(np.arange(10), WRITERS).astype(np.uint8)
    PenStrokes(paths, labels, np.repeat(np.arange(WRITERS), 10)).save(file)
    return file


@pytest.fixture(autouse=True)
def mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits in place of MNIST's, and few hands of the stroke model."""
    crops = np.random.default_rng(4).integers(0, 256, (4000, 28, 28)).astype(np.uint8)
    digits = Examples(crops, np.tile(np.arange(10), 400).astype(np.uint8))
    monkeypatch.setattr(number_hands, "load_mnist", lambda: (digits, digits))
    monkeypatch.setattr(number_hands, "_DRAWN_HANDS", 20)


def test_each_writer_of_a_set_of_strokes_is_a_hand_to_train_or_to_validate_with(
    strokes: Path,
) -> None:
    known, held = (
        load_hands(None, [str(strokes)], 7, held_back=held_back).groups[2]
        for held_back in (False, True)
    )
    assert known[0] == held[0] > 0.1  # more than a set whose writers nobody knows
    assert len(held[1]) >= 1
    assert len(known[1]) + len(held[1]) == WRITERS
    # One digit of one writer, drawn with three pens: no digit is another writer's.
    counts = {len(glyphs) for hand in known[1] + held[1] for glyphs in hand.glyphs.values()}
    assert counts == {3}
