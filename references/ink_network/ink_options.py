"""Options of the training of the ink network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.network_options import NetworkOptions


@dataclass(frozen=True, slots=True)
class InkTrainOptions(NetworkOptions):
    """Options of the training of the ink network.

    `data` has the printed forms and the sets of digits. The `test_pages` are of issuers that are
    not trained on.
    """

    out: Path = Path("models/ink")
    data: Path = Path("../shared/data")
    pages: int = 1800
    test_pages: int = 200
    steps: int = 6000
    batch: int = 128
    learning_rate: float = 2e-3
    seed: int = 10
