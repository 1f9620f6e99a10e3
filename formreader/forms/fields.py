"""Rows of boxes grouped into fields, in reading order."""

from __future__ import annotations

import numpy as np

from formreader.forms.rows import Row

_SAME_SIZE = 0.15
_MAX_GAP = 1.0
_LEVEL = 0.2


def group_rows(rows: list[Row]) -> list[Row]:
    """Fields in reading order, equal neighbours joined."""
    return _in_reading_order(_join_neighbours(rows))


def _join_neighbours(rows: list[Row]) -> list[Row]:
    """Join separate boxes of the same size that stand side by side on one level."""
    waiting = sorted(rows, key=lambda row: float(row.corners[0, 0, 0]))
    joined: list[Row] = []
    while waiting:
        field = waiting.pop(0)
        while (neighbour := _next_neighbour(field, waiting)) is not None:
            waiting.remove(neighbour)
            field = _join(field, neighbour)
        joined.append(field)
    return joined


def _next_neighbour(field: Row, rows: list[Row]) -> Row | None:
    """The nearest row to the right that goes on with this one, or None.

    Boxes that stand apart join boxes that stand apart, and combs join combs: the parts of
    a date are one field.
    """
    best, best_gap = None, np.inf
    width, height = field.size
    gap_so_far = _inner_gap(field)
    for row in rows:
        other_width, other_height = row.size
        gap = float(row.corners[0, 0, 0] - field.corners[-1, 1, 0])
        drop = abs(float(row.corners[0, 0, 1] - field.corners[-1, 1, 1]))
        alike = max(abs(other_width / width - 1), abs(other_height / height - 1)) <= _SAME_SIZE
        if not alike or drop > _LEVEL * height or not -0.1 * width < gap <= _MAX_GAP * width:
            continue
        if gap_so_far is not None and gap > 1.5 * gap_so_far + 0.1 * width:
            continue
        if (len(row) == 1) == (len(field) == 1 or gap_so_far is not None) and gap < best_gap:
            best, best_gap = row, gap
    return best


def _inner_gap(field: Row) -> float | None:
    """Median space between the boxes of a field of separate boxes, or None for a comb."""
    if len(field) < 2:
        return None
    gaps = field.corners[1:, 0, 0] - field.corners[:-1, 1, 0]
    gap = float(np.median(gaps))
    return gap if gap > 0.03 * field.size[0] else None


def _join(a: Row, b: Row) -> Row:
    corners, scores = np.concatenate([a.corners, b.corners]), np.concatenate([a.scores, b.scores])
    return Row(corners, scores, min(a.separation, b.separation))


def _in_reading_order(fields: list[Row]) -> list[Row]:
    """Top to bottom, and left to right where fields stand side by side."""
    waiting = sorted(fields, key=lambda field: float(field.corners[:, :, 1].mean()))
    ordered: list[Row] = []
    while waiting:
        first = waiting[0]
        reach = float(first.corners[:, :, 1].mean()) + 0.5 * first.size[1]
        level = [f for f in waiting if float(f.corners[:, :, 1].mean()) <= reach]
        ordered += sorted(level, key=lambda field: float(field.corners[0, 0, 0]))
        waiting = waiting[len(level) :]
    return ordered
