"""The most probable path through a lattice of segments, against all other paths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.records import Segment
from formreader.segment.viterbi import best_path

scores = st.floats(-8, 0)


@given(
    pieces=st.integers(1, 5), draw=st.lists(scores, min_size=15, max_size=15), seed=st.integers(0)
)
def test_the_best_path_is_the_best_of_all(pieces: int, draw: list[float], seed: int) -> None:
    spans = list(itertools.combinations(range(pieces + 1), 2))
    order = np.random.default_rng(seed).permutation(len(spans))
    segments = [Segment(*spans[i]) for i in order]
    values = np.array(draw[: len(spans)])
    path, posteriors = best_path(segments, values)

    all_paths = list(paths(segments, 0, pieces))
    totals = [sum(values[i] for i in one) for one in all_paths]
    assert sum(values[i] for i in path) == pytest.approx(max(totals))
    weight = sum(map(math.exp, totals))
    for i, posterior in zip(path, posteriors, strict=True):
        through = sum(math.exp(t) for t, one in zip(totals, all_paths, strict=True) if i in one)
        assert posterior == pytest.approx(through / weight)


def paths(segments: list[Segment], start: int, end: int) -> list[list[int]]:
    """All paths from one place to another."""
    if start == end:
        return [[]]
    return [
        [i, *rest]
        for i, segment in enumerate(segments)
        if segment.start == start
        for rest in paths(segments, segment.end, end)
    ]
