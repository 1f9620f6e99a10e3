"""Decide whether an edge of a cell is a printed one, or cuts through what is written.

A tall stroke, a fold of the paper or a streak of the scanner looks like a line of the form; and
where a table has no lines between columns, cells end where the network guessed. What is known of
an edge goes into a regression, fitted on drawn pages. Its weights stand in the card of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.detect.cell_alignment import MIN_RULED_EDGE
from formreader.detect.cell_maps import FoundCells
from formreader.detect.page_regression import PageRegression
from formreader.detect.printed_lines import PrintedLines, Totals, covered

_Floats: TypeAlias = npt.NDArray[np.float64]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)
_OUTWARDS = (-1, 1, -1, 1)
_SIDES = ((_TOP, _BOTTOM), (_LEFT, _RIGHT))
"""The edges of a cell: their numbers, the direction out of the cell, and which are parallel."""

_END = 0.15
"""Share of an edge at each end where a printed line meets others, and a stroke seldom does."""

_BESIDE = 5
"""Pixels beside an edge where a line that stands alone is none."""

_WITHIN = 0.3
"""How far from the edges of a cell a line within it is, at least, in heights of the cell."""

_BEYOND = 0.7
"""How far beyond its ends an edge is followed, in heights of its cell."""

_IN_LINE, _TOUCHING = 0.12, 0.35
"""Distance of two edges in line, and of the edges of two cells that touch, in heights of a cell."""

_FIRST_INK, _MAX_INK_DISTANCE, _INK_STEPS = 4.0, 0.8, 24
"""Pixels from an edge where ink is no longer that of its line; how far it is searched for, in
heights of the cell, and in how many steps."""

_INK_BAND = 0.2
"""Share of a cell's height above and below which ink may be that of the cells there."""

_MIN_WHOLE = 0.8
"""Probability from which a cell is whole. On 186 drawn pages with 9,786 numbers, 0.87 would spare
some 8 of 58 wrong accepted ones, and 110 of 5,200 accepted ones; on `numbers/composed` 30 of 1,917
accepted ones and no wrong one."""

_DARKEST, _INK_SHARE, _MIN_INK_DARKNESS = 0.005, 0.4, 20.0
"""Share of the page's pixels that are its darkest ink; share of their darkness from which a pixel
is ink; and its darkness in grey values at least."""


@dataclass(frozen=True, slots=True, eq=False)
class CellEdges:
    """The four edges of n cells of a page: upper, lower, left, right.

    `features` (n, 4, k) is what is known of each, as in `EdgeDecision.FEATURES`; `in_line`
    (n, 4, n) which other cells have the same edge in line with it.
    """

    features: _Floats
    in_line: _Flags

    @property
    def flat(self) -> _Floats:
        """(4 n, k) the features, cell after cell."""
        return self.features.reshape(-1, self.features.shape[2])


@dataclass(frozen=True, slots=True, eq=False)
class EdgeDecision(PageRegression):
    """What an edge of a cell is like, by itself and in line with those of other cells.

    The features: whether it is at a side of the cell; the confidence in a line; the share that is
    dark, that at its worse end, and that beside it; how much surer the lines of the cell's other
    edges are; the share dark beyond both ends of all edges in line, where no cell ends; the logs
    of one more than the number of cells in line that have a line there, and that have none;
    whether a cell that touches this one goes on across it; whether another cell begins there, and
    both at once; how far the next ink is, to either side; and for a side and for an upper or lower
    edge, whether lines of other cells go on between it and the one opposite, as where two cells
    were taken for one: the log of one more than the number of edges in line there, times the share
    of a line that is dark at its worse end within this cell.

    The context: the mean logit of the edges in line, 0 for none; whether there are any.
    """

    FEATURES: ClassVar = (
        "side", "line", "dark", "dark end", "dark beside", "less sure", "runs on",
        "lines in line", "edges in line", "crossed", "shared", "shared and crossed",
        "ink outside", "ink inside", "columns within", "rows within",
    )  # fmt: skip
    CONTEXT: ClassVar = ("logit in line", "alone")

    def probabilities(self, edges: CellEdges) -> _Floats:
        """(n, 4) the probability that each edge of n cells cuts no writing."""
        judged = self.judged(edges.flat, lambda first: surroundings(edges, first))
        return judged.reshape(-1, 4)


def is_whole(probabilities: _Floats) -> _Flags:
    """(n,) whether no edge cuts writing, by the probabilities (n, 4) that each does not."""
    return np.asarray(probabilities.prod(axis=1) >= _MIN_WHOLE)


def surroundings(edges: CellEdges, logits: _Floats) -> _Floats:
    """(4 n, 2) the context of each edge, as in `EdgeDecision.CONTEXT`, by the logits (4 n,)."""
    own = logits.reshape(-1, 4)
    number = edges.in_line.sum(axis=2)
    total = np.einsum("iej,je->ie", edges.in_line, own)
    mean = np.where(number, total / np.maximum(number, 1), 0.0)
    return np.column_stack([mean.ravel(), (number == 0).ravel()])


