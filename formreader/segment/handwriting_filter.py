"""Judge by the size and position of its digits whether the number in a cell is handwritten.

Printed digits have one height and stand on one line, in a cell and in all cells of a table;
handwritten digits do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import SIZE_TOLERANCE
from formreader.core.records import FieldCrops

Levels: TypeAlias = npt.NDArray[np.float64]
"""(k, 2) height and bottom of k digits: in heights of their cell, from the cell's top."""

_MIN_MEDIAN_DIGIT_HEIGHT = 0.3
"""Digits of a smaller median height, in heights of the cell, are print. No measurement on
record."""

_MIN_SEPARATOR_HEIGHT, _MAX_SEPARATOR_ASPECT = 0.8, 0.35
"""A stroke may be a printed separator if it is at least so high, in heights of the cell, and at
most so wide, in heights of its own. No measurement on record."""

_MAX_PRINT_DEVIATION_IN_CELL, _MAX_PRINT_DEVIATION_OVER_CELLS = 0.012, 0.02
"""Standard deviation of heights and of bottoms, in heights of the cell, up to which digits are
printed: those of one cell, and those of all cells of one size. Handwriting was seen at 0.03 to 0.1,
print at up to half of these limits; on how many cells is not on record."""

_MIN_DEGREES_OF_FREEDOM = 3
"""Degrees of freedom of such a deviation at least: three digits may be alike by chance."""

MIN_DIGITS_OF_PRINT = _MIN_DEGREES_OF_FREEDOM + 1
"""Digits in a cell from which that tells whether they are printed."""


def is_handwritten_size(levels: Levels) -> bool:
    """Return whether the digits in a cell are as large as handwriting."""
    heights: list[float] = levels[:, 0].tolist()
    return median(heights) >= _MIN_MEDIAN_DIGIT_HEIGHT


def may_be_separators(field: FieldCrops, levels: Levels) -> npt.NDArray[np.bool_]:
    """Return which digits in a cell are strokes from top to bottom, (k,): ones or separators."""
    corners = np.array([box.corners for box in field.boxes])  # (k, 4, 2)
    width, height = np.ptp(corners, axis=1).T
    narrow = width / height <= _MAX_SEPARATOR_ASPECT
    return np.asarray(narrow & (levels[:, 0] >= _MIN_SEPARATOR_HEIGHT), np.bool_)


def printed_cells(fields: Sequence[FieldCrops]) -> list[bool]:
    """Return which cells hold printed digits: alike in the cell, or in all cells of its size."""
    levels = digit_levels(fields)
    same_size = as_large_as(fields, fields)
    # Most cells of a table have the same ones of their size: these are judged once.
    judged = dict[bytes, bool]()
    for alike in same_size:
        if (key := alike.tobytes()) not in judged:
            cells = [levels[i] for i in np.flatnonzero(alike).tolist()]
            judged[key] = _are_alike(_first_and_last(cells), _MAX_PRINT_DEVIATION_OVER_CELLS)
    return [
        _are_alike([own], _MAX_PRINT_DEVIATION_IN_CELL) or judged[alike.tobytes()]
        for own, alike in zip(levels, same_size, strict=True)
    ]


def as_large_as(
    fields: Sequence[FieldCrops], others: Sequence[FieldCrops]
) -> npt.NDArray[np.bool_]:
    """Return which of m others are as large as each of n fields, (n, m) bool.

    It is what `Box.is_as_large_as` says of their outlines.
    """
    alike = np.ones((len(fields), len(others)), np.bool_)
    sizes = _sizes(fields)
    for one, other in zip(sizes.T, sizes.T if others is fields else _sizes(others).T, strict=True):
        larger, smaller = np.maximum(one[:, None], other), np.minimum(one[:, None], other)
        alike &= larger <= (1 + SIZE_TOLERANCE) * smaller
    return alike


def _sizes(fields: Sequence[FieldCrops]) -> npt.NDArray[np.float64]:
    """Return the width and the height of n fields, (n, 2)."""
    boxes = [field.box for field in fields]
    return np.array([(box.width, box.height) for box in boxes], np.float64).reshape(-1, 2)


def digit_levels(fields: Sequence[FieldCrops]) -> list[Levels]:
    """Measure the heights and the bottoms of the k digits in each cell, (k, 2).

    Raises:
        ValueError: a field has no cell.
    """
    cells = [field.cell.corners for field in fields if field.cell is not None]
    if len(cells) != len(fields):
        raise ValueError("a field has no cell: its digits stand in boxes of their own")
    if not fields:
        return []
    top_left, top_right, _, bottom_left = np.array(cells).transpose(1, 0, 2)  # (n, 2) each
    # From pixels of the page, counted from the cell's top left, to shares of its sides.
    to_cell = np.linalg.inv(np.stack([top_right - top_left, bottom_left - top_left], axis=1))
    lengths = [len(field.boxes) for field in fields]
    of = np.repeat(np.arange(len(fields)), lengths)
    corners = np.array([box.corners for field in fields for box in field.boxes])  # (m, 4, 2)
    shares = (corners - top_left[of, None]) @ to_cell[of]
    top, bottom = shares[:, :2, 1].mean(axis=1), shares[:, 2:, 1].mean(axis=1)
    return np.split(np.column_stack([bottom - top, bottom]), np.cumsum(lengths)[:-1])


def _first_and_last(cells: Sequence[Levels]) -> list[Levels]:
    """Group the levels of the cells' first digits, and of the last digits of cells with several."""
    first = np.array([levels[0] for levels in cells])
    last = np.array([levels[-1] for levels in cells if len(levels) > 1]).reshape(-1, 2)
    return [first, last]


def _are_alike(groups: Sequence[Levels], max_deviation: float) -> bool:
    """Return whether heights and bottoms hardly differ within groups of digits."""
    groups = [levels for levels in groups if len(levels)]
    freedom = sum(len(levels) - 1 for levels in groups)
    if freedom < _MIN_DEGREES_OF_FREEDOM:
        return False
    squares = np.sum([levels.var(axis=0) * len(levels) for levels in groups], axis=0)
    return bool((squares <= freedom * max_deviation**2).all())
