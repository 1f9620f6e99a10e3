"""Rows of a table that share their columns with a row that was found.

In a table the columns go on from row to row. Where a row's own lines are broken or
hidden by thick strokes, those of the rows above and below tell where its boxes are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from formreader.forms.cells import MAX_ASPECT, MIN_ASPECT
from formreader.forms.lines import LineMasks
from formreader.forms.posts import MIN_COVERAGE, MIN_HEIGHT, coverage_evidence
from formreader.forms.rows import EQUAL_GAIN, Row, corners_between

# How far away other rows of the table are looked for, in heights of the row found.
_REACH = 8.0

_RULED = 0.85
_SHIFT = 6
_MIN_SIDE = 0.5
_MIN_SEPARATOR = 0.35
_MIN_MEAN = 0.55


def rows_of_same_columns(rows: list[Row], lines: LineMasks) -> list[Row]:
    """Rows between the horizontal lines above and below each row, with its columns.

    A row is proposed where something is seen of each of its separators.
    """
    horizontal, vertical = np.asarray(lines.horizontal) > 0, np.asarray(lines.vertical) > 0
    proposed = []
    for row in rows:
        if len(row) < 2 or not _is_comb(row):
            continue
        x = np.append(row.corners[:, 0, 0], row.corners[-1, 1, 0])
        for top, bottom in _bands(horizontal, row, x):
            found = _fit(vertical, x, top, bottom)
            if found is not None:
                proposed.append(_row(*found, top, bottom))
    return proposed


def _is_comb(row: Row) -> bool:
    """Whether neighbouring cells share their separator."""
    gaps = row.corners[1:, 0, 0] - row.corners[:-1, 1, 0]
    return bool((np.abs(gaps) < 1).all())


def _bands(
    horizontal: npt.NDArray[np.bool_], row: Row, x: npt.NDArray[np.float64]
) -> list[tuple[float, float]]:
    """Neighbouring horizontal lines that run all along the row, as (upper y, lower y)."""
    height = row.size[1]
    middle = float(row.corners[:, :, 1].mean())
    first = max(int(middle - _REACH * height), 0)
    last = min(int(middle + _REACH * height), len(horizontal))
    left, right = max(int(x[0]) + 2, 0), int(x[-1]) - 1
    # The row's own tilt is that of its table; each column is read along it.
    slope = (row.corners[-1, 1, 1] - row.corners[0, 0, 1]) / max(x[-1] - x[0], 1)
    columns = np.arange(left, min(right, horizontal.shape[1]), 2)
    drop = np.rint(slope * (columns - x[0])).astype(np.int64)
    y = np.clip(np.arange(first, last)[:, None] + drop, 0, len(horizontal) - 1)
    ruled = horizontal[y, columns].mean(axis=1) >= _RULED
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ruled.astype(np.int8), [0]])))
    centres = first + (edges[::2] + edges[1::2] - 1) / 2
    step = row.size[0]
    pairs = zip(centres[:-1].tolist(), centres[1:].tolist(), strict=True)
    return [
        (top, bottom)
        for top, bottom in pairs
        if bottom - top >= MIN_HEIGHT and MIN_ASPECT <= step / (bottom - top) <= MAX_ASPECT
    ]


def _fit(
    vertical: npt.NDArray[np.bool_], x: npt.NDArray[np.float64], top: float, bottom: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """Where the columns are between two lines, and how well each is ruled; None if they are not."""
    band = vertical[round(top) + 3 : round(bottom) - 2]
    if not len(band):
        return None
    reach = _SHIFT + 2
    near = np.clip(
        np.rint(x).astype(np.int64)[:, None] + np.arange(-reach, reach + 1),
        0,
        vertical.shape[1] - 1,
    )
    seen = band[:, near]  # (height, separators, shifts)
    coverage = np.maximum(seen[..., :-2], np.maximum(seen[..., 1:-1], seen[..., 2:])).mean(axis=0)
    # Masks are wider than lines: of several shifts as good as the best the middle one is right.
    total = coverage.sum(axis=0)
    best = np.flatnonzero(total >= total.max() - 1e-9)
    shift = int(best[len(best) // 2])
    fits = coverage[:, shift]
    good = min(fits[0], fits[-1]) >= _MIN_SIDE and fits[1:-1].min(initial=1.0) >= _MIN_SEPARATOR
    if not good or fits.mean() < _MIN_MEAN:
        return None
    return x + shift - reach + 1, fits


def _row(
    x: npt.NDArray[np.float64], fits: npt.NDArray[np.float64], top: float, bottom: float
) -> Row:
    upper = np.column_stack([x, np.full(len(x), top)])
    lower = np.column_stack([x, np.full(len(x), bottom)])
    corners = corners_between(upper, lower)
    # As in a chain of cells: each separator for itself, and equal cells between good ones.
    worth = float(coverage_evidence(fits).sum())
    good = fits >= MIN_COVERAGE
    worth += EQUAL_GAIN * float((good[:-2] & good[1:-1] & good[2:]).sum())
    return Row(corners, float(fits.mean()), worth)
