"""Divide cells that are whole lines of a table into its columns, where no line is left of them.

A fax loses hairlines, and some tables have none between columns. What is written still stands in
columns: over many rows nearly nothing is written between two of them.
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
"""(lines, w) whether there is ink in a line of a table, at each pixel of its length."""
Span: TypeAlias = tuple[float, float]
"""First and last place of something along an axis, in pixels."""

_MIN_LINE_ASPECT = 6.0
"""Width of a cell, in its heights, from which it may be a whole line of a table. This and the
numbers below were set by eye: of 102 pages (`numbers`, `forms`, `rendered`) and 240 drawn ones the
one is divided that has lost its columns."""
_MIN_LINES = 8
"""Lines of a table from which its columns show."""
_MIN_COMMON_LENGTH = 0.75
"""Share of two cells' common length from which they may be lines of one table."""
_MAX_STRAY = 0.12
"""Distance of an edge from its place, in heights of a line."""
_PITCHES, _PITCH_STEPS = (0.7, 1.6), 91
"""Heights of a line that are tried, in heights of the lowest cells, and how many."""
_MIN_FITTING = 0.75
"""Share of the cells' edges that must be where lines of one height have theirs."""

_INK_SHARE = 0.4
"""Share of the darkness of the darkest ink from which a pixel is ink."""
_DARKEST = 0.005
"""Share of the table's pixels that are its darkest ink."""
_MIN_INK_DARKNESS = 20.0
"""Darkness of ink in grey values at least, so that the noise of an empty table is none."""
_MIDDLE = 0.2
"""Share of a line's height above and below which ink may be that of its neighbours."""

_MAX_CHANCE = 1e-3
"""Probability that a place between columns is written on so rarely by chance."""
_MIN_FILLED = 0.3
"""Share of the lines that are written on in each column: an empty end of a cell is none."""
_MIN_COLUMN_WIDTH = 1.2
"""Least width of a column, in heights of a line."""

_MIN_CLEARANCE, _MAX_INNER_GAP = 0.2, 0.6
"""In heights of a line: the least distance of a cell's writing from where it was divided, and the
widest gap in it. Beyond these a digit may be of the next column, or the writing of two."""


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Lines of a table, from top to bottom, and where they begin and end along x."""

    lines: list[Span]
    left: float
    right: float
    members: npt.NDArray[np.int64]


def divide_open_tables(even: GreyImage, cells: FoundCells) -> FoundCells:
    """Divide cells that are lines of a table without lines between its columns.

    Other cells that were found within it are parts of its lines: they go. A cell is doubtful where
    a digit may be its neighbour's: where one ends is but a guess.

    Args:
        even: the upright, evenly lit page, (h, w) uint8.
        cells: its cells.
    """
    kept = np.ones(len(cells), np.bool_)
    made = list[Floats]()
    scores, doubtful = list[float](), list[bool]()
    # The widest first: a part of its lines may look like a table of its own.
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
    """(n,) which cells are the lines of a table, or have their middle in one of these."""
    x, y = cells.corners.mean(axis=1).T
    inside = (table.left < x) & (x < table.right)
    inside &= (table.lines[0][0] < y) & (y < table.lines[-1][1])
    inside[table.members] = True
    return np.asarray(inside)


def _tables(cells: FoundCells) -> Iterator[_Table]:
    """Stacks of wide cells, one above another."""
    left, right = cells.corners[:, [0, 3], 0].mean(axis=1), cells.corners[:, [1, 2], 0].mean(axis=1)
    top, bottom = cells.corners[:, [0, 1], 1].mean(axis=1), cells.corners[:, [2, 3], 1].mean(axis=1)
    height = bottom - top
    free = right - left >= _MIN_LINE_ASPECT * height
    common = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    whole = np.maximum(right[:, None], right) - np.minimum(left[:, None], left)
    in_line = common >= _MIN_COMMON_LENGTH * whole
    while free.any():
        # The line first that most others are in line with: ends stray.
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
    """The lines of a stack of cells, each of which, and each gap, may be several lines.

    The lines are equally high; edges that do not fit are the network's mistakes. None if too many
    do not.
    """
    edges = np.sort(np.concatenate([top, bottom]))
    shortest = float(np.quantile(bottom - top, 0.1))
    pitches = np.linspace(*_PITCHES, _PITCH_STEPS) * shortest
    away = (edges[:, None, None] - edges[:, None]) / pitches  # (edges, from which edge, pitches)
    fits = np.abs(away - np.rint(away)) <= _MAX_STRAY
    # A pitch of half a line fits as well as one of a line, but by chance more easily.
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
    """The columns of a table, given where there is ink in it; one if that shows no others."""
    height = float(np.mean([bottom - top for top, bottom in table.lines]))
    gap = written.sum(axis=0) <= _most_in_gap(len(table.lines), float(written.mean()))
    changes = np.flatnonzero(np.diff(np.concatenate([[False], gap, [False]]).astype(np.int8)))
    runs = changes.reshape(-1, 2)
    least = _MIN_COLUMN_WIDTH * height
    cuts = [0, len(gap)]
    # The widest gaps first: between the digits of a column there may be narrow ones.
    for start, stop in sorted(runs.tolist(), key=lambda run: run[0] - run[1]):
        middle = (start + stop) // 2
        if min(abs(middle - cut) for cut in cuts) >= least:
            cuts.append(middle)
    columns = list(pairwise(sorted(cuts)))
    if any(written[:, a:b].any(axis=1).mean() < _MIN_FILLED for a, b in columns):
        return [(table.left, table.right)]
    return [(table.left + a, table.left + b) for a, b in columns]


def _doubtful(written: Flags, table: _Table, columns: Sequence[Span]) -> list[bool]:
    """Whether each cell, line by line, may lack a digit, or hold one of another column."""
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
    """In how many of a table's lines there may be ink in a gap, at most; -1 if gaps say nothing.

    So few that it would hardly be so by chance, if each line had ink there with the table's
    `share`.
    """
    chance = 0.0
    for k in range(lines + 1):
        chance += math.comb(lines, k) * share**k * (1 - share) ** (lines - k)
        if chance > _MAX_CHANCE:
            return k - 1
    return lines


def _written(even: GreyImage, table: _Table) -> Flags:
    """(lines, w) whether there is ink in the middle of a line, at each pixel of its length."""
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
