"""Rows: equal boxes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Equal boxes side by side on an upright page.

    `corners` (n, 4, 2) are in pixels of the page, clockwise from the top left. `scores` (n,) are
    the network's scores of the boxes, 0..1. `probability` is that of being a row of boxes, before
    it is read. `separation` is the ruled share of the edges between the boxes, 0..1. `size`
    (derived) is the median width and height.
    """

    corners: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    probability: float = 1.0
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
        """The mean score of the boxes."""
        return float(self.scores.mean())


def corners_of(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """The corners (m, 4, 2) of the boxes of all rows."""
    return np.concatenate([np.zeros((0, 4, 2)), *(row.corners for row in rows)])


def middle(values: npt.NDArray[np.float64]) -> float:
    """The upper median of one or more values; faster than numpy's for few values."""
    return float(np.sort(values)[len(values) // 2])
