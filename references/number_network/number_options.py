"""Options of the training of the number network, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.network_options import FitOptions, check_counts, check_learning


@dataclass(frozen=True, slots=True)
class NumberTrainOptions(FitOptions):
    """Options of the training of the number network.

    `strips` strips are composed and kept in memory, about 4 kB each. Each of `steps` steps trains
    on `batch` of them. `test_strips` of held-back hands are read to measure, and as many to know
    all hands by; the confidence is fitted to half of `fit_cells` more. `writers` is a table of
    MNIST's writers, and `digits` are further sets of digits, as `formreader train` takes them;
    `split_seed` chooses which hands are held back. `base` is a model folder whose weights to start
    from; with it `steps` may be 0, which leaves them as they are, and fits only what else is in the
    folder.

    Raises:
        UsageError: an option is out of range.
    """

    out: Path = Path("models/numbers")
    strips: int = 200_000
    test_strips: int = 4_000
    fit_cells: int = 40_000
    steps: int = 15_000
    batch: int = 64
    writers: Path | None = None
    digits: tuple[str, ...] = ()
    learning_rate: float = 2e-3
    seed: int = 20_000
    split_seed: int = 20_000
    base: Path | None = None

    def __post_init__(self) -> None:
        check_counts(self, "strips", "test_strips", "fit_cells")
        if self.steps or self.base is None:
            FitOptions.__post_init__(self)
        else:
            check_learning(self.learning_rate, self.seed)

    def recipe(self) -> dict[str, str | int | float | bool | list[str]]:
        """What a card says of the options; sets of digits are named without their folders."""
        return FitOptions.recipe(self) | {"digits": [Path(one).name for one in self.digits]}
