"""Whether what stands in open fields is a handwritten number, judged by where its digits stand.

Printed digits are all equally high and stand on one line, in a field and in all cells of a
table; handwritten ones are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.records import FieldCrops

Levels: TypeAlias = npt.NDArray[np.float64]
"""(k, 2) height and bottom of k digits, in heights of their field from its top."""

_LEAST_HEIGHT = 0.3
"""Median height of digits in their field: what is written into it is larger."""

_SPAN, _THIN = 0.8, 0.35
"""Least height in its field of a stroke that may be a printed separator, and most width per
height."""

_EVEN_FIELD, _EVEN_FIELDS = 0.012, 0.02
"""Standard deviation of heights and of bottoms up to which the digits of a field, and those of
fields of one size, are printed. Hands come to 0.03 to 0.1 and print to half of these limits."""

_LEAST_FREEDOM = 3
"""Degrees of freedom that such a deviation has at least: three digits may be even by chance."""


def is_handwritten_size(field: FieldCrops) -> bool:
    """Whether the digits of an open field are as large as people write into it."""
    return float(np.median(digit_levels(field)[:, 0])) >= _LEAST_HEIGHT


def may_be_separators(field: FieldCrops) -> npt.NDArray[np.bool_]:
    """Which digits of an open field are strokes from its top to its bottom, (k,): 1s or lines."""
    heights = digit_levels(field)[:, 0]
    shapes = np.array([box.box.width / box.box.height for box in field.boxes])
    return (heights >= _SPAN) & (shapes <= _THIN)


def printed_fields(fields: Sequence[FieldCrops]) -> list[bool]:
    """Which open fields hold printed digits: even in themselves or with all of their size."""
    levels = [digit_levels(field) for field in fields]
    alike = [
        [levels[i] for i, other in enumerate(fields) if field.box.is_as_large_as(other.box)]
        for field in fields
    ]
    return [
        _are_even([own], _EVEN_FIELD) or _are_even(_by_place(kind), _EVEN_FIELDS)
        for own, kind in zip(levels, alike, strict=True)
    ]


def digit_levels(field: FieldCrops) -> Levels:
    """Where the k digits of an open field stand, (k, 2): their heights and their bottoms.

    Raises:
        ValueError: the field has no cell.
    """
    if field.cell is None:
        raise ValueError("only numbers without boxes stand in a cell")
    top_left, top_right, _, bottom_left = np.array(field.cell.corners)
    across, down = top_right - top_left, bottom_left - top_left
    corners = np.array([box.corners for box in field.boxes])  # (k, 4, 2)
    shares = (corners - top_left) @ np.linalg.inv(np.array([across, down]))
    top, bottom = shares[:, :2, 1].mean(axis=1), shares[:, 2:, 1].mean(axis=1)
    return np.column_stack([bottom - top, bottom])


def _by_place(kind: Sequence[Levels]) -> list[Levels]:
    """The levels of the first digits of fields, and of the last digits of those with several."""
    first = np.array([levels[0] for levels in kind])
    last = np.array([levels[-1] for levels in kind if len(levels) > 1]).reshape(-1, 2)
    return [first, last]


def _are_even(groups: Sequence[Levels], most: float) -> bool:
    """Whether heights and bottoms hardly differ within groups of digits."""
    groups = [levels for levels in groups if len(levels)]
    freedom = sum(len(levels) - 1 for levels in groups)
    if freedom < _LEAST_FREEDOM:
        return False
    squares = np.sum([levels.var(axis=0) * len(levels) for levels in groups], axis=0)
    return bool((squares <= freedom * most**2).all())
