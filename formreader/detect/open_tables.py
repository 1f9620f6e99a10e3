"""Divide cells that are whole lines of a table into columns, if no ruled line divides them.

A fax loses hairlines, and some tables have none between columns. The writing still stands in
columns: over many lines of the table there is nearly no ink between two of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.cell_maps import FoundCells

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
"""(lines, w) whether a line of a table has ink at each pixel of its length."""
Span: TypeAlias = tuple[float, float]
"""Start and end along an axis, in pixels."""

_MIN_LINE_ASPECT = 6.0
"""Least aspect ratio (width by height) of a cell that may be a whole line of a table. This and the
thresholds below were set by eye. Of 102 pages (`numbers`, `forms`, `rendered`) and 240 drawn ones,
one is divided: the one that has lost its columns."""
_MIN_LINES = 8
"""Least number of lines of a table that is divided."""
_MIN_COMMON_LENGTH = 0.75
"""Least share of their length that the lines of one table have in common."""
_MAX_STRAY = 0.12
"""Largest distance of an edge from its expected position, in line heights."""
_PITCHES, _PITCH_STEPS = (0.7, 1.6), 91
"""Range of line heights that are tried, in heights of the lowest cells, and their number."""
_MIN_FITTING = 0.75
"""Least share of the cells' edges that fit lines of one height."""

_INK_SHARE = 0.4
"""Least darkness of ink, as a share of that of the table's darkest ink."""
_DARKEST = 0.005
"""Share of the table's pixels that count as its darkest ink."""
_MIN_INK_DARKNESS = 20.0
"""Least darkness of ink in grey values, so that the noise of an empty table is no ink."""
_MIDDLE = 0.2
"""Share of a line's height at its top, and at its bottom, in which ink may be a neighbour's."""

_MAX_CHANCE = 1e-3
"""Largest probability that so few lines have ink in a gap by chance."""
_MIN_FILLED = 0.3
"""Least share of the lines with ink in a column. The empty end of a cell is no column."""
_MIN_COLUMN_WIDTH = 1.2
"""Least width of a column, in line heights."""

