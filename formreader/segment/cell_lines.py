"""Find the printed lines around cells, and the ink on them that belongs to strokes across them.

It is done for many cells at once: what is in a cell's patch is little work, and to call for it
takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Stack: TypeAlias = npt.NDArray[np.uint8]
"""(n, h, w) uint8, 0 or 1: n patches, each at the top left of its place, and 0 beyond it.

The last row and the last column are beyond every patch.
"""

_Ints: TypeAlias = npt.NDArray[np.int64]

_CELL_EDGE_ZONE = 0.14
_MIN_EDGE_ZONE = 2
"""How far from its edges a cell's lines are searched for, in heights of the cell, and in pixels at
least. No measurement on record."""

_MIN_LENGTH_OF_LINE_ACROSS, _MIN_LENGTH_OF_LINE_DOWN = 0.9, 0.55
_SHORTEST_LINE = 3
"""In heights of the cell: the smallest length of lines across and down, and in pixels at least. No
measurement on record."""

MIN_COVERED_BY_LINE, _MIN_COVERED_BESIDE_LINE = 0.95, 0.85
"""Share of the cell's height that a line covers from which what is beside it, and covers less than
the second share, is a stroke. On `numbers/composed` a 1 of `71` was lost to the line beside it, and
7 was accepted; such ones are the number's now (`cell_parts`): 1,728 instead of 1,723 are accepted,
1 wrong instead of 2. On 2,231 drawn numbers nothing changes. The shares were not varied."""

_STROKE_CONTEXT = 2
"""Pixels on both sides of a line that show whether a stroke crosses it. No measurement on
record."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchSizes:
    """The heights, widths and margins in pixels of n patches of cells, (n,) each.

    `tall` and `wide` are the cells' own sides, without the margin around them.
    """

    heights: _Ints
    widths: _Ints
    margins: _Ints

    @property
    def tall(self) -> _Ints:
        return self.heights - 2 * self.margins

    @property
    def wide(self) -> _Ints:
        return self.widths - 2 * self.margins

    @property
    def edge_zones(self) -> _Ints:
        """How far from its edges ink may belong to the lines of each cell, in pixels."""
        return np.maximum(_rounded(_CELL_EDGE_ZONE * self.tall), _MIN_EDGE_ZONE)


def find_lines(ink: Stack, sizes: PatchSizes) -> tuple[Stack, Stack]:
    """Find the lines of the cells in patches, and the ink on them of strokes across them."""
    lines, strokes = np.zeros_like(ink), np.zeros_like(ink)
    for share, ends, lengths, is_down in (
        (_MIN_LENGTH_OF_LINE_ACROSS, sizes.heights, sizes.widths, False),
        (_MIN_LENGTH_OF_LINE_DOWN, sizes.widths, sizes.heights, True),
    ):
        shortest = np.maximum(_rounded(share * sizes.tall), _SHORTEST_LINE)
        for zone in (
            _EdgeZone(sizes.margins, sizes.edge_zones, np.zeros_like(ends), ends),
            _EdgeZone(ends - sizes.margins, sizes.edge_zones, ends, ends),
        ):
            strips = _strips(zone, lengths, ink.shape[1] if is_down else ink.shape[2])
            take, put = (_take_columns, _put_columns) if is_down else (_take_rows, _put_rows)
            dark, line, known = (take(stack, strips) for stack in (ink, lines, strokes))
            runs = _long_runs(dark & (strips.near | strips.beyond), shortest, lengths)
            found = _outwards(runs, strips)
            if is_down:
                found = _without_strokes(found, dark, sizes)
            line |= found
            put(lines, strips, line)
            put(strokes, strips, known | _strokes_across(dark, line, strips.inside))
    return lines, strokes


@dataclass(frozen=True, slots=True, eq=False)
class _EdgeZone:
    """Where an edge of each of n cells is, how far from it lines are, and the end of its patch.

    `outer` is the end of the patch beyond the edge, 0 or `end`: a thick line may go on to there.
    """

    edge: _Ints
    reach: _Ints
    outer: _Ints
    end: _Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Strips:
    """Strips along one edge of each of n cells: some rows or columns of their patches.

    `place`, (n, k), are the indices of these, -1 for none: the last one is beyond all patches.
    `inside`, (n, k, length), tells what of k rows or columns of this length is in the strip, and
    `near`, (n, k, 1) uint8, in which of them lines are, and `beyond` where these may go on,
    outwards; the others show what crosses the lines.
    """

    place: _Ints
    inside: npt.NDArray[np.bool_]
    near: Stack
    beyond: Stack


