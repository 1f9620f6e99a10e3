"""Rows of boxes grouped into fields, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formreader.core.geometry import reading_order
from formreader.detect.rows import Row

_SAME_SIZE = 0.15
_MAX_GAP = 1.0
_LEVEL = 0.2


def group_rows(rows: list[Row]) -> list[Row]:
    """Fields in reading order, equal neighbours joined."""
    return _in_reading_order(_join_neighbours(rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A row and what decides on its neighbours, as plain numbers, in pixels.

    `left` and `right` are where its upper edge begins and ends; `gap` is the median space
    between its boxes, or None for a comb and for a box alone.
    """

    row: Row
    left: tuple[float, float]
    right: tuple[float, float]
    gap: float | None

    @classmethod
    def of(cls, row: Row) -> _Run:
        """The row with what decides on its neighbours."""
        (x0, y0), (x1, y1) = row.corners[[0, -1], [0, 1]].tolist()
        return cls(row, (x0, y0), (x1, y1), _inner_gap(row))

    @property
    def stands_apart(self) -> bool:
        """Whether it is of boxes that do not share their separators."""
        return len(self.row) == 1 or self.gap is not None


def _join_neighbours(rows: list[Row]) -> list[Row]:
    """Join separate boxes of the same size that stand side by side on one level."""
    waiting = sorted(map(_Run.of, rows), key=lambda run: run.left[0])
    joined: list[Row] = []
    while waiting:
        field = waiting.pop(0)
        while (neighbour := _next_neighbour(field, waiting)) is not None:
            waiting.remove(neighbour)
            field = _Run.of(_join(field.row, neighbour.row))
        joined.append(field.row)
    return joined


def _next_neighbour(field: _Run, runs: list[_Run]) -> _Run | None:
    """The nearest row to the right that goes on with this one, or None.

    Boxes that stand apart join boxes that stand apart, and combs join combs: the parts of
    a date are one field.
    """
    best, nearest = None, np.inf
    width, height = field.row.size
    (end, level), widest = field.right, _MAX_GAP * width
    if field.gap is not None:
        widest = min(widest, 1.5 * field.gap + 0.1 * width)
    for run in runs:
        gap, drop = run.left[0] - end, abs(run.left[1] - level)
        if not -0.1 * width < gap <= widest or gap >= nearest or drop > _LEVEL * height:
            continue
        other_width, other_height = run.row.size
        alike = max(abs(other_width / width - 1), abs(other_height / height - 1)) <= _SAME_SIZE
        if alike and (len(run.row) == 1) == field.stands_apart:
            best, nearest = run, gap
    return best


def _inner_gap(row: Row) -> float | None:
    """Median space between the boxes of a row of separate boxes, or None for a comb."""
    if len(row) < 2:
        return None
    gaps = np.sort(row.corners[1:, 0, 0] - row.corners[:-1, 1, 0])
    gap = float(gaps[len(gaps) // 2] + gaps[(len(gaps) - 1) // 2]) / 2
    return gap if gap > 0.03 * row.size[0] else None


def _join(a: Row, b: Row) -> Row:
    corners, scores = np.concatenate([a.corners, b.corners]), np.concatenate([a.scores, b.scores])
    return Row(corners, scores, min(a.separation, b.separation))


def _in_reading_order(fields: list[Row]) -> list[Row]:
    """Top to bottom, and left to right where fields stand side by side."""
    middles = [float(field.corners[:, :, 1].mean()) for field in fields]
    reaches = [m + 0.5 * field.size[1] for m, field in zip(middles, fields, strict=True)]
    lefts = [float(field.corners[0, 0, 0]) for field in fields]
    return [fields[i] for i in reading_order(lefts, middles, reaches)]
