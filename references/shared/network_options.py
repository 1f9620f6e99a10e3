"""Options that the trainings of all networks have, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from formreader.core.errors import UsageError
from formreader.core.options import check_number

HELP = {
    "out": "model folder to write",
    "pages": "pages to draw for training",
    "test_pages": "pages to measure on",
    "steps": "steps of training",
    "batch": "pieces of pages a step",
    "learning_rate": "highest learning rate",
    "seed": "seed of the first page and of all random choices",
    "work": "folder for checkpoints: the same command goes on with an interrupted training",
    "base": "model folder whose weights to start from",
}
"""Help on each option that several trainings have."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """Options of the training of a network.

    Each of `steps` steps trains on `batch` examples. `learning_rate` is the highest of the
    schedule. All random choices follow from `seed`. `work` is a folder that keeps the last
    checkpoint.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path
    steps: int
    batch: int
    learning_rate: float
    seed: int
    work: Path | None = None

    def __post_init__(self) -> None:
        check_counts(self, "steps", "batch")
        check_learning(self.learning_rate, self.seed)

    def recipe(self) -> dict[str, str | int | float | bool | list[str]]:
        """What a card says of the options: all but the folders that a training writes to."""
        names = (field.name for field in fields(self) if field.name not in ("out", "work"))
        return {name: _as_json(getattr(self, name)) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions(FitOptions):
    """Options of the training of a network that sees pieces of pages.

    They are cut from `pages` pages, which are drawn from seeds that follow from `seed`. The network
    is measured on `test_pages` pages that are unlike them.

    Raises:
        UsageError: an option is out of range.
    """

    pages: int
    test_pages: int

    def __post_init__(self) -> None:
        FitOptions.__post_init__(self)
        check_counts(self, "pages", "test_pages")


def _as_json(
    value: Path | tuple[str, ...] | float | None,
) -> str | int | float | bool | list[str]:
    if isinstance(value, tuple):
        return list(value)
    if value is None or isinstance(value, Path):
        return "" if value is None else value.name
    return value
