"""Find the printed lines near the edges of boxes by the coverage of columns.

The coverage of a column is its share of dark pixels over the length of the box's side. It is
counted for each third of that length, to distinguish tilted lines, broken lines, short ticks
and strokes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.crop.patches import BOX_SIDE, BOX_START, BOX_STOP, PATCH_MARGIN

Ints: TypeAlias = npt.NDArray[np.int64]

Counts: TypeAlias = npt.NDArray[np.uint8]
"""Numbers of dark pixels along lines, as uint8 for speed."""

THIRD = BOX_SIDE // 3
"""Length of a third of a line in pixels."""

_LINE_SEARCH_REACH = round(0.17 * BOX_SIDE)
_NEAR_LINE_REACH = round(0.12 * BOX_SIDE)
"""Distances from the expected position of a line, in columns: within the first it is searched for,
within the second it may have gaps. Checked on rendered pages."""

_LINE_TILTS = (0, -1, 1, -2, 2)
_MAX_LINE_TILT = 2
"""Shifts of a line, in columns, from one third of its length to the next, and the largest of them.
2 columns in 14 pixels are 8 degrees. Checked on rendered pages."""

AROUND = np.arange(-_LINE_SEARCH_REACH - _MAX_LINE_TILT, _LINE_SEARCH_REACH + _MAX_LINE_TILT + 1)
"""Columns that are searched around an edge, as distances from the edge."""

_MIN_NEAR_COVERAGE, _MIN_NEAR_END = 0.85, 0.4
_MIN_FAR_COVERAGE, _MIN_FAR_THIRD = 0.92, 0.8
_MIN_BROKEN_COVERAGE, _MIN_BROKEN_END = 0.4, 0.2
_MIN_TICK_COVERAGE, _MIN_TICK_END = 0.25, 0.8
"""Least coverage of a line's whole length, and of one of its thirds. That third is the lighter end
of near lines and of broken lines, the lightest third of far lines, and the darker end of ticks.
Ticks stand at one end only, but on both sides of the box. Checked on rendered pages."""

_MAX_PART_DISTANCE = 2
_MIN_COVERAGE_OVER_PEAK = 0.6
"""Broken lines and ticks are searched for within this many columns of the edge. Adjoining columns
with at least this share of the coverage belong to them. Checked on rendered pages."""

_LINE_TILT_COST, _LINE_DISTANCE_COST = 0.02, 0.01
"""Penalties in the comparison of lines, in coverage: per column of tilt, and per column of distance
from the edge. Checked on rendered pages."""

_MIN_PAIR_COVERAGE = 0.8
"""Least coverage of two opposite lines that show that the box was detected with an offset. Checked
on rendered pages."""

_HUNDREDTHS = 100
"""Scores are coverage in hundredths of a pixel, as integers so that ties are exact."""


def common_shift(cover: Counts) -> Ints:
    """Return the common displacement of both opposite lines of each box, (...), in columns.

    Args:
        cover: (..., PATCH_SIDE) number of dark pixels of each column within the box's height.
    """
    shifts = np.arange(1 - PATCH_MARGIN, PATCH_MARGIN)
    pair = np.minimum(cover[..., BOX_START - 1 + shifts], cover[..., BOX_STOP - 1 + shifts])
    pair[pair < _min_pixels(_MIN_PAIR_COVERAGE)] = 0
    score = np.multiply(pair, _HUNDREDTHS, dtype=np.int16)
    best = np.argmax(score - _hundredths(_LINE_DISTANCE_COST * np.abs(shifts)), axis=-1)
    return np.asarray(shifts[best], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Candidates for lines, (m, tilts, columns): their dark pixels, kind and score."""

    dark: Counts
    is_line: npt.NDArray[np.bool_]
    is_broken: npt.NDArray[np.bool_]
    score: npt.NDArray[np.int16]


