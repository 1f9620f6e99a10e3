"""Find pairs of numbers whose difference is within limits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Indices: TypeAlias = npt.NDArray[np.int64]


def pairs_within(
    x: npt.NDArray[np.float64],
    nearest: float | npt.NDArray[np.float64],
    farthest: float | npt.NDArray[np.float64],
) -> tuple[Indices, Indices]:
    """Index pairs (i, k) of sorted x, (n,), with nearest <= x[k] - x[i] <= farthest.

    Each limit is one number, or one for each i, (n,).
    """
    first = np.searchsorted(x, x + nearest, "left")
    last = np.maximum(np.searchsorted(x, x + farthest, "right"), first)
    counts = last - first
    i = np.repeat(np.arange(len(x)), counts)
    offset = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, np.repeat(first, counts) + offset
