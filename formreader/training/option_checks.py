"""Ranges of the options of the trainings of all networks."""

from __future__ import annotations

from formreader.core.errors import UsageError
from formreader.core.options import check_number


def check_counts(options: object, *names: str) -> None:
    """Check that options are 1 or more.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if (count := getattr(options, name)) < 1:
            raise UsageError(f"--{name.replace('_', '-')} must be 1 or more. Received: {count}")


def check_learning(learning_rate: float, seed: int) -> None:
    """Check a learning rate and a seed.

    Raises:
        UsageError: one is out of range.
    """
    check_number("learning_rate", learning_rate)
    check_number("seed", seed)