def best_lines(near: Counts) -> tuple[npt.NDArray[np.bool_], Ints, Ints, Ints]:
    """Find the best line near each of m edges.

    Args:
        near: (m, 3, columns) number of dark pixels in each third of the columns `AROUND` each edge.
            Edge i of the first half is opposite to edge i of the second half.

    Returns:
        Whether there is a line, its first and last column relative to the edge, its tilt; (m,).
    """
    judged = _judge(near)
    rows, width = np.arange(len(near)), judged.score.shape[2]
    best = judged.score.reshape(len(near), -1).argmax(axis=1)
    tilt, column = np.divmod(best, width)
    found = judged.score[rows, tilt, column] > 0
    is_line = judged.is_line[rows, tilt]
    whole = is_line[rows, column]
    # A tick without an opposite line may be a stroke.
    opposite = np.roll(found, len(found) // 2)
    found &= whole | judged.is_broken[rows, tilt, column] | opposite

    profile, columns = judged.dark[rows, tilt], np.arange(width)
    beside = np.abs(columns - column[:, None]) <= _MAX_PART_DISTANCE
    strong = profile >= _MIN_COVERAGE_OVER_PEAK * profile[rows, column][:, None]
    covers = np.where(whole[:, None], is_line, beside & strong)
    first, last = covers.argmax(axis=1), width - 1 - covers[:, ::-1].argmax(axis=1)
    return found, first - _LINE_SEARCH_REACH, last - _LINE_SEARCH_REACH, np.array(_LINE_TILTS)[tilt]


def _judge(near: Counts) -> _Candidates:
    """Judge each column at each tilt: whether it is a line, and of which kind."""
    first, middle, last = _tilted_thirds(near)
    dark = first + middle + last
    lower_end, higher_end = np.minimum(first, last), np.maximum(first, last)
    distance = np.abs(np.arange(dark.shape[2]) - _LINE_SEARCH_REACH)
    is_near = (dark >= _min_pixels(_MIN_NEAR_COVERAGE)) & (
        lower_end >= _min_pixels(_MIN_NEAR_END, THIRD)
    )
    is_near &= distance <= _NEAR_LINE_REACH
    is_far = (dark >= _min_pixels(_MIN_FAR_COVERAGE)) & (
        np.minimum(lower_end, middle) >= _min_pixels(_MIN_FAR_THIRD, THIRD)
    )
    is_broken = (dark >= _min_pixels(_MIN_BROKEN_COVERAGE)) & (
        lower_end >= _min_pixels(_MIN_BROKEN_END, THIRD)
    )
    is_tick = (dark >= _min_pixels(_MIN_TICK_COVERAGE)) & (
        higher_end >= _min_pixels(_MIN_TICK_END, THIRD)
    )
    is_part = (is_broken | is_tick) & (distance <= _MAX_PART_DISTANCE)
    # Near lines rank first, then broken lines and ticks, then far lines.
    rank = np.maximum(2 * is_near.view(np.uint8), is_part.view(np.uint8))
    cost = _LINE_TILT_COST * np.abs(_LINE_TILTS)[:, None] + _LINE_DISTANCE_COST * distance
    score = np.multiply(dark + BOX_SIDE * rank, _HUNDREDTHS, dtype=np.int16) - _hundredths(cost)
    score *= is_near | is_far | is_part
    return _Candidates(dark, is_near | is_far, is_broken, score)


def _min_pixels(share: float, length: int = BOX_SIDE) -> int:
    """Return the smallest number of pixels that is at least this share of a length."""
    return math.ceil(share * length)


def _hundredths(coverage: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Convert coverage to hundredths of a pixel."""
    return np.rint(_HUNDREDTHS * BOX_SIDE * coverage).astype(np.int16)


def _tilted_thirds(near: Counts) -> tuple[Counts, Counts, Counts]:
    """Shift the thirds of (m, 3, columns) by each tilt; each becomes (m, tilts, fewer columns).

    At its own tilt a line is then on the same column in all three thirds.
    """
    columns = np.arange(_MAX_LINE_TILT, near.shape[2] - _MAX_LINE_TILT)
    tilts = np.array(_LINE_TILTS)[:, None]
    first, middle, last = (near[:, i, columns + (i - 1) * tilts] for i in range(3))
    return first, middle, last