def _strips(zone: _EdgeZone, lengths: _Ints, longest: int) -> _Strips:
    """The strips of a zone, of these lengths, (n,), in rows or columns of the length `longest`."""
    low, high = zone.edge - zone.reach, zone.edge + zone.reach
    start = np.clip(np.minimum(low - _STROKE_CONTEXT, zone.outer), 0, None)
    stop = np.minimum(np.maximum(high + _STROKE_CONTEXT, zone.outer), zone.end)
    place = start[:, None] + np.arange(int((stop - start).max()))
    within = place < stop[:, None]
    near = within & (place >= low[:, None]) & (place < high[:, None])
    beyond = within & ~near & ((place < zone.edge[:, None]) == (zone.outer == 0)[:, None])
    inside = within[:, :, None] & (np.arange(longest) < lengths[:, None])[:, None]
    near, beyond = (one.view(np.uint8)[:, :, None] for one in (near, beyond))
    return _Strips(np.where(within, place, -1), inside, near, beyond)


def _outwards(runs: Stack, strips: _Strips) -> Stack:
    """The long runs of strips that are lines: those near the edges, and what these go on in.

    What is left of a thick line would look like ink beyond it, and strokes would seem to cross it.
    """
    line = runs & strips.near
    for k in range(runs.shape[1] - 1):  # downwards in the strips of one edge ...
        line[:, k + 1] |= line[:, k] & runs[:, k + 1] & strips.beyond[:, k + 1]
    for k in range(runs.shape[1] - 1, 0, -1):  # ... and upwards in those of the other
        line[:, k - 1] |= line[:, k] & runs[:, k - 1] & strips.beyond[:, k - 1]
    return line


def _without_strokes(found: Stack, ink: Stack, sizes: PatchSizes) -> Stack:
    """The lines at the sides of cells without strokes beside them: shorter, and with paper between.

    A 1 close to the line of a cell is as straight as a line, but does not go from edge to edge.
    """
    # Above and below the lines across would join what is beside one another.
    rows, across = np.arange(found.shape[2]), (sizes.margins + sizes.edge_zones)[:, None]
    between = (rows >= across) & (rows < sizes.heights[:, None] - across)
    some = np.asarray((found & ink & between.view(np.uint8)[:, None]).any(axis=2), np.bool_)
    begins = some.copy()
    begins[:, 1:] &= ~some[:, :-1]
    for i in np.flatnonzero(begins.sum(axis=1) > 1).tolist():
        margin = sizes.margins[i]
        inner = found[i, :, margin : sizes.heights[i] - margin] & some[i, :, None]
        first = np.flatnonzero(begins[i])
        covered = np.maximum.reduceat(inner, first, axis=0).mean(axis=1)
        if covered.max() >= MIN_COVERED_BY_LINE:
            short = np.repeat(covered < _MIN_COVERED_BESIDE_LINE, np.diff([*first, len(inner)]))
            found[i, first[0] :][short] = 0
    return found


def _take_rows(stack: Stack, strips: _Strips) -> Stack:
    return stack[np.arange(len(stack))[:, None], strips.place]


def _put_rows(stack: Stack, strips: _Strips, found: Stack) -> None:
    stack[np.arange(len(stack))[:, None], strips.place] = found


def _take_columns(stack: Stack, strips: _Strips) -> Stack:
    """The columns of strips, (n, k, height)."""
    n, height, _ = stack.shape
    k = strips.place.shape[1]
    columns = np.zeros((n, height, k), np.uint8)
    for patch, own, start in zip(stack, columns, strips.place[:, 0].tolist(), strict=True):
        part = patch[:, start : start + k]
        own[:, : part.shape[1]] = part
    # To transpose all at once is several times as fast as numpy's copy.
    turned = np.asarray(cv2.transpose(columns.reshape(-1, k)), np.uint8)
    found = turned.reshape(k, n, height).transpose(1, 0, 2)
    return np.asarray(found * strips.inside[:, :, :1].view(np.uint8), np.uint8, order="C")


