"""The distribution of wrong values in a sample without replacement, without SciPy."""

from __future__ import annotations

import math


def hypergeometric(population: int, wrong: int, sampled: int, found: int) -> float:
    """The probability to find so many of `wrong` values in a sample without replacement."""
    if not max(0, sampled - (population - wrong)) <= found <= min(sampled, wrong):
        return 0.0
    return math.exp(
        _log_choices(wrong, found)
        + _log_choices(population - wrong, sampled - found)
        - _log_choices(population, sampled)
    )


def _log_choices(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