_MIN_CLEARANCE, _MAX_INNER_GAP = 0.2, 0.6
"""In line heights: the least distance of the writing from a dividing line, and the widest gap in
the writing. Otherwise a digit may belong to the next column, or the writing to two columns."""


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Lines of a table from top to bottom, and their common start and end along x."""

    lines: list[Span]
    left: float
    right: float
    members: npt.NDArray[np.int64]


def divide_open_tables(even: GreyImage, cells: FoundCells) -> FoundCells:
    """Divide cells that are lines of a table without ruled lines between its columns.

    Other cells within such a table are parts of its lines, and are dropped. The columns are
    estimates, so a cell is doubtful if a digit in it may belong to a neighbour.

    Args:
        even: the upright, evenly lit page, (h, w) uint8.
        cells: its cells.
    """
    kept = np.ones(len(cells), np.bool_)
    made = list[Floats]()
    scores, doubtful = list[float](), list[bool]()
    # The widest first: parts of its lines may look like a table of their own.
    for table in sorted(_tables(cells), key=lambda one: one.left - one.right):
        if not kept[table.members].all():
            continue
        written = _written(even, table)
        columns = _columns(written, table)
        if len(columns) > 1:
            kept &= ~_inside(cells, table)
            made += [_quad(column, line) for line in table.lines for column in columns]
            score = float(cells.scores[table.members].mean())
            scores += [score] * (len(table.lines) * len(columns))
            doubtful += _doubtful(written, table, columns)
    if not made:
        return cells
    divided = FoundCells(np.stack(made), np.array(scores), np.array(doubtful, np.bool_))
    return cells.select(kept).with_more(divided)


def _inside(cells: FoundCells, table: _Table) -> npt.NDArray[np.bool_]:
    """(n,) which cells have their centre in a line of a table, the lines themselves included."""
    x, y = cells.corners.mean(axis=1).T
    inside = (table.left < x) & (x < table.right)
    inside &= (table.lines[0][0] < y) & (y < table.lines[-1][1])
    inside[table.members] = True
    return np.asarray(inside)


def _tables(cells: FoundCells) -> Iterator[_Table]:
    """Tables: stacks of wide cells, one above another."""
    left, right = cells.corners[:, [0, 3], 0].mean(axis=1), cells.corners[:, [1, 2], 0].mean(axis=1)
    top, bottom = cells.corners[:, [0, 1], 1].mean(axis=1), cells.corners[:, [2, 3], 1].mean(axis=1)
    height = bottom - top
    free = right - left >= _MIN_LINE_ASPECT * height
    common = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    whole = np.maximum(right[:, None], right) - np.minimum(left[:, None], left)
    in_line = common >= _MIN_COMMON_LENGTH * whole
    while free.any():
        # Start from the line whose ends most others share, as ends vary.
        members = in_line & free
        stack = np.flatnonzero(members[np.where(free, members.sum(axis=1), 0).argmax()])
        free[stack] = False
        stack = stack[np.argsort(top[stack], kind="stable")]
        lines = _lines(top[stack], bottom[stack])
        if len(lines) >= _MIN_LINES:
            yield _Table(
                lines, float(np.median(left[stack])), float(np.median(right[stack])), stack
            )


def _lines(top: Floats, bottom: Floats) -> list[Span]:
    """The lines of a stack of cells. A cell, and a gap between cells, may be several lines.

    The lines are equally high. Edges that do not fit are errors of the network. Empty if too many
    do not fit.
    """
    edges = np.sort(np.concatenate([top, bottom]))
    shortest = float(np.quantile(bottom - top, 0.1))
    pitches = np.linspace(*_PITCHES, _PITCH_STEPS) * shortest
    away = (edges[:, None, None] - edges[:, None]) / pitches  # (edges, from which edge, pitches)
    fits = np.abs(away - np.rint(away)) <= _MAX_STRAY
    # Half of the true pitch fits as well, but fits by chance more easily.
    share = fits.mean(axis=0) - 2 * _MAX_STRAY * shortest / pitches
    start, pitch = np.unravel_index(int(share.argmax()), share.shape)
    chosen = fits[:, start, pitch]
    if chosen.mean() < _MIN_FITTING:
        return []
    places = np.rint(away[chosen, start, pitch])
    slope, first = np.polyfit(places, edges[chosen], 1).tolist()
    cuts = [first + slope * k for k in range(int(places.min()), int(places.max()) + 1)]
    return list(pairwise(cuts))


def _columns(written: Flags, table: _Table) -> list[Span]:
    """The columns of a table, by its ink; a single one if the ink shows no gaps."""
    height = float(np.mean([bottom - top for top, bottom in table.lines]))
    gap = written.sum(axis=0) <= _most_in_gap(len(table.lines), float(written.mean()))
    changes = np.flatnonzero(np.diff(np.concatenate([[False], gap, [False]]).astype(np.int8)))
    runs = changes.reshape(-1, 2)
    least = _MIN_COLUMN_WIDTH * height
    cuts = [0, len(gap)]
    # The widest gaps first: there may be narrow ones between the digits of a column.
    for start, stop in sorted(runs.tolist(), key=lambda run: run[0] - run[1]):
        middle = (start + stop) // 2
        if min(abs(middle - cut) for cut in cuts) >= least:
            cuts.append(middle)
    columns = list(pairwise(sorted(cuts)))
    if any(written[:, a:b].any(axis=1).mean() < _MIN_FILLED for a, b in columns):
        return [(table.left, table.right)]
    return [(table.left + a, table.left + b) for a, b in columns]


def _doubtful(written: Flags, table: _Table, columns: Sequence[Span]) -> list[bool]:
    """Whether each cell, line by line, may lack a digit or hold one of another column."""
    doubtful = list[bool]()
    for ink, (top, bottom) in zip(written, table.lines, strict=True):
        height = bottom - top
        for a, b in columns:
            left, right = round(a - table.left), round(b - table.left)
            inked = np.flatnonzero(ink[left:right])
            if not len(inked):
                doubtful.append(False)
                continue
            ends = min(inked[0] + 1, right - left - inked[-1])
            gap = np.diff(inked).max(initial=0)
            doubtful.append(bool(ends < _MIN_CLEARANCE * height or gap > _MAX_INNER_GAP * height))
    return doubtful


def _most_in_gap(lines: int, share: float) -> int:
    """The largest number of lines with ink in a gap between columns; -1 if none is significant.

    So few lines are unlikely by chance (`_MAX_CHANCE`) if each has ink in the gap with probability
    `share`, the table's share of ink.
    """
    chance = 0.0
    for k in range(lines + 1):
        chance += math.comb(lines, k) * share**k * (1 - share) ** (lines - k)
        if chance > _MAX_CHANCE:
            return k - 1
    return lines


def _written(even: GreyImage, table: _Table) -> Flags:
    """(lines, w) whether the middle of a line has ink at each pixel of its length."""
    height, width = even.shape
    left, right = max(round(table.left), 0), min(round(table.right), width)
    top, bottom = max(round(table.lines[0][0]), 0), min(round(table.lines[-1][1]), height)
    part = even[top:bottom, left:right].astype(np.float64)
    paper, darkest = float(np.median(part)), float(np.quantile(part, _DARKEST))
    ink = paper - part >= max(_INK_SHARE * (paper - darkest), _MIN_INK_DARKNESS)
    rows = [
        ink[round(a + _MIDDLE * (b - a)) - top : round(b - _MIDDLE * (b - a)) - top].any(axis=0)
        for a, b in table.lines
    ]
    return np.array(rows, np.bool_)


def _quad(column: Span, line: Span) -> Floats:
    (left, right), (top, bottom) = column, line
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
