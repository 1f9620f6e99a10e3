"""Align the edges of cells with those of the cells above and below them.

A tall stroke beside the line of a cell looks like the line. Where most of the cells around have
their edge at one x, the line is there, unless only the cell's own edge is on a line.
"""

from __future__ import annotations

from statistics import median

import numpy as np
import numpy.typing as npt

from formreader.detect.printed_lines import MIN_EDGE_COVERED, PrintedLines, covered

_LEFT, _RIGHT, _TOP, _BOTTOM = [0, 3], [1, 2], [0, 1], [2, 3]
"""The corners at the left, the right, the upper and the lower edge."""

_MAX_EDGE_OFFSET = 0.35
_MAX_ROWS_AWAY = 6.0
"""Distance of the edges of two cells along x, and of their middles along y, in heights of the cell,
up to which the edges may be one line. No record of a measurement, here and below."""

_MIN_ALIGNED = 3
_MIN_ALIGNED_SHARE = 0.6
_MAX_DEVIATION = 1.5
"""An edge is moved to the median of such edges if at least so many of them, and this share, lie
within so many pixels of the median, and it does not."""

_MAX_OVERLAP = 0.4
"""Share of the smaller of two cells that they may have in common; of more only one is there."""

_MAX_SAME_PLACE = 3.0
"""Distance in pixels up to which two corners are the same. No record of a measurement."""

_MIN_SAME_ROW, _MAX_SHARED_WIDTH = 0.6, 0.1
"""Two cells are in one row from this common share of the smaller height on. There they may have
this share of the smaller width in common, as edges are not exact; cells one below the other may
have more."""


_SIDES = ((_TOP, 1), (_BOTTOM, 1), (_LEFT, 0), (_RIGHT, 0))
"""Upper, lower, left and right edge of a cell: its two corners, and the coordinate that it has in
common with the edges of the cells in line with it."""

MIN_RULED_EDGE, _MAX_OUT_OF_LINE = 0.5, 0.12
"""An edge with less confidence in a printed line is a guess unless another cell's is in line with
it, up to this distance in heights of the cell. No record of a measurement."""


def align_cells(corners: npt.NDArray[np.float64], lines: PrintedLines) -> npt.NDArray[np.float64]:
    """The corners (n, 4, 2) of a page's cells, with edges that stand out moved into line.

    An edge that is on one of the page's lines, where those around it are not, stays.
    """
    if len(corners) <= _MIN_ALIGNED:
        return corners
    height = np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    y = corners[:, :, 1].mean(axis=1)
    top, bottom = (corners[:, side, 1].mean(axis=1) for side in (_TOP, _BOTTOM))
    near = np.abs(y[:, None] - y) <= _MAX_ROWS_AWAY * height[:, None]
    np.fill_diagonal(near, False)
    aligned = corners.copy()
    for side in (_LEFT, _RIGHT):
        x = corners[:, side, 0].mean(axis=1)
        beside = near & (np.abs(x[:, None] - x) <= _MAX_EDGE_OFFSET * height[:, None])
        for i in np.flatnonzero(beside.sum(axis=1) >= _MIN_ALIGNED).tolist():
            others = x[beside[i]]
            line = median(others.tolist())
            agree = np.abs(others - line) <= _MAX_DEVIATION
            stands_out = abs(x[i] - line) > _MAX_DEVIATION
            if stands_out and agree.sum() >= max(_MIN_ALIGNED, _MIN_ALIGNED_SHARE * len(others)):
                places = np.array([x[i], line])
                here, there = covered(lines.down, places, top[i], bottom[i]).tolist()
                if here < MIN_EDGE_COVERED or there > here / 2:
                    aligned[i, side, 0] += line - x[i]
    return aligned


def distinct(
    corners: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which of n cells (n, 4, 2) to keep so that no two are in the same place, (n,).

    The parts of a cell that a digit breaks all grow to its lines.
    """
    kept = np.ones(len(corners), np.bool_)
    for i in np.argsort(-scores, kind="stable").tolist():
        if kept[i]:
            kept &= (np.abs(corners - corners[i]) > _MAX_SAME_PLACE).any(axis=(1, 2))
            kept[i] = True
    return kept


def best_of_overlapping(
    corners: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of n cells (n, 4, 2) that overlap those with the best scores, (n,).

    Where a digit breaks the core of a cell, each part of the core becomes a cell.

    Returns:
        (n,) which to keep; and (n,) which overlap another one, so that they may lack a part.
    """
    # Axis by axis: numpy is slow where the last axis is short.
    (left, top), (right, bottom) = corners.min(axis=1).T, corners.max(axis=1).T
    left, top, right, bottom = (np.ascontiguousarray(one) for one in (left, top, right, bottom))
    width, height = right - left, bottom - top
    area = width * height
    kept, overlaps = np.ones(len(corners), np.bool_), np.zeros(len(corners), np.bool_)
    for i in np.argsort(-scores, kind="stable").tolist():
        if not kept[i]:
            continue
        near = (left < right[i]) & (right > left[i]) & (top < bottom[i]) & (bottom > top[i])
        near[i] = False
        at = np.flatnonzero(near)  # all others have nothing in common with it
        across = np.minimum(right[i], right[at]) - np.maximum(left[i], left[at])
        down = np.minimum(bottom[i], bottom[at]) - np.maximum(top[i], top[at])
        in_row = down / np.minimum(height[at], height[i]) > _MIN_SAME_ROW
        in_row &= across / np.minimum(width[at], width[i]) > _MAX_SHARED_WIDTH
        overlaps[at] |= in_row
        overlaps[i] |= bool(in_row.any())
        rivals = across * down > _MAX_OVERLAP * np.minimum(area[at], area[i])
        kept[at[rivals]] = False
    return kept, overlaps


def guessed_edges(
    corners: npt.NDArray[np.float64], ruled: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which edges of cells, (n, 4), are neither on a printed line nor in line with another cell's.

    Args:
        corners: (n, 4, 2), of a straightened page.
        ruled: (n, 4) confidence in a line at the upper, lower, left and right edge.
    """
    reach = _MAX_OUT_OF_LINE * np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)
    guessed = np.zeros(ruled.shape, np.bool_)
    for edge, (side, axis) in enumerate(_SIDES):
        place = corners[:, side, axis].mean(axis=1)
        # The cell itself is one of those in line.
        in_line = (np.abs(place[:, None] - place) <= reach[:, None]).sum(axis=1) - 1
        guessed[:, edge] = (ruled[:, edge] < MIN_RULED_EDGE) & (in_line == 0)
    return guessed
