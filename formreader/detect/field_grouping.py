"""Group rows of boxes into fields, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from formreader.core.geometry import reading_order
from formreader.detect.rows import Row

_MAX_SIZE_DIFFERENCE_IN_FIELD = 0.15
"""Largest relative difference between the box widths, and the box heights, of the rows of a field.

There is no record of a measurement of this threshold and of those below."""

_MAX_GAP_RATIO, _GAP_SLACK = 1.5, 0.1
"""Largest gap after which a row of separate boxes goes on: this multiple of the row's own gap, plus
this many box widths."""

_MAX_OVERLAP_IN_FIELD = 0.1
"""Largest overlap of neighbouring rows of one field, in box widths."""

_MAX_DROP_IN_FIELD = 0.2
"""Largest vertical offset between neighbouring rows of one field, in box heights."""

_MIN_GAP_OF_SEPARATE_BOXES = 0.03
"""Least gap between separate boxes, in box widths. Boxes with smaller gaps are a comb."""


def group_rows(rows: list[Row]) -> list[Row]:
    """Join neighbouring rows with boxes of one size to fields, in reading order."""
    return _in_reading_order(_join_neighbours(rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """A row and the lengths, in pixels, that decide which neighbours it joins.

    `left` and `right` are the points (x, y) where its upper edge starts and ends. `gap` is the
    median gap between its boxes, or None for a comb or a single box.
    """

    row: Row
    left: tuple[float, float]
    right: tuple[float, float]
    gap: float | None

    @classmethod
    def of(cls, row: Row) -> _Run:
        """Measure a row."""
        (x0, y0), (x1, y1) = row.corners[[0, -1], [0, 1]].tolist()
        return cls(row, (x0, y0), (x1, y1), _inner_gap(row))

    @property
    def is_separate(self) -> bool:
        """Whether it is a row of separate boxes or a single box, and not a comb."""
        return len(self.row) == 1 or self.gap is not None


def _join_neighbours(rows: list[Row]) -> list[Row]:
    """Join rows of boxes of the same size that lie side by side on one level."""
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
    """The nearest row to the right, a box width away at most, that continues this one; or None.

    A single box or a row of separate boxes is continued by a single box. A comb is continued by
    another row of several boxes, such as the next part of a date.
    """
    best, nearest = None, np.inf
    width, height = field.row.size
    (end, level), widest = field.right, width
    if field.gap is not None:
        widest = min(widest, _MAX_GAP_RATIO * field.gap + _GAP_SLACK * width)
    for run in runs:
        gap, drop = run.left[0] - end, abs(run.left[1] - level)
        if not -_MAX_OVERLAP_IN_FIELD * width < gap <= widest or gap >= nearest:
            continue
        if drop > _MAX_DROP_IN_FIELD * height:
            continue
        other_width, other_height = run.row.size
        difference = max(abs(other_width / width - 1), abs(other_height / height - 1))
        alike = difference <= _MAX_SIZE_DIFFERENCE_IN_FIELD
        if alike and (len(run.row) == 1) == field.is_separate:
            best, nearest = run, gap
    return best


def _inner_gap(row: Row) -> float | None:
    """Median gap between the boxes of a row of separate boxes; None for a comb or a single box."""
    if len(row) < 2:
        return None
    gaps = np.sort(row.corners[1:, 0, 0] - row.corners[:-1, 1, 0])
    gap = float(gaps[len(gaps) // 2] + gaps[(len(gaps) - 1) // 2]) / 2
    return gap if gap > _MIN_GAP_OF_SEPARATE_BOXES * row.size[0] else None


def _join(a: Row, b: Row) -> Row:
    corners, scores = np.concatenate([a.corners, b.corners]), np.concatenate([a.scores, b.scores])
    probability = (len(a) * a.probability + len(b) * b.probability) / len(scores)
    return Row(corners, scores, probability, min(a.separation, b.separation))


def _in_reading_order(fields: list[Row]) -> list[Row]:
    """Fields from top to bottom, and left to right where they lie side by side."""
    middles = [float(field.corners[:, :, 1].mean()) for field in fields]
    reaches = [m + 0.5 * field.size[1] for m, field in zip(middles, fields, strict=True)]
    lefts = [float(field.corners[0, 0, 0]) for field in fields]
    return [fields[i] for i in reading_order(lefts, middles, reaches)]
