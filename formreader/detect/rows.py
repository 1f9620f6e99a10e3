"""Rows: equal boxes side by side."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Equal boxes side by side on an upright page.

    `corners` is (n, 4, 2) in working pixels, clockwise from the top left; `scores` is
    (n,) how sure the finder is of each, 0..1. `separation` is how much of what should
    separate the boxes is ruled, 0..1. `size` is the median width and height (derived).
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    separation: float = 1.0
    size: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        side = self.corners[:, 1, 0] - self.corners[:, 0, 0]
        drop = self.corners[:, 3, 1] - self.corners[:, 0, 1]
        object.__setattr__(self, "size", (middle(side), middle(drop)))

    def __len__(self) -> int:
        return len(self.corners)

    @property
    def score(self) -> float:
        """How sure the finder is of the row as a whole."""
        return float(self.scores.mean())


def middle(values: npt.NDArray[np.float64]) -> float:
    """The median, without what numpy's checks cost on a handful of values."""
    return float(np.sort(values)[len(values) // 2])
