"""Reject numbers in cells that may hold two numbers, as the line between two columns is missing.

If a table has no lines between columns, or a scan has lost them, a cell spans two columns. If its
two numbers are close together, the cell looks like one with a long number. The cells above and
below it, in which the numbers are apart, are the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from formreader.core.doubts import Doubt
from formreader.recognise.decisions import ReadField

_MIN_IN_COLUMN = 3
"""A cell that spans two columns is doubtful if each of them has at least this many cells. Two
accepted cells are on `numbers/composed`, one of which holds two numbers; none is on 160 drawn
pages. Not varied."""

_MAX_SIDE_DISTANCE = 0.35
"""Largest distance between the sides of two cells in one column, in cell heights. No measurement on
record."""

_MIN_SHARE = 0.15
"""Any cell of a column may hold two numbers if at least this share of its other cells seem to. On
63 drawn tables without lines between columns, about 40 of 602 accepted numbers were two numbers; 39
of these become for review, and 25 others. Of 3,980 on 168 other drawn pages 11 do, on
`numbers/composed` none."""


def doubt_torn_columns(fields: Sequence[ReadField]) -> tuple[ReadField, ...]:
    """Mark for review the numbers of cells that may hold two.

    Such cells span two columns of other cells, or are in a column in which some cells seem to hold
    two numbers.

    Args:
        fields: all fields of a page, with their values.
    """
    cells = np.array([one.field.cell is not None for one in fields], np.bool_)
    if not cells.any():
        return tuple(fields)
    columns = _Columns.of(fields, cells)
    fields = _doubted(fields, columns.reach_over_two(), Doubt.OVER_TWO_COLUMNS)
    torn = np.array(
        [one.number is not None and one.number.doubt == Doubt.TWO_NUMBERS for one in fields]
    )
    if not torn.any():
        return fields
    together = columns.alike()
    share = (together & torn).sum(axis=1) / np.maximum(together.sum(axis=1), 1)
    return _doubted(fields, share >= _MIN_SHARE, Doubt.COLUMN_OF_TWO_NUMBERS)


def _doubted(
    fields: Sequence[ReadField], doubtful: npt.NDArray[np.bool_], why: str
) -> tuple[ReadField, ...]:
    """The fields, with numbers for review where `doubtful`, (n,), is set."""
    return tuple(
        replace(one, number=replace(one.number, doubt=why))
        if doubt and one.number is not None and one.number.value and one.number.sure
        else one
        for one, doubt in zip(fields, doubtful.tolist(), strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Start and end of n cells along the text lines of their page, (n,), which may be tilted.

    `near`, (n,), is the largest distance between sides that count as one. For fields that are no
    cells all are NaN.
    """

    left: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    near: npt.NDArray[np.float64]

    @classmethod
    def of(cls, fields: Sequence[ReadField], cells: npt.NDArray[np.bool_]) -> Self:
        quads = (one.field.cell.corners for one in fields if one.field.cell is not None)
        corners = np.full((len(fields), 4, 2), np.nan)
        corners[cells] = np.array(list(quads), np.float64)
        across = np.median((corners[:, 1] - corners[:, 0])[cells], axis=0)
        across /= np.linalg.norm(across)
        left, right = (corners[:, ends].mean(axis=1) @ across for ends in ([0, 3], [1, 2]))
        height = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
        return cls(left, right, _MAX_SIDE_DISTANCE * height)

    def alike(self) -> npt.NDArray[np.bool_]:
        """(n, n) which other cells have the same two sides as each."""
        together = self._at_one(self.left) & self._at_one(self.right)
        np.fill_diagonal(together, False)
        return np.asarray(together)

    def _at_one(self, sides: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """(n, n) whether the sides of two cells coincide."""
        return np.asarray(np.abs(sides[:, None] - sides) <= self.near[:, None])

    def reach_over_two(self) -> npt.NDArray[np.bool_]:
        """(n,) the cells that start with one column and end with the next one."""
        near = self.near[:, None]
        first = self._at_one(self.left) & (self.right < self.right[:, None] - near)
        second = self._at_one(self.right) & (self.left > self.left[:, None] + near)
        enough = (first.sum(axis=1) >= _MIN_IN_COLUMN) & (second.sum(axis=1) >= _MIN_IN_COLUMN)
        found = np.zeros(len(near), np.bool_)
        for i in np.flatnonzero(enough).tolist():
            ends, begins = self.right[first[i]], self.left[second[i]]
            at_end = (np.abs(ends[:, None] - ends) <= near[i]).sum(axis=1)
            next_to_it = (np.abs(ends[:, None] - begins) <= near[i]).sum(axis=1)
            found[i] = bool((np.minimum(at_end, next_to_it) >= _MIN_IN_COLUMN).any())
        return found
