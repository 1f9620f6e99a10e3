"""Options of the training of the page network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.network_options import NetworkOptions


@dataclass(frozen=True, slots=True)
class PageTrainOptions(NetworkOptions):
    """Options of the training of the page network.

    `data` has printed forms and sets of digits. `work` also keeps the drawn pages. `base` is a
    model folder from whose network training starts.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path = Path("models/own/page")
    pages: int = 6200
    test_pages: int = 80
    steps: int = 14_000
    batch: int = 8
    learning_rate: float = 2e-3
    seed: int = 31
    work: Path = Path("models/own/page_work")
    data: Path = Path("data")
    base: Path | None = None
