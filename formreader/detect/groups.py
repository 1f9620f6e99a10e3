"""Sums, means, medians and slopes of several groups of values in one array, all at once."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]
_Ints: TypeAlias = npt.NDArray[np.int64]


class Groups:
    """Groups of values in one array, (n,), group after group.

    `lengths`, `first` and `last`, (groups,): the size of each group, at least 1, and the
    indices of its first and last value. `owner`, (n,): the group of each value.
    """

    def __init__(self, lengths: _Ints) -> None:
        self.lengths = lengths
        self.first = lengths.cumsum() - lengths
        self.last = self.first + lengths - 1
        self.owner = np.repeat(np.arange(len(lengths)), lengths)

    def total(self, values: _Floats) -> _Floats:
        """(groups,) the sum of each group."""
        return np.asarray(np.add.reduceat(values, self.first))

    def highest(self, values: _Floats) -> _Floats:
        """(groups,) the highest value of each group."""
        return np.asarray(np.maximum.reduceat(values, self.first))

    def lowest(self, values: _Floats) -> _Floats:
        """(groups,) the lowest value of each group."""
        return np.asarray(np.minimum.reduceat(values, self.first))

    def median(self, values: _Floats) -> _Floats:
        """(groups,) the upper median of each group."""
        ordered = values[np.lexsort((values, self.owner))]
        return np.asarray(ordered[self.first + self.lengths // 2])

    def mean(self, values: _Floats) -> _Floats:
        """(n,) the mean of each value's group."""
        return np.asarray((self.total(values) / self.lengths)[self.owner])

    def deviations(self, values: _Floats) -> _Floats:
        """(n,) each value minus the mean of its group."""
        return values - self.mean(values)

    def slope(self, deviations: _Floats, y: _Floats) -> _Floats:
        """(groups,) slopes of the least-squares lines of y over x; 0 for a single value.

        `deviations` are those of x from the mean of its group.
        """
        spread = self.total(deviations**2)
        return self.total(deviations * y) / np.where(spread > 0, spread, 1)
