"""Tell the number in a cell from specks, remnants of lines and other cells' ink, part by part.

It is done for many cells at once, see `cell_lines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.connected_parts import PartLabels, PartStats, connected_parts
from formreader.segment.cell_lines import MIN_COVERED_BY_LINE, PatchSizes, Stack

_Flags: TypeAlias = npt.NDArray[np.bool_]

_MIN_PART_EXTENT_IN_CELL = 0.1
_MIN_TALLEST_PART = 0.25
"""In heights of the cell: a component whose longer side is shorter is a speck; a cell whose tallest
component is lower is blank. No measurement on record."""

_MIN_LOOSE_AREA_OF_CELL, _MIN_LOOSE_HEIGHT_OF_CELL = 0.012, 0.3
"""A component that is not the number's is loose ink from this area inside the cell, in squared
heights of the cell, and from this height, in the same: a digit at the edge, or cut off by it. Set
on `numbers/composed`: of 1,917 numbers 38 are accepted wrongly with it, 49 without; 0.006 and 0.25
spared three more, and gave up five right ones."""

_MIN_CROSSING, _MAX_CROSSING, _MIN_BEYOND, _MAX_GAP_TO_SIDE = 0.5, 1.6, 0.15, 0.6
"""In heights of the number: what touches a side of a cell from beyond may be a digit of it from and
up to these heights, if it reaches so far beyond the side, and if no more than this gap is between
the number and that side. Of 4,100 drawn numbers that were accepted without, 13 are for review with
it, 4 of which had lost a digit."""
_MIN_REST = 2
"""What reaches so many pixels into the cell from the line at a side may be what is left of a digit
there, of the same heights."""
_MAX_RIM = 1
"""Pixels between a line and what touches it, at most: the rim of the line."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of a patch: left, top, right and bottom in its pixels, the last two exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and its columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class CellParts:
    """The connected components of the ink in n patches, and which are the numbers'.

    `labels` is (n, h, w); `is_own` tells of each label whether it is a number's. `own`, (n,), is
    where these are, None where a cell is blank; `written` where they are with all others that may
    be digits, None where there are none. `loose`, (n,): whether there are such others.
    """

    labels: PartLabels
    is_own: _Flags
    own: list[Extent | None]
    written: list[Extent | None]
    loose: list[bool]


