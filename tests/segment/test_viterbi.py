"""The likeliest way through a lattice of segments, against all other ways."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.records import Segment
from formreader.segment.viterbi import best_way

scores = st.floats(-8, 0)


@given(
    pieces=st.integers(1, 5), draw=st.lists(scores, min_size=15, max_size=15), seed=st.integers(0)
)
def test_the_best_way_is_the_best_of_all(pieces: int, draw: list[float], seed: int) -> None:
    spans = list(itertools.combinations(range(pieces + 1), 2))
    order = np.random.default_rng(seed).permutation(len(spans))
    segments = [Segment(*spans[i]) for i in order]
    values = np.array(draw[: len(spans)])
    way, shares = best_way(segments, values)

    all_ways = list(ways(segments, 0, pieces))
    totals = [sum(values[i] for i in one) for one in all_ways]
    assert sum(values[i] for i in way) == pytest.approx(max(totals))
    weight = sum(map(math.exp, totals))
    for i, share in zip(way, shares, strict=True):
        through = sum(math.exp(t) for t, one in zip(totals, all_ways, strict=True) if i in one)
        assert share == pytest.approx(through / weight)


def ways(segments: list[Segment], start: int, end: int) -> list[list[int]]:
    """All ways from one place to another."""
    if start == end:
        return [[]]
    return [
        [i, *rest]
        for i, segment in enumerate(segments)
        if segment.start == start
        for rest in ways(segments, segment.end, end)
    ]
