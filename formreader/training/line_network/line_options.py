"""Options of the training of the line network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from formreader.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class LineTrainOptions:
    """Options of the training of the line network.

    Pieces are cut from `pages` rendered pages and from `sheets` sheets of lines in further
    typefaces. Each of `steps` steps trains on `batch` of them. The `test_pages` have combinations
    of layout and scan that no training page has. `learning_rate` is the highest of the schedule.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path = Path("models/lines")
    pages: int = 2000
    sheets: int = 3000
    test_pages: int = 150
    steps: int = 6000
    batch: int = 128
    learning_rate: float = 2e-3
    seed: int = 30_000

    def __post_init__(self) -> None:
        for name in ("pages", "sheets", "test_pages", "steps", "batch"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        _check("learning_rate", self.learning_rate, 0 < self.learning_rate <= 1, "above 0, up to 1")
        _check("seed", self.seed, self.seed >= 0, "0 or more")


def _check(name: str, value: float, allowed: bool, range_: str) -> None:
    if not allowed:
        raise UsageError(f"--{name.replace('_', '-')} must be {range_}. Received: {value}")