@dataclass(frozen=True, slots=True, eq=False)
class CellSides:
    """The left and right sides of n cells.

    `lines`, (n, h, w), marks the cells' lines. `are_open`, (n, 2): whether no other cell is
    beyond a side, so that a digit across it is of no other number.
    """

    lines: Stack
    are_open: _Flags

    def have_whole_lines(self, sizes: PatchSizes, cells: npt.NDArray[np.int64]) -> _Flags:
        """(k, 2) whether the lines at the sides of k of the cells go from edge to edge."""
        whole = np.zeros((len(cells), 2), np.bool_)
        for k, i in enumerate(cells.tolist()):
            margin, zone = sizes.margins[i], sizes.margins[i] + sizes.edge_zones[i]
            rows = self.lines[i, margin : sizes.heights[i] - margin, : sizes.widths[i]]
            for side, near in enumerate((rows[:, : zone + 1], rows[:, -zone:])):
                whole[k, side] = near.any(axis=1).mean() >= MIN_COVERED_BY_LINE
        return whole

    def rims(
        self, sizes: PatchSizes, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where the lines at the sides begin and end in some rows of the patches, (n,).

        Returns (n, 2) for the outer rims, those out of the cell, and (n, 2) for the inner ones.
        Both are the edge of the cell where there is no line.
        """
        lines = self.lines[np.arange(len(rows)), rows].view(np.bool_)
        columns = np.arange(lines.shape[1])
        low, high, zone = sizes.margins, sizes.widths - sizes.margins, sizes.edge_zones
        left = _begin_and_end(lines & (columns <= (low + zone)[:, None]), low)
        right = _begin_and_end(lines & (columns >= (high - zone)[:, None]), high)
        return np.stack([left[0], right[1]], axis=1), np.stack([left[1], right[0]], axis=1)


def _begin_and_end(
    line: _Flags, edge: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(n,) where the first flag of each row is, and one past the last; `edge` where none is."""
    some = line.any(axis=1)
    end = line.shape[1] - line[:, ::-1].argmax(axis=1)
    return np.where(some, line.argmax(axis=1), edge), np.where(some, end, edge)


def find_cell_parts(ink: Stack, sizes: PatchSizes, sides: CellSides | None = None) -> CellParts:
    """Find the parts of the numbers in n cells: those that are mostly inside of their cell.

    Specks and remnants of lines are none. With `sides`, digits across them are looked for.
    """
    n, high, wide = ink.shape
    labels, stats = connected_parts(ink.reshape(-1, wide))
    cell = np.minimum(stats[:, cv2.CC_STAT_TOP] // high, n - 1)
    # The statistics are those of one tall picture: from here on they count from each patch's top.
    stats = stats.copy()
    stats[:, cv2.CC_STAT_TOP] -= cell * high
    margin, rows, columns = sizes.margins[cell], sizes.tall[cell], sizes.wide[cell]
    reach = sizes.edge_zones[cell]
    inside = np.bincount(labels.ravel()[_inside_cells(ink, sizes)], minlength=len(stats))
    left, top = stats[:, cv2.CC_STAT_LEFT] - margin, stats[:, cv2.CC_STAT_TOP] - margin
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    own = 2 * inside >= stats[:, cv2.CC_STAT_AREA]
    own &= (top + height > reach) & (top < rows - reach)
    large = inside >= _MIN_LOOSE_AREA_OF_CELL * rows**2
    large &= height >= _MIN_LOOSE_HEIGHT_OF_CELL * rows
    at_side = np.stack([left + width <= reach, left >= columns - reach], axis=1)
    if sides is not None:
        # Rests of a line that was not found all along, or a 1.
        doubtful = np.flatnonzero(own & large & at_side.any(axis=1))
        at_side[doubtful] &= ~sides.have_whole_lines(sizes, cell[doubtful])
    own &= ~at_side.any(axis=1)
    own &= np.maximum(width, height) >= _MIN_PART_EXTENT_IN_CELL * rows
    loose = large & ~own
    own[0] = loose[0] = False  # the paper
    written = _around(stats[own | loose], cell[own | loose], n)
    tall = own & (height >= _MIN_TALLEST_PART * rows)
    own &= np.bincount(cell[tall], minlength=n)[cell] > 0
    any_loose = np.bincount(cell[loose], minlength=n) > 0
    kept = _around(stats[own], cell[own], n)
    if sides is not None:
        any_loose |= _crossed(stats[1:], cell[1:], own[1:], kept, sizes, sides)
    return CellParts(labels.reshape(ink.shape), own, kept, written, any_loose.tolist())


def _crossed(
    stats: PartStats,
    cell: npt.NDArray[np.int64],
    own: _Flags,
    numbers: list[Extent | None],
    sizes: PatchSizes,
    sides: CellSides,
) -> _Flags:
    """(n,) whether a digit that follows the number in a cell lies across a side of that.

    Args:
        stats: (k, 5) OpenCV's statistics of the components of all cells.
        cell: (k,) which cell each component is of.
        own: (k,) whether it is a number's.
        numbers: (n,) where the numbers are.
        sizes: of the cells' patches.
        sides: of the cells.
    """
    n = len(numbers)
    extents = [(0, 0, 0, 0) if one is None else (one.left, one.top, one.right, one.bottom)
               for one in numbers]  # fmt: skip
    number = np.array(extents, np.int64)
    rims = sides.rims(sizes, (number[:, 1] + number[:, 3]) // 2)
    outer, inner = (rim[cell] for rim in rims)
    number_left, number_top, number_right, number_bottom = number[cell].T
    tall, near = number_bottom - number_top, _MAX_GAP_TO_SIDE * (number_bottom - number_top)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    height = bottom - top
    like = (height >= _MIN_CROSSING * tall) & (height <= _MAX_CROSSING * tall)
    like &= 2 * (np.minimum(bottom, number_bottom) - np.maximum(top, number_top)) >= height
    low, high = sizes.margins[cell], (sizes.widths - sizes.margins)[cell]
    zone = sizes.edge_zones[cell]
    at_left = (left < outer[:, 0] - _MIN_BEYOND * tall) & (right >= outer[:, 0] - _MAX_RIM)
    at_left |= ~own & (left <= inner[:, 0] + _MAX_RIM) & (right >= inner[:, 0] + _MIN_REST)
    at_left &= (number_left - low - zone <= near) & sides.are_open[cell, 0]
    at_right = (right > outer[:, 1] + _MIN_BEYOND * tall) & (left <= outer[:, 1] + _MAX_RIM)
    at_right |= ~own & (right >= inner[:, 1] - _MAX_RIM) & (left <= inner[:, 1] - _MIN_REST)
    at_right &= (high - zone - number_right <= near) & sides.are_open[cell, 1]
    crossed = like & (at_left | at_right)
    return np.asarray(np.bincount(cell[crossed], minlength=n) > 0)


def _inside_cells(ink: Stack, sizes: PatchSizes) -> npt.NDArray[np.int64]:
    """The places in a stack, as one long row, of the ink within the edges of the cells."""
    inside = np.zeros_like(ink)
    bounds = zip(sizes.margins.tolist(), sizes.heights.tolist(), sizes.widths.tolist(), strict=True)
    for patch, own, (margin, height, width) in zip(ink, inside, bounds, strict=True):
        within = slice(margin, height - margin), slice(margin, width - margin)
        own[within] = patch[within]
    return np.flatnonzero(inside.view(np.bool_))


def _around(stats: PartStats, cell: npt.NDArray[np.int64], n: int) -> list[Extent | None]:
    """The extents of the components of n cells, given their OpenCV statistics; None for none.

    Args:
        stats: (k, 5), those of all components.
        cell: (k,) which cell each component is of.
    """
    first = np.full((n, 2), np.iinfo(np.int32).max, np.int64)
    last = np.zeros((n, 2), np.int64)
    start = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    np.minimum.at(first, cell, start)
    np.maximum.at(last, cell, start + stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]])
    return [
        Extent(*low, *high) if high[0] else None
        for low, high in zip(first.tolist(), last.tolist(), strict=True)
    ]
