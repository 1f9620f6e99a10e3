"""Options of the training of the line network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.network_options import NetworkOptions, check_counts


@dataclass(frozen=True, slots=True)
class LineTrainOptions(NetworkOptions):
    """Options of the training of the line network.

    Pieces are cut from rendered pages and from `sheets` sheets of lines in further typefaces. The
    `test_pages` have combinations of layout and scan that no training page has: as many are for
    fitting the certainty.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path = Path("models/lines")
    pages: int = 2000
    test_pages: int = 150
    steps: int = 6000
    batch: int = 128
    learning_rate: float = 2e-3
    seed: int = 30_000
    sheets: int = 3000

    def __post_init__(self) -> None:
        NetworkOptions.__post_init__(self)
        check_counts(self, "sheets")
