"""Doubt the numbers of a column of cells some of which seem to hold two numbers each.

Where a table has no lines between its columns, or a scan has lost them, cells reach over two of
them. Where both numbers stand close together a cell by itself looks like one with a long number;
those above and below it, in which they stand apart, tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from formreader.recognise.decisions import ReadField
from formreader.recognise.number_vote import TWO_NUMBERS

TORN_COLUMN = "others of its column seem to hold two numbers: perhaps this one does"
"""Why a number is for review however confident."""

_MAX_SIDE_DISTANCE = 0.35
"""Distance of the sides of two cells in one column, in heights of a cell."""

_MIN_SHARE = 0.15
"""Share of a column's other cells that seem to hold two numbers each, from which any may. Of 602
numbers accepted on 63 drawn tables without lines between columns some 40 were two, and 39 of these
are for review with it, with 25 others; of 3,980 on 168 other drawn pages 11, on `numbers/composed`
none."""


def doubt_torn_columns(fields: Sequence[ReadField]) -> tuple[ReadField, ...]:
    """Put up for review the numbers of columns some of whose cells seem to hold two.

    Args:
        fields: all of a page, settled.
    """
    torn = np.array([one.vote is not None and one.vote.doubt == TWO_NUMBERS for one in fields])
    if not torn.any():
        return tuple(fields)
    together = _in_one_column(fields)
    share = (together & torn).sum(axis=1) / np.maximum(together.sum(axis=1), 1)
    return tuple(
        replace(one, vote=replace(one.vote, doubt=TORN_COLUMN))
        if one.vote is not None and one.vote.value and one.vote.sure and of_column >= _MIN_SHARE
        else one
        for one, of_column in zip(fields, share.tolist(), strict=True)
    )


def _in_one_column(fields: Sequence[ReadField]) -> npt.NDArray[np.bool_]:
    """(n, n) which other fields are cells between the same two sides, also on tilted pages."""
    cells = [one.field.cell for one in fields]
    corners = np.array([np.zeros((4, 2)) if cell is None else cell.corners for cell in cells])
    is_cell = np.array([cell is not None for cell in cells])
    height = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    across = np.median((corners[:, 1] - corners[:, 0])[is_cell], axis=0)
    across /= np.linalg.norm(across)
    left, right = (corners[:, ends].mean(axis=1) @ across for ends in ([0, 3], [1, 2]))
    near = _MAX_SIDE_DISTANCE * height[:, None]
    together = (np.abs(left[:, None] - left) <= near) & (np.abs(right[:, None] - right) <= near)
    together &= is_cell & is_cell[:, None]
    np.fill_diagonal(together, False)
    return np.asarray(together)
