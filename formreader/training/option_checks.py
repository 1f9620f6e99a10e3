"""Ranges of the options of the trainings of all networks."""

from __future__ import annotations

from formreader.core.errors import UsageError


def check_counts(options: object, *names: str) -> None:
    """Check that options are 1 or more.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        count = getattr(options, name)
        _check(name, count, count >= 1, "1 or more")


def check_learning(learning_rate: float, seed: int) -> None:
    """Check a learning rate and a seed.

    Raises:
        UsageError: one is out of range.
    """
    _check("learning_rate", learning_rate, 0 < learning_rate <= 1, "above 0, up to 1")
    _check("seed", seed, seed >= 0, "0 or more")


def _check(name: str, value: float, allowed: bool, range_: str) -> None:
    if not allowed:
        raise UsageError(f"--{name.replace('_', '-')} must be {range_}. Received: {value}")
