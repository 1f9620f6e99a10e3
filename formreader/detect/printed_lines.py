"""See the printed lines of a page, however faint, by how much darker they are than noise.

A line of a copy or a fax may be but a few grey levels darker than the paper. Along it that adds
up: what is looked at is how much of an edge is darker than the paper on both sides, not how dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage

_MAX_LINE_WIDTH = 9
"""Width in pixels from which a dark stripe is no line."""

_SMOOTHED_LENGTH = 5
"""Pixels along a line over which its darkness is averaged, against noise."""

_MIN_NOISES, _MIN_DARKNESS = 3.0, 2.0
"""Darkness of a line above the page's median: in distances from that to the upper quartile, which
is noise as most of a page is paper; and in grey levels at least."""

_EDGE_PIECES = 6
"""Pieces of an edge: where a line is tilted each is further off than the one before."""

_MAX_DRIFT = 4
"""Pixels by which one end of an edge may be off its line when the other is on it."""

MIN_EDGE_COVERED = 0.85
"""Share of an edge that is dark where it is on a line. Set by eye with the numbers of
`cell_edges`."""

Places: TypeAlias = npt.NDArray[np.float64]
"""Places on a page, in pixels."""
Totals: TypeAlias = npt.NDArray[np.int32]
"""Running totals of dark pixels along lines; see `PrintedLines`."""


@dataclass(frozen=True, slots=True, eq=False)
class PrintedLines:
    """Where a page is darker than beside it: `across` for lines across it, `down` for lines down.

    Both are running totals along the lines, so that the share of an edge that is dark costs two
    look-ups: (h, w + 1), and for lines down the same of the page with x and y exchanged.
    """

    across: Totals
    down: Totals


def see_lines(even: GreyImage) -> PrintedLines:
    """See the lines of an upright, evenly lit page, (h, w) uint8."""
    return PrintedLines(_dark_totals(even), _dark_totals(np.ascontiguousarray(even.T)))


def _dark_totals(even: GreyImage) -> Totals:
    """Running totals along x of the pixels that are darker than what is above and below them."""
    above_and_below = np.ones((_MAX_LINE_WIDTH, 1), np.uint8)
    darkness = cv2.morphologyEx(even, cv2.MORPH_BLACKHAT, above_and_below)
    darkness = cv2.blur(darkness, (_SMOOTHED_LENGTH, 1))
    median, quartile = np.quantile(darkness[::3, ::3], (0.5, 0.75)).tolist()
    least = median + max(_MIN_NOISES * (quartile - median), _MIN_DARKNESS)
    dark = (darkness > least).astype(np.uint8)
    near = cv2.dilate(dark, np.ones((3, 1), np.uint8))
    totals = np.zeros((even.shape[0], even.shape[1] + 1), np.int32)
    np.cumsum(near, axis=1, out=totals[:, 1:])
    return totals


def covered(totals: Totals, level: Places, start: Places, end: Places) -> Places:
    """The share of edges that is dark: at `level` across the lines, from `start` to `end` along.

    All arrays have one shape, or are broadcast to it. An edge may be tilted a little.
    """
    level, start, end = np.broadcast_arrays(level, start, end)
    height, width = totals.shape[0], totals.shape[1] - 1
    cuts = np.linspace(0, 1, _EDGE_PIECES + 1)
    bounds = start[..., None] + cuts * (end - start)[..., None]
    along = np.clip(np.rint(bounds), 0, width).astype(np.int64)
    length = np.maximum(along[..., -1] - along[..., 0], 1)
    best = np.zeros(level.shape)
    for drift in range(-_MAX_DRIFT, _MAX_DRIFT + 1, 2):
        tilt = (cuts[:-1] + cuts[1:] - 1) / 2 * drift
        rows = np.clip(np.rint(level[..., None] + tilt), 0, height - 1).astype(np.int64)
        dark = totals[rows, along[..., 1:]] - totals[rows, along[..., :-1]]
        best = np.maximum(best, dark.sum(axis=-1) / length)
    return best
