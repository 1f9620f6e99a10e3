"""How many of a batch's values may be wrong, from a stratified random sample without replacement.

The bound is exact for finite populations: the largest number of wrong values with which a sample
as good as the one that was drawn has a probability of more than 5 %. With several strata it is the
largest over all ways in which the wrong values may lie in them (Wendell and Schmee, "Exact
inference for proportions from a stratified finite population", JASA 91, 1996); samples are ordered
by the estimated number of wrong values. With one stratum this is the hypergeometric form of the
bound of Clopper and Pearson.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from formreader.core.hypergeometric import hypergeometric

AUDIT_CERTAINTY = 0.95
"""Certainty of the upper bound: the usual one, and that of the models' calibrations."""

_ERROR_LEVEL = 1 - AUDIT_CERTAINTY

_NEARLY = 1e-9
"""Estimates that differ by less are equal, but for rounding."""


@dataclass(frozen=True, slots=True)
class StratumCount:
    """Of `population` accepted values `sampled` were looked at; `wrong` of these are wrong."""

    population: int
    sampled: int
    wrong: int = 0
    name: str = ""

    @property
    def estimate(self) -> float:
        """The estimated number of wrong values."""
        return self.population * self.wrong / self.sampled


def upper_bound(strata: Sequence[StratumCount]) -> int:
    """The number of wrong values that, with 95 % certainty, is not exceeded in one or two strata.

    Raises:
        ValueError: there are no strata or more than two, or one has no sample.
    """
    if not 1 <= len(strata) <= 2 or not all(one.sampled for one in strata):
        raise ValueError(f"one or two strata with a sample are needed. Received: {strata}")
    if len(strata) == 1:
        return _bound_of_one(strata[0])
    first, second = strata
    best = 0
    # More wrong values in the first stratum leave fewer for the second: a staircase.
    in_second = second.population - (second.sampled - second.wrong)
    for in_first in range(first.wrong, first.population - (first.sampled - first.wrong) + 1):
        while in_second >= 0 and _probability(strata, (in_first, in_second)) <= _ERROR_LEVEL:
            in_second -= 1
        if in_second < 0:
            break
        best = max(best, in_first + in_second)
    return max(best, first.wrong + second.wrong)


def _bound_of_one(only: StratumCount) -> int:
    low, high = only.wrong, only.population - (only.sampled - only.wrong)
    while low < high:  # the probability falls with each wrong value more
        middle = (low + high + 1) // 2
        if _probability([only], (middle,)) > _ERROR_LEVEL:
            low = middle
        else:
            high = middle - 1
    return low


def _probability(strata: Sequence[StratumCount], wrong: tuple[int, ...]) -> float:
    """The probability of a sample at most as bad, if each stratum has so many wrong values."""
    seen = sum(one.estimate for one in strata)
    ranges = (
        range(math.floor((seen + _NEARLY) * one.sampled / one.population) + 1) for one in strata
    )
    return math.fsum(
        math.prod(
            hypergeometric(one.population, bad, one.sampled, found)
            for one, bad, found in zip(strata, wrong, founds, strict=True)
        )
        for founds in product(*ranges)
        if sum(
            one.population * found / one.sampled for one, found in zip(strata, founds, strict=True)
        )
        <= seen + _NEARLY
    )


def needed_sample(population: int, max_error: float) -> int:
    """The smallest sample that shows `max_error` of a population if nothing in it is wrong."""
    allowed = math.floor(max_error * population)
    low, high = 1, population
    while low < high:
        middle = (low + high) // 2
        if upper_bound([StratumCount(population, middle)]) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low