def _put_columns(stack: Stack, strips: _Strips, found: Stack) -> None:
    n, k, height = found.shape
    turned = np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(k, -1)
    columns = np.asarray(cv2.transpose(turned), np.uint8).reshape(n, height, k)
    starts, numbers = strips.place[:, 0].tolist(), (strips.place >= 0).sum(axis=1).tolist()
    for patch, own, start, number in zip(stack, columns, starts, numbers, strict=True):
        patch[:, start : start + number] = own[:, :number]


def _long_runs(ink: Stack, lengths: _Ints, columns: _Ints) -> Stack:
    """Find the horizontal runs of at least `lengths` pixels, (n,), in n strips of ink.

    A run that reaches the strip's end is taken to go on beyond it.
    """
    # A line that is not quite straight continues in the row above or below.
    joined = ink.copy()
    joined[:, 1:] |= ink[:, :-1]
    joined[:, :-1] |= ink[:, 1:]
    flat = joined.ravel()
    # Each row ends with a column of paper, so that runs do not go on in the next one.
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        changes = np.concatenate([[0], changes])
    row, start = np.divmod(changes[::2], ink.shape[2])
    end = changes[1::2] - row * ink.shape[2]
    strip = row // ink.shape[1]
    length, width = lengths[strip], columns[strip]
    # The run is opened: eroded by a segment of this length, then dilated.
    before = length // 2
    after = length - 1 - before
    first = np.where(start > 0, start + before, 0)
    last = np.where(end < width, end - 1 - after, width - 1)
    whole = first <= last
    begin = np.maximum(first - after, 0)[whole]
    stop = (np.minimum(last + before, width - 1) + 1)[whole]
    return _drawn(ink.shape, row[whole], begin, stop)


def _drawn(shape: tuple[int, ...], row: _Ints, begin: _Ints, stop: _Ints) -> Stack:
    """Draw m runs, (m,) each, that do not touch, sorted by their rows, into an empty array."""
    runs = np.zeros(shape, np.uint8).reshape(-1, shape[-1])
    if len(row):
        first = np.concatenate([[True], row[1:] != row[:-1]])
        at = np.cumsum(first) - 1
        turns = np.zeros((int(at[-1]) + 1, shape[-1]), np.int8)
        turns[at, begin] = 1
        turns[at, stop] -= 1
        runs[row[first]] = np.cumsum(turns, axis=1, dtype=np.int8).view(np.uint8)
    return runs.reshape(shape)


def _strokes_across(ink: Stack, line: Stack, inside: npt.NDArray[np.bool_]) -> Stack:
    """Find the ink on the lines of strips that has ink both above and below the line.

    `inside` tells what of each strip, (n, rows, columns), is in it.
    """
    strokes = np.zeros_like(ink)
    thickness = np.add.reduce(line, axis=1, dtype=np.uint8).max(axis=1)
    for thick in np.unique(thickness[thickness > 0]).tolist():
        chosen = np.flatnonzero(thickness == thick)
        part, on_line = ink[chosen], line[chosen]
        closed = _closed(part & ~on_line, inside[chosen], thick + 2)
        strokes[chosen] = closed & on_line & part
    return strokes


def _closed(ink: Stack, inside: npt.NDArray[np.bool_], height: int) -> Stack:
    """Close strips, (n, rows, columns), by a rectangle of this height and 3 columns."""
    n, rows, columns = ink.shape
    block = np.ones((height, 3), np.uint8)
    # So many rows between strips that none sees another.
    apart = np.zeros((n, rows + height, columns), np.uint8)
    apart[:, :rows] = ink
    wider = np.asarray(cv2.dilate(apart.reshape(-1, columns), block), np.uint8)
    wider = wider.reshape(apart.shape)
    wider[:, rows:] = 1
    wider[:, :rows] |= (~inside).view(np.uint8)
    closed = np.asarray(cv2.erode(wider.reshape(-1, columns), block), np.uint8)
    return closed.reshape(apart.shape)[:, :rows]


def _rounded(values: npt.NDArray[np.floating]) -> _Ints:
    return np.asarray(np.rint(values), np.int64)
