"""Printed rows and grids of boxes in the styles that forms come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from formreader.training.render.page import BLACK, Colour, Rect, Sheet

LineKind: TypeAlias = Literal[
    "solid", "thick", "hairline", "grey", "colour", "dotted", "dashed", "double"
]
Shape: TypeAlias = Literal["comb", "separate", "ticks"]

LINE_KINDS: tuple[LineKind, ...] = (
    "solid",
    "thick",
    "hairline",
    "grey",
    "colour",
    "dotted",
    "dashed",
    "double",
)
_PRINT_COLOURS: tuple[Colour, ...] = (
    (200, 60, 50),
    (40, 120, 70),
    (50, 90, 170),
    (225, 130, 40),
    (60, 150, 190),
    (150, 70, 140),
)


@dataclass(frozen=True, slots=True)
class LineStyle:
    """`width` in mm. `missing`: chance that a piece of a line has not been printed."""

    kind: LineKind = "solid"
    width: float = 0.3
    colour: Colour = BLACK
    missing: float = 0.0

    @classmethod
    def sample(cls, kind: LineKind, rng: np.random.Generator) -> LineStyle:
        """A random style of this kind."""
        width, colour = float(rng.uniform(0.22, 0.42)), BLACK
        if kind == "thick":
            width = float(rng.uniform(0.6, 0.95))
        elif kind == "hairline":
            width, colour = float(rng.uniform(0.1, 0.16)), (45, 45, 45)
        elif kind == "grey":
            shade = int(rng.integers(115, 175))
            colour = (shade, shade, shade)
        elif kind == "colour":
            colour = _PRINT_COLOURS[int(rng.integers(len(_PRINT_COLOURS)))]
        elif kind == "double":
            width = float(rng.uniform(0.15, 0.22))
        return cls(kind, width, colour)

    def draw(
        self,
        sheet: Sheet,
        start: tuple[float, float],
        end: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        """Print one line of this style."""
        a, b = np.array(start), np.array(end)
        length = float(np.hypot(*(b - a)))
        if length == 0:
            return
        along = (b - a) / length
        aside = np.array([-along[1], along[0]]) * (0.28 if self.kind == "double" else 0.0)
        for side in (-1, 1) if self.kind == "double" else (0,):
            for begin, stop in self._pieces(length, rng):
                p, q = a + along * begin + aside * side, a + along * stop + aside * side
                sheet.rule((p[0], p[1]), (q[0], q[1]), self.width, self.colour)

    def _pieces(self, length: float, rng: np.random.Generator) -> list[tuple[float, float]]:
        if self.kind in ("dotted", "dashed"):
            on, period = (self.width, 0.95) if self.kind == "dotted" else (1.3, 2.1)
            # A dash at both ends, so that corners are there.
            n = max(2, round((length - on) / period) + 1)
            starts = np.linspace(0, length - on, n)
            return [(float(s), float(s) + on) for s in starts]
        if rng.random() >= self.missing:
            return [(0.0, length)]
        gap = length * float(rng.uniform(0.06, 0.3))
        at = float(rng.uniform(0, length - gap))
        return [(0.0, at), (at + gap, length)]


@dataclass(frozen=True, slots=True)
class RowStyle:
    """How a row of boxes is printed.

    `gap`: between separate boxes, as a share of a box's width. `tick`: height of the
    separators of a `ticks` row, as a share of the box's. `radius`: of the corners of
    separate boxes, mm. `tint`: the cells' colour.
    """

    shape: Shape = "comb"
    outer: LineStyle = field(default_factory=LineStyle)
    inner: LineStyle = field(default_factory=LineStyle)
    gap: float = 0.25
    tick: float = 0.4
    radius: float = 0.0
    tint: Colour | None = None


def draw_row(
    sheet: Sheet, place: Rect, n: int, style: RowStyle, rng: np.random.Generator
) -> list[Rect]:
    """Print `n` boxes, the first one at `place`; returns where they are."""
    step = place.w * (1 + style.gap) if style.shape == "separate" else place.w
    cells = [Rect(place.x + i * step, place.y, place.w, place.h) for i in range(n)]
    if style.tint:
        for cell in cells:
            sheet.fill(cell, style.tint)
    if style.shape == "separate":
        for cell in cells:
            _draw_box(sheet, cell, style, rng)
    elif style.shape == "ticks":
        _draw_ticks(sheet, cells, style, rng)
    else:
        _draw_lattice(sheet, [cells], style, rng)
    return cells


def draw_grid(
    sheet: Sheet, place: Rect, rows: int, cols: int, style: RowStyle, rng: np.random.Generator
) -> list[list[Rect]]:
    """Print a grid of boxes that share their lines, the first one at `place`."""
    grid = [
        [Rect(place.x + c * place.w, place.y + r * place.h, place.w, place.h) for c in range(cols)]
        for r in range(rows)
    ]
    if style.tint:
        for row in grid[::2]:
            for cell in row:
                sheet.fill(cell, style.tint)
    _draw_lattice(sheet, grid, style, rng)
    return grid


def _draw_box(sheet: Sheet, cell: Rect, style: RowStyle, rng: np.random.Generator) -> None:
    if style.radius > 0:
        radius = min(style.radius, 0.25 * cell.w, 0.25 * cell.h)
        sheet.frame(cell, style.outer.width, style.outer.colour, radius)
    else:
        _draw_outline(sheet, cell, style.outer, rng)


def _draw_outline(sheet: Sheet, rect: Rect, line: LineStyle, rng: np.random.Generator) -> None:
    for y in (rect.y, rect.bottom):
        line.draw(sheet, (rect.x, y), (rect.right, y), rng)
    for x in (rect.x, rect.right):
        line.draw(sheet, (x, rect.y), (x, rect.bottom), rng)


def _draw_ticks(sheet: Sheet, cells: list[Rect], style: RowStyle, rng: np.random.Generator) -> None:
    first, last = cells[0], cells[-1]
    style.outer.draw(sheet, (first.x, first.bottom), (last.right, last.bottom), rng)
    for x in (first.x, last.right):
        style.outer.draw(sheet, (x, first.y), (x, first.bottom), rng)
    for cell in cells[1:]:
        top = cell.bottom - style.tick * cell.h
        style.inner.draw(sheet, (cell.x, top), (cell.x, cell.bottom), rng)


def _draw_lattice(
    sheet: Sheet, grid: list[list[Rect]], style: RowStyle, rng: np.random.Generator
) -> None:
    first, last = grid[0][0], grid[-1][-1]
    for row in grid[1:]:
        style.inner.draw(sheet, (first.x, row[0].y), (last.right, row[0].y), rng)
    for cell in grid[0][1:]:
        style.inner.draw(sheet, (cell.x, first.y), (cell.x, last.bottom), rng)
    whole = Rect(first.x, first.y, last.right - first.x, last.bottom - first.y)
    _draw_outline(sheet, whole, style.outer, rng)
