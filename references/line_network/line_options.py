"""Options of the training of the line network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from formreader.training.option_checks import check_counts, check_learning


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
        check_counts(self, "pages", "sheets", "test_pages", "steps", "batch")
        check_learning(self.learning_rate, self.seed)
