"""Rows: equal cells side by side, found as the heaviest chains of cells between posts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from formreader.forms.cells import Cells
from formreader.forms.posts import Posts
from formreader.forms.ways import Points

# Cells of a row are equal within this; what an equal neighbour adds, less for unevenness.
# The first one adds little: a stroke in the middle of a box makes two equal cells, too.
_SAME_WIDTH = 0.12
EQUAL_GAIN = 0.5
_FIRST_GAIN = 0.15
_UNEVEN_COST = 4.0

_MAX_OVERLAP = 0.25


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
    size: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        side = self.corners[:, 1, 0] - self.corners[:, 0, 0]
        drop = self.corners[:, 3, 1] - self.corners[:, 0, 1]
        object.__setattr__(self, "size", (_middle(side), _middle(drop)))

    def __len__(self) -> int:
        return len(self.corners)


def _middle(values: npt.NDArray[np.float64]) -> float:
    """The median, without what numpy's checks cost on a handful of values."""
    return float(np.sort(values)[len(values) // 2])


def chain_rows(
    posts: Posts, cells: Cells, worth: npt.NDArray[np.float64], least: float = -np.inf
) -> list[Row]:
    """All rows that the cells make, each cell in one of them; rows may overlap.

    Rows worth less than `least` are left out.
    """
    chains = _best_chains(posts, cells, worth)
    return [_row(posts, cells, chain, total) for chain, total in chains if total >= least]


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
    links = np.zeros(len(step), np.int64)
    ending: dict[int, list[int]] = {}
    for cell in np.argsort(posts.top[cells.right, 0], kind="stable").tolist():
        for before in ending.get(int(cells.left[cell]), ()):
            uneven = abs(step[before] - step[cell]) / max(step[before], step[cell])
            equal = EQUAL_GAIN if links[before] else _FIRST_GAIN
            total = best[before] + worth[cell] + equal - _UNEVEN_COST * uneven
            if uneven <= _SAME_WIDTH and total > best[cell]:
                best[cell], previous[cell] = total, before
                links[cell] = links[before] + 1
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
    return corners_between(top, bottom)


def corners_between(top: Points, bottom: Points) -> npt.NDArray[np.float64]:
    """(n, 4, 2) corners of the cells between n + 1 separators, from their (n + 1, 2) ends."""
    return np.stack([top[:-1], top[1:], bottom[1:], bottom[:-1]], axis=1)


def drop_overlapping(rows: list[Row]) -> list[Row]:
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