def see_edges(even: GreyImage, lines: PrintedLines, cells: FoundCells, boxes: _Floats) -> CellEdges:
    """See what the edges of a page's cells are like.

    Args:
        even: the upright, evenly lit page, (h, w) uint8.
        lines: its lines.
        cells: n cells.
        boxes: (m, 4, 2) corners of its digit boxes.
    """
    place = edge_places(cells.corners)
    height = (place[_BOTTOM] - place[_TOP])[:, None]
    in_line = [_in_line(place[edge], height) for edge in range(4)]
    ink = _ink_distances(even, place)
    dark = [_dark(lines, place, edge) for edge in range(4)]
    within = [_within(lines, place, sides) for sides in _SIDES]
    ruled = cells.ruled >= MIN_RULED_EDGE
    every = edge_places(np.concatenate([cells.corners, boxes]))
    features, none = list[_Floats](), np.zeros(len(cells))
    for edge in range(4):
        on_line = (in_line[edge] & ruled[:, edge]).sum(axis=1)
        other = in_line[edge].sum(axis=1) - on_line
        crossed, shared = _neighbours(place, edge, height)
        along, end, beside = dark[edge]
        features.append(np.column_stack([
            np.full(len(cells), float(edge in (_LEFT, _RIGHT))),
            cells.ruled[:, edge],
            along,
            end,
            beside,
            np.delete(cells.ruled, edge, axis=1).mean(axis=1) - cells.ruled[:, edge],
            _runs_on(lines, place, every, edge, in_line[edge]),
            np.log1p(on_line),
            np.log1p(other),
            crossed,
            shared,
            crossed & shared,
            ink[edge][:, 0],
            ink[edge][:, 1],
            within[1] if edge in _SIDES[1] else none,
            within[0] if edge in _SIDES[0] else none,
        ]))  # fmt: skip
    return CellEdges(np.stack(features, axis=1), np.stack(in_line, axis=1))


def edge_places(corners: _Floats) -> _Floats:
    """(4, n) where the edges of n cells are, along the axis across each."""
    top, bottom = corners[:, [0, 1], 1].mean(axis=1), corners[:, [2, 3], 1].mean(axis=1)
    left, right = corners[:, [0, 3], 0].mean(axis=1), corners[:, [1, 2], 0].mean(axis=1)
    return np.stack([top, bottom, left, right])


def _in_line(place: _Floats, height: _Floats) -> _Flags:
    """(n, n) which other edges are in line with each."""
    near = np.abs(place[:, None] - place) <= _IN_LINE * height
    np.fill_diagonal(near, False)
    return np.asarray(near)


