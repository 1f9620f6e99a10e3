"""Digits as people write them who write amounts every day, `quick` in `strokes.toml`.

Forms that are drawn as pages keep to the shapes of `digits` there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from formreader.synth.strokes import STROKES, Allograph, Hand, Stroke, parse_strokes

_QUICK_SHARE = 0.45
"""Share of its digits that a quick hand writes in such a way."""

_QUICK_HANDS = 0.5
"""Share of the hands that write some of their digits so."""

_BEND = 0.035
"""Standard deviation by which a hand moves the control points of its quick digits, in digit
heights: twice a drawn page's. Chosen by eye."""

_WIDTHS = 0.85, 1.45
"""Range of a quick hand's factor of the width of digits. Chosen by eye."""


def quick_habits(rng: np.random.Generator) -> dict[str, Allograph]:
    """The digits that one hand writes quickly, each in one way, bent as its own."""
    width = float(rng.uniform(*_WIDTHS))
    return {
        digit: _bent(parse_strokes(ways[int(rng.integers(len(ways)))]), width, rng)
        for digit, ways in STROKES["quick"].items()
        if rng.random() < _QUICK_SHARE
    }


def quick_hand(rng: np.random.Generator) -> Callable[[str], list[Stroke]]:
    """What writes a symbol once, by a random hand of the stroke model; half of these are quick."""
    hand = Hand.sample(rng)
    quick = quick_habits(rng) if rng.random() < _QUICK_HANDS else {}

    def write(symbol: str) -> list[Stroke]:
        if symbol in quick:
            return hand.write(quick[symbol], f"quick {symbol}", rng)
        return hand.symbol(symbol, rng)

    return write


def _bent(strokes: Allograph, width: float, rng: np.random.Generator) -> Allograph:
    """The strokes in another width, their points moved; corners, a point twice, stay corners."""
    moved = {
        point: (point[0] * width + rng.normal(0, _BEND), point[1] + rng.normal(0, _BEND))
        for stroke in strokes
        for point in stroke
    }
    return tuple(tuple(moved[point] for point in stroke) for stroke in strokes)
