"""The printed lines near the edges of boxes, from how much of each column is dark.

Coverage is told for each third of a line's length, so that tilted lines, broken ones and
short ticks can be told from one another and from strokes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.crop.patches import HIGH, LOW, MARGIN_PIXELS, SIDE

Ints: TypeAlias = npt.NDArray[np.int64]

Counts: TypeAlias = npt.NDArray[np.uint8]
"""Numbers of dark pixels along lines; uint8, since there are many of them to compare."""

THIRD = SIDE // 3
"""Length of a third of a line in pixels."""

_REACH = round(0.17 * SIDE)
_NEAR = round(0.12 * SIDE)
"""How far from where it should be a line is looked for; beyond the nearer part it must be whole."""

_TILTS = (0, -1, 1, -2, 2)
_LARGEST_TILT = 2
"""Columns by which a line goes aside from one third of its length to the next."""

AROUND = np.arange(-_REACH - _LARGEST_TILT, _REACH + _LARGEST_TILT + 1)
"""Columns around an edge that tell about lines near it."""

_COVERAGE, _END_COVERAGE = 0.85, 0.4
_FAR_COVERAGE, _FAR_WORST = 0.92, 0.8
_BROKEN_COVERAGE, _BROKEN_END = 0.4, 0.2
_TICK_COVERAGE, _TICK_END = 0.25, 0.8
"""Share of its length, and of its ends, that is dark: of lines near and far, of broken ones,
and of ticks, which only stand at one end, but on both sides of the box."""

_PART_REACH = 2
_PART_SHARE = 0.6
"""Broken lines and ticks are right at the edge; what is this much as dark belongs to them."""

_TILT_COST, _DISTANCE_COST = 0.02, 0.01
"""Coverage by which a straight line may be worse than a tilted one, a near than a far one."""

_PAIR_COVERAGE = 0.8
"""Coverage of both lines of a box that tells that it lies aside."""


_HUNDREDTHS = 100
"""Scores are whole hundredths of a pixel of coverage: equal ones are equal."""


def common_shift(cover: Counts) -> Ints:
    """By how much both lines of a box lie aside, (...).

    Args:
        cover: (..., PATCH) how many pixels of each column are dark in the box's height.
    """
    shifts = np.arange(1 - MARGIN_PIXELS, MARGIN_PIXELS)
    pair = np.minimum(cover[..., LOW - 1 + shifts], cover[..., HIGH - 1 + shifts])
    pair[pair < _least(_PAIR_COVERAGE)] = 0
    score = np.multiply(pair, _HUNDREDTHS, dtype=np.int16)
    best = np.argmax(score - _hundredths(_DISTANCE_COST * np.abs(shifts)), axis=-1)
    return np.asarray(shifts[best], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Judged lines (m, tilts, columns): dark pixels, what kind each is, and how good."""

    dark: Counts
    is_line: npt.NDArray[np.bool_]
    is_broken: npt.NDArray[np.bool_]
    score: npt.NDArray[np.int16]


def best_lines(near: Counts) -> tuple[npt.NDArray[np.bool_], Ints, Ints, Ints]:
    """The best line near each of m edges.

    Args:
        near: (m, 3, columns) how many pixels of each third of a line are dark around each
            edge, `AROUND` has the columns. The first half of the edges are opposite to the
            second half.

    Returns:
        Whether there is one, its first and its last column from the edge, its tilt; (m,).
    """
    judged = _judge(near)
    rows, width = np.arange(len(near)), judged.score.shape[2]
    best = judged.score.reshape(len(near), -1).argmax(axis=1)
    tilt, column = np.divmod(best, width)
    found = judged.score[rows, tilt, column] > 0
    is_line = judged.is_line[rows, tilt]
    whole = is_line[rows, column]
    # A tick alone may be a stroke.
    opposite = np.roll(found, len(found) // 2)
    found &= whole | judged.is_broken[rows, tilt, column] | opposite

    profile, columns = judged.dark[rows, tilt], np.arange(width)
    beside = np.abs(columns - column[:, None]) <= _PART_REACH
    strong = profile >= _PART_SHARE * profile[rows, column][:, None]
    covers = np.where(whole[:, None], is_line, beside & strong)
    first, last = covers.argmax(axis=1), width - 1 - covers[:, ::-1].argmax(axis=1)
    return found, first - _REACH, last - _REACH, np.array(_TILTS)[tilt]


def _judge(near: Counts) -> _Candidates:
    """Which columns hold lines of which tilt."""
    first, middle, last = _tilted_thirds(near)
    dark = first + middle + last
    lower_end, higher_end = np.minimum(first, last), np.maximum(first, last)
    distance = np.abs(np.arange(dark.shape[2]) - _REACH)
    is_near = (dark >= _least(_COVERAGE)) & (lower_end >= _least(_END_COVERAGE, THIRD))
    is_near &= distance <= _NEAR
    is_far = (dark >= _least(_FAR_COVERAGE)) & (
        np.minimum(lower_end, middle) >= _least(_FAR_WORST, THIRD)
    )
    is_broken = (dark >= _least(_BROKEN_COVERAGE)) & (lower_end >= _least(_BROKEN_END, THIRD))
    is_tick = (dark >= _least(_TICK_COVERAGE)) & (higher_end >= _least(_TICK_END, THIRD))
    is_part = (is_broken | is_tick) & (distance <= _PART_REACH)
    # A line near the edge comes first, then what is right at it, then a line farther off.
    rank = np.maximum(2 * is_near.view(np.uint8), is_part.view(np.uint8))
    cost = _TILT_COST * np.abs(_TILTS)[:, None] + _DISTANCE_COST * distance
    score = np.multiply(dark + SIDE * rank, _HUNDREDTHS, dtype=np.int16) - _hundredths(cost)
    score *= is_near | is_far | is_part
    return _Candidates(dark, is_near | is_far, is_broken, score)


def _least(share: float, length: int = SIDE) -> int:
    """The least number of dark pixels that are such a share of a length."""
    return math.ceil(share * length)


def _hundredths(coverage: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Shares of a line's length in hundredths of a pixel."""
    return np.rint(_HUNDREDTHS * SIDE * coverage).astype(np.int16)


def _tilted_thirds(near: Counts) -> tuple[Counts, Counts, Counts]:
    """The thirds of (m, 3, columns), each (m, tilts, fewer columns).

    They are moved so that a line of each tilt lies on one column in all of them.
    """
    columns = np.arange(_LARGEST_TILT, near.shape[2] - _LARGEST_TILT)
    tilts = np.array(_TILTS)[:, None]
    first, middle, last = (near[:, i, columns + (i - 1) * tilts] for i in range(3))
    return first, middle, last
