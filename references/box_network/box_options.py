"""Options of the training of the box network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from formreader.core.errors import UsageError
from shared.network_options import NetworkOptions

DECISIONS = ("rows", "places", "fields")
"""What is decided by what the network finds: see `formreader.detect.box_network.Decisions`."""


@dataclass(frozen=True, slots=True)
class BoxTrainOptions(NetworkOptions):
    """Options of the training of the box network.

    Pages are rendered and kept in memory, up to 1.4 MB each. Those to measure on have combinations
    of layout and scan that no training page has; with `all_combinations` training pages may have
    these as well: for the last pages of a network that was measured without. `base` is a model
    folder whose weights to start from; with `only_cells` all layers but those of the cells keep
    them, so that boxes are found as before. With `only_decisions`, names of `DECISIONS`, the
    network stays as it is, and these are fitted anew on `pages`.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path = Path("models/boxes")
    pages: int = 4000
    test_pages: int = 150
    steps: int = 8000
    batch: int = 12
    learning_rate: float = 2.5e-3
    seed: int = 10_000
    all_combinations: bool = False
    base: Path | None = None
    only_cells: bool = False
    only_decisions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        NetworkOptions.__post_init__(self)
        for name in ("only_cells", "only_decisions"):
            if getattr(self, name) and self.base is None:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} goes on from a model: name it with --base.")
        if unknown := set(self.only_decisions) - set(DECISIONS):
            raise UsageError(
                f"--only-decisions takes {', '.join(DECISIONS)}. Received: {', '.join(unknown)}"
            )
