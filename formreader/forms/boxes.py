"""Digit boxes of an upright page: rows of equal cells in its ruled lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from formreader.forms.cells import Cells, find_cells
from formreader.forms.lines import find_lines
from formreader.forms.posts import Posts, find_junctions, find_posts
from formreader.forms.text import Parts, find_parts, holds_text
from formreader.types import GreyImage

_SAME_WIDTH = 0.12
_EQUAL_GAIN = 0.5
_UNEVEN_COST = 4.0
_MAX_OVERLAP = 0.25
_SAME_SIZE = 0.08
_REPETITION_GAIN = 0.4
_REPETITION_HALF = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Equal cells side by side: `corners` is (n, 4, 2), clockwise from the top left.

    `size` is the median width and height of the cells in working pixels (derived);
    `score` in 0..1 is the share of the cells' edges that is ruled; `worth` ranks rows
    that would explain the same lines.
    """

    corners: npt.NDArray[np.float64]
    score: float
    worth: float
    size: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        side = self.corners[:, 1, 0] - self.corners[:, 0, 0]
        drop = self.corners[:, 3, 1] - self.corners[:, 0, 1]
        object.__setattr__(self, "size", (_middle(side), _middle(drop)))

    def __len__(self) -> int:
        return len(self.corners)


def _middle(values: npt.NDArray[np.float64]) -> float:
    """The median, without what numpy's checks cost on a handful of values."""
    return float(np.sort(values)[len(values) // 2])


def find_rows(even: GreyImage) -> list[Row]:
    """Rows of equal cells on an upright, evenly lit page, (h, w) uint8, in any order."""
    lines = find_lines(even)
    posts = find_posts(even, lines, find_junctions(lines))
    cells = find_cells(lines, posts)
    rows = _drop_overlapping(_rows(posts, cells, cells.worth))
    # Forms repeat their boxes: a size that other rows have is the likelier reading.
    rows = _drop_overlapping(_rows(posts, cells, cells.worth + _repetition(posts, cells, rows)))
    return _without_text(rows, find_parts(even))


def _without_text(rows: list[Row], parts: Parts) -> list[Row]:
    kept = []
    for row in rows:
        free = ~holds_text(row.corners, parts)
        runs = np.split(np.arange(len(row)), np.flatnonzero(np.diff(free)) + 1)
        kept += [Row(row.corners[run], row.score, row.worth) for run in runs if free[run[0]]]
    return kept


def _repetition(posts: Posts, cells: Cells, rows: list[Row]) -> npt.NDArray[np.float64]:
    """(n,) what a cell gains from the rows elsewhere on the page with cells of its size."""
    if not rows:
        return np.zeros(len(cells.count))
    sizes = np.array([row.size for row in rows])
    counts = np.array([len(row) * row.score for row in rows])
    step = (posts.top[cells.right, 0] - posts.top[cells.left, 0]) / cells.count
    size = np.column_stack([step, posts.heights[cells.left]])
    alike = (np.abs(size[:, None, :] / sizes[None, :, :] - 1) <= _SAME_SIZE).all(axis=2)
    top = np.array([row.corners[:, :2, 1].mean() for row in rows])
    elsewhere = np.abs(posts.top[cells.left, 1][:, None] - top[None, :]) > size[:, 1:] / 2
    support = (alike & elsewhere) @ counts
    return np.asarray(_REPETITION_GAIN * cells.count * support / (support + _REPETITION_HALF))


def _rows(posts: Posts, cells: Cells, worth: npt.NDArray[np.float64]) -> list[Row]:
    return [_row(posts, cells, *chain) for chain in _best_chains(posts, cells, worth)]


def _best_chains(
    posts: Posts, cells: Cells, worth: npt.NDArray[np.float64]
) -> list[tuple[list[int], float]]:
    """Cut the cells into chains of equal cells that share posts, with what each is worth.

    Heaviest path over a graph without cycles: a chain may go on from one span of
    cells to the next where they share a post and have the same step. A digit's
    stroke that touches both lines looks like a post, but does not fit the step of
    its row.
    """
    step = (posts.top[cells.right, 0] - posts.top[cells.left, 0]) / cells.count
    first = posts.evidence[cells.left]
    best = worth + first
    previous = np.full(len(step), -1)
    ending: dict[int, list[int]] = {}
    for cell in np.argsort(posts.top[cells.right, 0], kind="stable").tolist():
        for before in ending.get(int(cells.left[cell]), ()):
            uneven = abs(step[before] - step[cell]) / max(step[before], step[cell])
            total = best[before] + worth[cell] + _EQUAL_GAIN - _UNEVEN_COST * uneven
            if uneven <= _SAME_WIDTH and total > best[cell]:
                best[cell], previous[cell] = total, before
        ending.setdefault(int(cells.right[cell]), []).append(cell)
    used = np.zeros(len(step), np.bool_)
    chains = []
    for last in np.argsort(-best, kind="stable").tolist():
        chain, cell = [], last
        while cell >= 0 and not used[cell]:
            used[cell] = True
            chain.append(cell)
            cell = int(previous[cell])
        if chain:
            taken = best[cell] if cell >= 0 else 0.0
            chains.append((chain[::-1], float(best[last] - taken)))
    return chains


def _row(posts: Posts, cells: Cells, chain: list[int], worth: float) -> Row:
    spans = zip(cells.left[chain], cells.right[chain], cells.count[chain], strict=True)
    corners = np.concatenate([_split(posts, int(i), int(k), int(n)) for i, k, n in spans])
    score = float(np.average(cells.coverage[chain], weights=cells.count[chain]))
    return Row(corners, score, worth)


def _split(posts: Posts, left: int, right: int, count: int) -> npt.NDArray[np.float64]:
    """(count, 4, 2) corners of the equal cells between two posts."""
    share = np.linspace(0, 1, count + 1)[:, None]
    top = posts.top[left] + share * (posts.top[right] - posts.top[left])
    bottom = posts.bottom[left] + share * (posts.bottom[right] - posts.bottom[left])
    return np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1)


def _drop_overlapping(rows: list[Row]) -> list[Row]:
    """Where rows overlap keep the one that explains more of the lines."""
    taken = np.empty((0, 4))
    kept = []
    for row in sorted(rows, key=lambda row: -row.worth):
        bounds = np.hstack([row.corners.min(axis=1), row.corners.max(axis=1)])
        free = _largest_overlap(bounds, taken) <= _MAX_OVERLAP
        if free.any():
            kept.append(Row(row.corners[free], row.score, row.worth))
            taken = np.vstack([taken, bounds[free]])
    return kept


def _largest_overlap(
    bounds: npt.NDArray[np.float64], taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n,) the largest area that each of `bounds` shares with one of `taken`.

    Both are (n, 4) left, top, right, bottom; areas are shares of the smaller one.
    """
    low = np.maximum(bounds[:, None, :2], taken[None, :, :2])
    high = np.minimum(bounds[:, None, 2:], taken[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (bounds, taken)]
    smaller = np.minimum(areas[0][:, None], areas[1][None, :])
    return np.asarray((shared / smaller).max(axis=1, initial=0.0))
