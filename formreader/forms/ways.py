"""Straight ways over a page: how much of them is ruled, and which points pair up."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.forms.lines import Mask

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) x, y in working pixels."""

Indices: TypeAlias = npt.NDArray[np.int64]

TOLERANCE = 5.0
"""How far a junction may lie from where its line is, in working pixels."""

TILT = 0.03
"""How much lines may be tilted on an upright page: a photo's curl, a fold."""

SAMPLES = 24
"""Points looked at along a way."""


def line_coverage(mask: Mask, start: Points, end: Points) -> npt.NDArray[np.float64]:
    """Share of each straight way from `start` to `end`, (n, 2) each, that lies on the mask."""
    return np.asarray(on_mask(mask, start, end, SAMPLES).mean(axis=1))


def points_along(start: Points, end: Points, share: npt.NDArray[np.float64]) -> Points:
    """The points at these shares of each straight way, (n, 2) each, as (n, shares, 2)."""
    return np.asarray(start[:, None, :] + (end - start)[:, None, :] * share[:, None])


def on_mask(mask: Mask, start: Points, end: Points, samples: int) -> npt.NDArray[np.bool_]:
    """(n, samples): whether each of the points on the straight ways lies on the mask."""
    way = points_along(start, end, np.linspace(0.04, 0.96, samples))
    x = np.clip(np.rint(way[..., 0]).astype(np.int64), 0, mask.shape[1] - 1)
    y = np.clip(np.rint(way[..., 1]).astype(np.int64), 0, mask.shape[0] - 1)
    return np.asarray(mask[y, x] > 0)


def pairs_within(
    x: npt.NDArray[np.float64],
    nearest: float | npt.NDArray[np.float64],
    farthest: float | npt.NDArray[np.float64],
) -> tuple[Indices, Indices]:
    """Pairs (i, k) of the sorted x with nearest <= x[k] - x[i] <= farthest."""
    first = np.searchsorted(x, x + nearest, "left")
    last = np.maximum(np.searchsorted(x, x + farthest, "right"), first)
    counts = last - first
    i = np.repeat(np.arange(len(x)), counts)
    offset = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, np.repeat(first, counts) + offset
