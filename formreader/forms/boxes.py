"""Digit boxes of an upright page: rows of equal cells in its ruled lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from formreader.forms.cells import Cells, find_cells
from formreader.forms.columns import rows_of_same_columns
from formreader.forms.lines import find_lines
from formreader.forms.open_combs import find_open_combs
from formreader.forms.posts import Posts, find_junctions, find_posts, straightness
from formreader.forms.rows import Row, chain_rows, drop_overlapping
from formreader.forms.text import Parts, find_parts, holds_text
from formreader.types import GreyImage

# Sizes are the same within this; what a cell gains at most from rows of its size, how
# many cells elsewhere bring half of it, and the share that neither gains nor loses.
_SAME_SIZE = 0.08
_REPETITION_GAIN = 1.2
_REPETITION_HALF = 5.0
_USUAL_REPETITION = 0.3

# What a row must show of printed lines: worth for each post, and shares of its edges.
_LEAST_WORTH = 0.12
_LEAST_SCORE = 0.85
_LEAST_STRAIGHT = 0.3

# Brightness of what is dark; the most of a cell within its rim that a digit makes dark,
# as a rule of its row; and what is no cell at all.
_DARK = 128
_MOST_DARK = 0.56
_SOLID = 0.9
_RIM = 0.16


def find_rows(even: GreyImage) -> list[Row]:
    """Rows of equal cells on an upright, evenly lit page, (h, w) uint8, in any order."""
    lines = find_lines(even)
    parts = find_parts(even)
    posts = find_posts(even, lines, find_junctions(lines))
    cells = find_cells(lines, posts)
    least = 2 * _LEAST_WORTH  # that of a single cell
    rows = drop_overlapping(chain_rows(posts, cells, cells.worth, least))
    # Forms repeat their boxes: a size that other rows have is the likelier reading.
    worth = cells.worth + _repetition(posts, cells, rows)
    rows = chain_rows(posts, cells, worth, least) + find_open_combs(lines, parts)
    found = _without_text(drop_overlapping(rows), parts)
    found = drop_overlapping(found + rows_of_same_columns(found, lines))
    sideways = np.ascontiguousarray(even.T)
    found = [row for row in found if _is_ruled(row, sideways)]
    return _without_text(_on_paper(found, even), parts)


def _on_paper(rows: list[Row], even: GreyImage) -> list[Row]:
    """The rows without solid cells, and without rows of bars: those of a code."""
    kept = []
    for row in rows:
        dark = _dark_shares(row, even)
        solid = dark > _SOLID
        # A single box may hold a blot; several in a row do not.
        bars = len(row) > 1 and not solid.all() and np.median(dark[~solid]) > _MOST_DARK
        if not bars:
            kept += _runs(row, ~solid)
    return kept


def _dark_shares(row: Row, even: GreyImage) -> npt.NDArray[np.float64]:
    """(n,) how much of each cell, without its rim, is dark."""
    rim = _RIM * np.array(row.size)
    low = np.maximum(np.rint(row.corners.min(axis=1) + rim), 0).astype(np.int64)
    high = np.rint(row.corners.max(axis=1) - rim).astype(np.int64) + 1
    cells = (even[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(low, high, strict=True))
    return np.array([float((cell < _DARK).mean()) if cell.size else 1.0 for cell in cells])


def _is_ruled(row: Row, sideways: GreyImage) -> bool:
    """Whether a row's lines are printed ones; those of a text's letters are not.

    `sideways` is the page with x and y exchanged: what tells vertical lines from
    strokes tells horizontal ones, too. Half of a comb without a top line is enough.
    """
    if row.worth < _LEAST_WORTH * (len(row) + 1) or row.score < _LEAST_SCORE:
        return False
    start = np.concatenate([row.corners[:, 0], row.corners[:, 3]])[:, ::-1]
    end = np.concatenate([row.corners[:, 1], row.corners[:, 2]])[:, ::-1]
    return float(straightness(sideways, start, end).mean()) >= _LEAST_STRAIGHT


def _without_text(rows: list[Row], parts: Parts) -> list[Row]:
    return [run for row in rows for run in _runs(row, ~holds_text(row.corners, parts))]


def _runs(row: Row, keep: npt.NDArray[np.bool_]) -> list[Row]:
    """What is left of a row of the cells to keep: each run of neighbours is a row."""
    runs = np.split(np.arange(len(row)), np.flatnonzero(np.diff(keep)) + 1)
    return [Row(row.corners[run], row.score, row.worth) for run in runs if keep[run[0]]]


def _repetition(posts: Posts, cells: Cells, rows: list[Row]) -> npt.NDArray[np.float64]:
    """(n,) what a cell gains from the page's other cells of its size, and loses without."""
    if not rows:
        return np.zeros(len(cells.count))
    sizes = np.array([row.size for row in rows])
    counts = np.array([len(row) * row.score for row in rows])
    step = (posts.top[cells.right, 0] - posts.top[cells.left, 0]) / cells.count
    size = np.column_stack([step, posts.heights[cells.left]])
    alike = (np.abs(size[:, None, :] / sizes[None, :, :] - 1) <= _SAME_SIZE).all(axis=2)
    bounds = np.array(
        [[*row.corners.min(axis=(0, 1)), *row.corners.max(axis=(0, 1))] for row in rows]
    )
    x = (posts.top[cells.left, 0] + posts.top[cells.right, 0])[:, None] / 2
    y = (posts.top[cells.left, 1] + posts.bottom[cells.left, 1])[:, None] / 2
    within = (x > bounds[:, 0]) & (x < bounds[:, 2]) & (y > bounds[:, 1]) & (y < bounds[:, 3])
    support = alike @ counts - (alike & within).any(axis=1)
    share = support / (support + _REPETITION_HALF)
    return np.asarray(_REPETITION_GAIN * cells.count * (share - _USUAL_REPETITION))
