"""The printed lines near the edges of boxes, from how much of each column is dark.

Coverage is told for each third of a line's length, so that tilted lines, broken ones and
short ticks can be told from one another and from strokes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.digits.patches import HIGH, LOW, MARGIN_PIXELS, SIDE

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float32]

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


def common_shift(cover: Floats) -> Ints:
    """By how much both lines of a box lie aside, (...), from the mean coverage (..., PATCH)."""
    shifts = np.arange(1 - MARGIN_PIXELS, MARGIN_PIXELS)
    pair = np.minimum(cover[..., LOW - 1 + shifts], cover[..., HIGH - 1 + shifts])
    pair[pair < _PAIR_COVERAGE] = 0
    best = np.argmax(pair - _DISTANCE_COST * np.abs(shifts), axis=-1)
    return np.asarray(shifts[best], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Judged lines (m, tilts, columns): mean coverage, what kind each is, and how good."""

    mean: Floats
    is_line: npt.NDArray[np.bool_]
    is_broken: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]


def best_lines(near: Floats) -> tuple[npt.NDArray[np.bool_], Ints, Ints, Ints]:
    """The best line near each of m edges.

    Args:
        near: (m, 3, columns) coverage around each edge, `AROUND` has the columns. The
            first half of the edges are opposite to the second half.

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

    profile, columns = judged.mean[rows, tilt], np.arange(width)
    beside = np.abs(columns - column[:, None]) <= _PART_REACH
    strong = profile >= _PART_SHARE * profile[rows, column][:, None]
    covers = np.where(whole[:, None], is_line, beside & strong)
    first, last = covers.argmax(axis=1), width - 1 - covers[:, ::-1].argmax(axis=1)
    return found, first - _REACH, last - _REACH, np.array(_TILTS)[tilt]


def _judge(near: Floats) -> _Candidates:
    """Which columns hold lines of which tilt."""
    first, middle, last = _tilted_thirds(near)
    mean = (first + middle + last) / np.float32(3)
    lower_end, higher_end = np.minimum(first, last), np.maximum(first, last)
    distance = np.abs(np.arange(mean.shape[2]) - _REACH)
    is_near = (mean >= _COVERAGE) & (lower_end >= _END_COVERAGE) & (distance <= _NEAR)
    is_far = (mean >= _FAR_COVERAGE) & (np.minimum(lower_end, middle) >= _FAR_WORST)
    is_broken = (mean >= _BROKEN_COVERAGE) & (lower_end >= _BROKEN_END)
    is_tick = (mean >= _TICK_COVERAGE) & (higher_end >= _TICK_END)
    is_part = (is_broken | is_tick) & (distance <= _PART_REACH)
    # A line near the edge comes first, then what is right at it, then a line farther off.
    rank = np.where(is_near, 2, is_part)
    cost = _TILT_COST * np.abs(_TILTS)[:, None] + _DISTANCE_COST * distance
    score = np.where(is_near | is_far | is_part, rank + mean - cost, 0)
    return _Candidates(mean, is_near | is_far, is_broken, score)


def _tilted_thirds(near: Floats) -> tuple[Floats, Floats, Floats]:
    """The thirds of (m, 3, columns), each (m, tilts, fewer columns).

    They are moved so that a line of each tilt lies on one column in all of them.
    """
    columns = np.arange(_LARGEST_TILT, near.shape[2] - _LARGEST_TILT)
    tilts = np.array(_TILTS)[:, None]
    first, middle, last = (near[:, i, columns + (i - 1) * tilts] for i in range(3))
    return first, middle, last
