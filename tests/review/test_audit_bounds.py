"""The bound of an audit against what counting all samples says."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formreader.core.hypergeometric import hypergeometric
from formreader.review.audit_sample import (
    StratumCount,
    needed_sample,
    upper_bound,
)


@pytest.mark.parametrize(
    ("count", "bound"),
    [
        # All were looked at; none; and R: max(which(phyper(x, D, N - D, n) > 0.05)).
        (StratumCount(50, 50, 3), 3),
        (StratumCount(1000, 300, 0), 8),
        (StratumCount(10_000, 300, 0), 97),
        (StratumCount(1_000_000, 300, 0), 9934),
    ],
)
def test_bounds_of_one_stratum(count: StratumCount, bound: int) -> None:
    population, sampled, wrong = count.population, count.sampled, count.wrong

    def as_good(bad: int) -> float:
        return sum(
            math.comb(bad, found) * math.comb(population - bad, sampled - found)
            for found in range(wrong + 1)
        ) / math.comb(population, sampled)

    found = upper_bound([count])
    assert found == pytest.approx(bound, rel=0.01)
    assert as_good(found) > 0.05
    assert found == population - sampled + wrong or as_good(found + 1) <= 0.05


@given(st.integers(1, 30), st.data())
def test_probabilities_are_those_of_counting(population: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, population))
    sampled = data.draw(st.integers(0, population))
    for found in range(sampled + 1):
        ways = math.comb(wrong, found) * math.comb(population - wrong, sampled - found)
        expected = ways / math.comb(population, sampled)
        assert hypergeometric(population, wrong, sampled, found) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(2, 12), st.integers(2, 12)), st.data())
def test_the_bound_of_two_strata_holds_wherever_the_wrong_values_lie(
    populations: tuple[int, int], data: st.DataObject
) -> None:
    """Of all samples that could be drawn, at most 5 % give a bound below the truth."""
    sampled = tuple(data.draw(st.integers(1, population)) for population in populations)
    wrong = tuple(data.draw(st.integers(0, population)) for population in populations)
    missed = 0.0
    for found in itertools.product(*(range(n + 1) for n in sampled)):
        pairs = list(zip(populations, wrong, sampled, found, strict=True))
        chance = math.prod(hypergeometric(*pair) for pair in pairs)
        if chance > 0:
            counts = [StratumCount(size, n, bad) for size, _, n, bad in pairs]
            missed += chance * (upper_bound(counts) < sum(wrong))
    assert missed <= 0.05 + 1e-9


def test_two_strata_cost_little_where_nothing_is_wrong() -> None:
    halves = [StratumCount(5000, 150), StratumCount(5000, 150)]
    assert upper_bound(halves) <= 1.02 * upper_bound([StratumCount(10_000, 300)])


def test_the_needed_sample_shows_what_is_asked_and_one_less_does_not() -> None:
    needed = needed_sample(10_000, 0.01)
    assert upper_bound([StratumCount(10_000, needed)]) <= 100
    assert upper_bound([StratumCount(10_000, needed - 1)]) > 100
    assert needed_sample(20, 0.001) == 19  # a single wrong one is left out once in 20 times
