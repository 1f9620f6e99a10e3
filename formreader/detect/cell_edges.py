"""Put the edges of cells that the network misplaced on the page's faint lines.

On faint scans and patterned paper the network's edges are off, or it takes a stroke or the end of
the pattern for one. Lines too faint for `line_snapping` show by their length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.detect.cell_alignment import MIN_RULED_EDGE, guessed_edges
from formreader.detect.printed_lines import MIN_EDGE_COVERED, PrintedLines, Totals, covered

Floats: TypeAlias = npt.NDArray[np.float64]

_TOP, _BOTTOM, _LEFT, _RIGHT = range(4)
_EDGE_CORNERS = ((0, 1), (3, 2), (0, 3), (1, 2))
_OUTWARDS = (-1, 1, -1, 1)
"""The edges of a cell: their numbers; their two corners; and the direction out of the cell."""

_BESIDE, _MIN_OVER_BESIDE = 5, 0.3
"""A line stands alone: so many pixels beside it a share of the edge that is so much less is dark.
Amid writing and patterns any place looks like a line. The numbers here were set by eye and on
`numbers/composed` and 120 drawn pages: of 2,495 and 1,737 true cells 2,318 and 1,133 shared three
quarters of their union with a found one before, and 2,328 and 1,160 do now."""

_NEAR_REACH = 0.3
_FAR_REACH = (0.7, 0.7, 4.0, 4.0)
"""How far from its place the line of an edge may be, in heights of the cell: to either side, and
outwards where the lines beside it go on so far."""

_INSET = (0.08, 0.08, 0.02, 0.02)
"""Share of an edge at each end that is not looked at, as lines meet there."""


def on_faint_lines(lines: PrintedLines, corners: Floats, ruled: Floats) -> tuple[Floats, Floats]:
    """Move edges of cells, (n, 4, 2), that are on no line to faint ones of the page.

    `ruled` is (n, 4), the confidence in a line at the upper, lower, left and right edge. Returns
    both as they are then.
    """
    frames = _Frames(corners.copy(), ruled.copy(), lines)
    for edge in range(4):
        frames.move_near(edge)
    for edge in (_LEFT, _RIGHT, _TOP, _BOTTOM):
        frames.move_far(edge)
    return frames.corners, frames.ruled


@dataclass(frozen=True, slots=True, eq=False)
class _Frames:
    """Cells whose edges are moved in place."""

    corners: Floats
    ruled: Floats
    lines: PrintedLines

    def move_near(self, edge: int) -> None:
        """Move an edge of the cells where it is on no line to what looks most like one, near it.

        It counts as ruled only if that stands alone.
        """
        chosen = np.flatnonzero(self.ruled[:, edge] < MIN_RULED_EDGE)
        if not len(chosen):
            return
        steps, share, alone = self._looks(edge, chosen, _NEAR_REACH)
        near = np.abs(steps) <= _NEAR_REACH * self.heights[chosen, None]
        near &= share >= MIN_EDGE_COVERED
        # What stands alone comes first, then what is darker and nearer.
        value = share + alone / 2 - np.abs(steps) / (2 * len(steps))
        value = np.where(near, value, -np.inf)
        self._move(edge, chosen, steps, value, alone)

    def move_far(self, edge: int) -> None:
        """Move an edge that is but a guess outwards to where lines meet those at its ends."""
        chosen = np.flatnonzero(
            guessed_edges(self.corners, self.ruled)[:, edge]
            & (self.ruled[:, _ends(edge)] >= MIN_RULED_EDGE).all(axis=1)
        )
        if not len(chosen):
            return
        steps, share, alone = self._looks(edge, chosen, _FAR_REACH[edge])
        out = steps * _OUTWARDS[edge]
        within = (out > 0) & (out <= _FAR_REACH[edge] * self.heights[chosen, None])
        place = self.places(edge)[chosen, None]
        low, high = np.minimum(place, place + steps), np.maximum(place, place + steps)
        along = self.lines.down if _is_across(edge) else self.lines.across
        for end in _ends(edge):
            line = self.places(end)[chosen, None]
            within &= covered(along, line, low, high) >= MIN_EDGE_COVERED
        value = np.where((share >= MIN_EDGE_COVERED) & alone & within, -out.astype(float), -np.inf)
        self._move(edge, chosen, steps, value, alone)

    @property
    def heights(self) -> Floats:
        """(n,) the cells' heights in pixels."""
        return self.places(_BOTTOM) - self.places(_TOP)

    def places(self, edge: int) -> Floats:
        """(n,) the middle of an edge, along the axis across it."""
        axis = 1 if _is_across(edge) else 0
        return np.asarray(self.corners[:, _EDGE_CORNERS[edge], axis].mean(axis=1))

    def totals(self, edge: int) -> Totals:
        """The page's lines in the direction of an edge."""
        return self.lines.across if _is_across(edge) else self.lines.down

    def _looks(
        self, edge: int, chosen: npt.NDArray[np.int64], reach: float
    ) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.bool_]]:
        """What an edge of the chosen cells would look like elsewhere.

        Returns:
            (k,) steps in pixels to either side; (n, k) the share that is dark so far away, and
            whether it stands alone.
        """
        most = int(np.ceil(reach * self.heights[chosen].max()))
        wider = np.arange(-most - _BESIDE, most + _BESIDE + 1)
        start, end = (self.places(one)[chosen, None] for one in _ends(edge))
        inset = _INSET[edge] * (end - start)
        place = self.places(edge)[chosen, None] + wider
        around = covered(self.totals(edge), place, start + inset, end - inset)
        share = around[:, _BESIDE:-_BESIDE]
        beside = np.maximum(around[:, : -2 * _BESIDE], around[:, 2 * _BESIDE :])
        return wider[_BESIDE:-_BESIDE], share, share - beside >= _MIN_OVER_BESIDE

    def _move(
        self,
        edge: int,
        chosen: npt.NDArray[np.int64],
        steps: npt.NDArray[np.int64],
        value: Floats,
        alone: npt.NDArray[np.bool_],
    ) -> None:
        """Move the edge of each chosen cell by the step of the highest value, (n, k)."""
        best = value.argmax(axis=1)
        rows = np.arange(len(chosen))
        found = np.isfinite(value[rows, best])
        moved = (self.places(edge)[chosen] + steps[best])[found]
        axis = 1 if _is_across(edge) else 0
        for corner in _EDGE_CORNERS[edge]:
            self.corners[chosen[found], corner, axis] = moved
        self.ruled[chosen[found & alone[rows, best]], edge] = 1.0


def _is_across(edge: int) -> bool:
    return edge in (_TOP, _BOTTOM)


def _ends(edge: int) -> list[int]:
    """The edges that an edge ends at, the left or upper one first."""
    return [_LEFT, _RIGHT] if _is_across(edge) else [_TOP, _BOTTOM]