def _ends(edge: int) -> tuple[int, int]:
    """The edges at which an edge begins and ends."""
    return _SIDES[1 - edge // 2]


def _sides(edge: int) -> tuple[int, int]:
    """The edge and the one opposite, in the order of their places."""
    return _SIDES[edge // 2]


def _totals(lines: PrintedLines, edge: int) -> Totals:
    return lines.across if edge in (_TOP, _BOTTOM) else lines.down


def _dark(lines: PrintedLines, place: _Floats, edge: int) -> tuple[_Floats, _Floats, _Floats]:
    """(n,) shares of an edge that are dark: in all, at its worse end, and beside it."""
    start, end = (place[one] for one in _ends(edge))
    return _dark_at(_totals(lines, edge), place[edge], start, end)


def _dark_at(
    totals: Totals, at: _Floats, start: _Floats, end: _Floats
) -> tuple[_Floats, _Floats, _Floats]:
    """The same of lines at some places across, from a start to an end along; all (n,)."""
    part = _END * (end - start)
    whole = covered(totals, at, start, end)
    worse = np.minimum(
        covered(totals, at, start, start + part), covered(totals, at, end - part, end)
    )
    beside = np.maximum(
        covered(totals, at - _BESIDE, start, end), covered(totals, at + _BESIDE, start, end)
    )
    return whole, worse, beside


def _within(lines: PrintedLines, place: _Floats, sides: tuple[int, int]) -> _Floats:
    """(n,) how far lines of other cells go on within each cell, parallel to its two `sides`.

    It is that of the place where most other cells have an edge, as in `EdgeDecision.FEATURES`.
    """
    low, high = sides
    first, last = _ends(low)
    height = place[_BOTTOM] - place[_TOP]
    edges, middle = place[[low, high]].ravel(), (place[first] + place[last]) / 2
    margin = (_WITHIN * height)[:, None]
    inside = (edges > place[low][:, None] + margin) & (edges < place[high][:, None] - margin)
    in_line = np.abs(edges[:, None] - edges) <= _IN_LINE * np.tile(height, 2)[:, None]
    number = in_line.sum(axis=1)
    away = np.abs(np.tile(middle, 2) - middle[:, None])
    # Of the edges in line the next one, as lines lean.
    likely = np.where(inside, number - away / (1 + away.max()), 0.0)
    best = likely.argmax(axis=1)
    _, end, _ = _dark_at(_totals(lines, low), edges[best], place[first], place[last])
    return np.where(likely.any(axis=1), np.log1p(number[best]) * end, 0.0)


def _runs_on(
    lines: PrintedLines, place: _Floats, every: _Floats, edge: int, in_line: _Flags
) -> _Floats:
    """(n,) the share that is dark beyond both ends of an edge and of those in line with it.

    It is 0 where a cell or box ends there.
    """
    totals, at = _totals(lines, edge), place[edge]
    first, last = _ends(edge)
    height = place[_BOTTOM] - place[_TOP]
    sides = _sides(edge)
    group = in_line | np.eye(len(at), dtype=np.bool_)
    near = np.abs(every[sides, :][:, None] - at[:, None]) <= _IN_LINE * height[:, None]
    shares = []
    for start, end, outermost in (
        (
            place[first] - _BEYOND * height,
            place[first],
            np.where(group, place[first], np.inf).argmin(axis=1),
        ),
        (
            place[last],
            place[last] + _BEYOND * height,
            np.where(group, place[last], -np.inf).argmax(axis=1),
        ),
    ):
        middle = ((start + end) / 2)[:, None]
        beside = (every[first] < middle) & (middle < every[last])
        ends_there = (beside & near.any(axis=0)).any(axis=1)
        share = np.where(ends_there, 0.0, covered(totals, at, start, end))
        shares.append(share[outermost])  # a long line leans: it is followed at its own ends
    return np.asarray(np.minimum(*shares))


def _neighbours(place: _Floats, edge: int, height: _Floats) -> tuple[_Flags, _Flags]:
    """(n,) whether a cell at an edge's end goes on across it; whether another cell begins at it."""
    at = place[edge][:, None]
    first, last = _ends(edge)
    low, high = (_LEFT, _RIGHT) if edge in (_LEFT, _RIGHT) else (_TOP, _BOTTOM)
    reach = _TOUCHING * height
    touching = (np.abs(place[last] - place[first][:, None]) <= reach) | (
        np.abs(place[first] - place[last][:, None]) <= reach
    )
    across = (place[low] < at - reach) & (at + reach < place[high])
    opposite = edge - 1 if edge in (_BOTTOM, _RIGHT) else edge + 1
    common = np.minimum(place[last], place[last][:, None]) - np.maximum(
        place[first], place[first][:, None]
    )
    beside = (np.abs(place[opposite] - at) <= _IN_LINE * height) & (common > 0)
    return (touching & across).any(axis=1), beside.any(axis=1)


def ink_of(even: GreyImage) -> _Flags:
    """(h, w) where there is ink on an evenly lit page, print and lines included."""
    darkness = ~even
    darkest = float(np.quantile(darkness[::2, ::2], 1 - _DARKEST))
    return np.asarray(darkness >= max(_INK_SHARE * darkest, _MIN_INK_DARKNESS))


def _ink_distances(even: GreyImage, place: _Floats) -> list[_Floats]:
    """For each edge (n, 2): how far the next ink is outside and inside, in heights of the cell.

    It is looked for beside a cell only; above and below it is always the furthest.
    """
    n = place.shape[1]
    total = cv2.integral(ink_of(even).view(np.uint8))
    height = place[_BOTTOM] - place[_TOP]
    upper, lower = (
        np.clip(np.rint(one), 0, len(even)).astype(np.int64)[:, None]
        for one in (place[_TOP] + _INK_BAND * height, place[_BOTTOM] - _INK_BAND * height)
    )
    steps = np.linspace(0, 1, _INK_STEPS)
    reach = _MAX_INK_DISTANCE * height[:, None]
    away = _FIRST_INK + steps * np.maximum(reach - _FIRST_INK, 1.0)
    furthest = np.full((n, 2), 1.0)
    distances = [furthest, furthest]
    for edge in (_LEFT, _RIGHT):
        sides = []
        for direction in (_OUTWARDS[edge], -_OUTWARDS[edge]):
            x = np.rint(place[edge][:, None] + direction * away).astype(np.int64)
            x = np.clip(x, 0, even.shape[1] - 1)
            column = total[lower, x + 1] - total[lower, x] - total[upper, x + 1] + total[upper, x]
            inked = column > 0
            first = np.where(inked.any(axis=1), inked.argmax(axis=1), _INK_STEPS - 1)
            sides.append(steps[first])
        distances.append(np.column_stack(sides))
    return distances
