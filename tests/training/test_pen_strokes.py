"""Digits that people write quickly, or as schools of Europe teach them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from formreader.synth.strokes import draw_strokes
from formreader.training.augment.pen_strokes import quick_habits, quick_hand


def test_some_digits_of_a_hand_are_quick_and_no_two_hands_alike() -> None:
    hands = [quick_habits(np.random.default_rng(seed)) for seed in range(300)]
    written = [digit for hand in hands for digit in hand]
    assert {*written} == {*"0123456789"}
    assert 0.3 < len(written) / (10 * len(hands)) < 0.6
    nines = [hand["9"] for hand in hands if "9" in hand]
    assert len({*nines}) == len(nines)


def test_corners_stay_corners() -> None:
    """A corner of a stroke is a point that stands in it twice."""
    ones = [quick_habits(np.random.default_rng(seed)).get("1") for seed in range(300)]
    repeats = [sum(a == b for s in one for a, b in pairwise(s)) for one in ones if one]
    assert {*repeats} == {0, 1}


def test_every_digit_is_as_high_as_asked_and_a_seed_writes_the_same() -> None:
    for seed in range(40):
        first, again = (quick_hand(np.random.default_rng(seed)) for _ in range(2))
        for digit in "0123456789":
            mask, same = (draw_strokes(write(digit), 44.0, 1.0, 3.0) for write in (first, again))
            assert np.array_equal(mask, same)
            assert 36 < len(mask) < 72
            assert mask.max() == 1
