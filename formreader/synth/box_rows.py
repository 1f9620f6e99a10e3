"""Kinds of printed lines, and rows and grids of boxes in a given style."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from formreader.synth.paper_sheet import BLACK, Colour, Rect, Sheet

_MIN_BOXES_WITH_LOST_SEPARATORS = 4
"""Combs of at least this many boxes may lack separators (`RowStyle.lost`)."""

LineKind: TypeAlias = Literal[
    "solid", "thick", "hairline", "grey", "colour", "dotted", "dashed", "double"
]
Shape: TypeAlias = Literal["comb", "separate", "ticks"]

LINE_KINDS: tuple[LineKind, ...] = get_args(LineKind)
BENDABLE_KINDS: frozenset[LineKind] = frozenset({"solid", "thick", "grey", "colour"})
"""Kinds of lines that can be printed around a rounded corner."""

_DOUBLE_LINE_OFFSET = 0.28
"""Distance of each line of a double one from the middle between them, mm."""

_PRINT_COLOURS: tuple[Colour, ...] = (
    (200, 60, 50), (40, 120, 70), (50, 90, 170), (225, 130, 40), (60, 150, 190), (150, 70, 140),
)  # fmt: skip
"""Colours of printed lines."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one line is printed.

    `width` in mm. `missing`: chance that a piece of the line has not been printed. `dash`: length
    and period of the dots or dashes in mm; None for the usual ones.
    """

    kind: LineKind = "solid"
    width: float = 0.3
    colour: Colour = BLACK
    missing: float = 0.0
    dash: tuple[float, float] | None = None

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

    @classmethod
    def varied(cls, kind: LineKind, rng: np.random.Generator) -> LineStyle:
        """A random style of this kind, from a wider range than that of `sample`."""
        line = cls.sample(kind, rng)
        width = line.width * float(rng.uniform(0.85, 1.4))
        if kind == "grey":
            shade = int(rng.integers(95, 190))
            return cls(kind, width, (shade, shade, shade))
        if kind not in ("dotted", "dashed"):
            return cls(kind, width, line.colour)
        pale = int(rng.integers(25, 130))
        colour: Colour = (pale, pale, pale)
        if kind == "dotted":
            dot = float(rng.uniform(0.2, 0.5))
            # Lines have round ends: a very short dash is a dot.
            return cls(kind, dot, colour, dash=(0.05 * dot, dot * float(rng.uniform(1.7, 3.2))))
        on = float(rng.uniform(0.5, 3.0))
        return cls(kind, width, colour, dash=(on, on + float(rng.uniform(0.4, 1.4))))

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
        offset = np.array([-along[1], along[0]]) * (
            _DOUBLE_LINE_OFFSET if self.kind == "double" else 0.0
        )
        for side in (-1, 1) if self.kind == "double" else (0,):
            for begin, stop in self._pieces(length, rng):
                p, q = a + along * begin + offset * side, a + along * stop + offset * side
                sheet.rule((p[0], p[1]), (q[0], q[1]), self.width, self.colour)

    def _pieces(self, length: float, rng: np.random.Generator) -> list[tuple[float, float]]:
        if self.kind in ("dotted", "dashed"):
            usual = (self.width, 0.95) if self.kind == "dotted" else (1.3, 2.1)
            on, period = self.dash or usual
            # A dash at each end, so that corners are printed.
            n = max(2, round((length - on) / period) + 1)
            starts = np.linspace(0, max(0.0, length - on), n)
            return [(float(s), float(s) + on) for s in starts]
        if rng.random() >= self.missing:
            return [(0.0, length)]
        gap = length * float(rng.uniform(0.06, 0.3))
        at = float(rng.uniform(0, length - gap))
        return [(0.0, at), (at + gap, length)]


@dataclass(frozen=True, slots=True)
class RowStyle:
    """How a row of boxes is printed.

    `outer` are the lines around the row, `inner` the separators. `gap`: between separate boxes,
    as a share of a box's width. In a row of shape `ticks`, `tick` is the height of the separators
    and `walls` that of the lines at both ends, 0 for none, as shares of the box's height; `roof`
    tells that there is a line above. `radius`: of the corners of separate boxes in mm, at most
    the share `rounding` of a side. `tint`: the cells' colour. `bold_every`: number of boxes
    from one bold separator to the next, 0 for none. `lost`: chance that a separator of a comb
    has not been printed.
    """

    shape: Shape = "comb"
    outer: LineStyle = field(default_factory=LineStyle)
    inner: LineStyle = field(default_factory=LineStyle)
    gap: float = 0.25
    tick: float = 0.4
    radius: float = 0.0
    tint: Colour | None = None
    walls: float = 1.0
    roof: bool = False
    rounding: float = 0.25
    bold_every: int = 0
    lost: float = 0.0

    def separator(self, i: int) -> LineStyle:
        """The line between the boxes `i - 1` and `i`."""
        if self.bold_every and i % self.bold_every == 0:
            return replace(self.inner, kind="solid", width=max(0.7, 2.2 * self.inner.width))
        return self.inner


def draw_row(
    sheet: Sheet, place: Rect, n: int, style: RowStyle, rng: np.random.Generator
) -> list[Rect]:
    """Print a row of `n` boxes, the first one at `place`; returns the boxes."""
    cells = row_cells(place, n, style)
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


def row_cells(place: Rect, n: int, style: RowStyle) -> list[Rect]:
    """The boxes of a row, the first one at `place`."""
    step = place.w * (1 + style.gap) if style.shape == "separate" else place.w
    return [Rect(place.x + i * step, place.y, place.w, place.h) for i in range(n)]


def draw_grid(
    sheet: Sheet, place: Rect, rows: int, cols: int, style: RowStyle, rng: np.random.Generator
) -> list[list[Rect]]:
    """Print a grid of boxes that share their lines, the first one at `place`; returns its rows."""
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
        radius = min(style.radius, style.rounding * cell.w, style.rounding * cell.h)
        sheet.frame(cell, style.outer.width, style.outer.colour, radius)
    else:
        draw_outline(sheet, cell, style.outer, rng)


def draw_outline(sheet: Sheet, rect: Rect, line: LineStyle, rng: np.random.Generator) -> None:
    """Print the four lines around a rectangle."""
    for y in (rect.y, rect.bottom):
        line.draw(sheet, (rect.x, y), (rect.right, y), rng)
    for x in (rect.x, rect.right):
        line.draw(sheet, (x, rect.y), (x, rect.bottom), rng)


def _draw_ticks(sheet: Sheet, cells: list[Rect], style: RowStyle, rng: np.random.Generator) -> None:
    first, last = cells[0], cells[-1]
    style.outer.draw(sheet, (first.x, first.bottom), (last.right, last.bottom), rng)
    if style.roof:
        style.outer.draw(sheet, (first.x, first.y), (last.right, first.y), rng)
    wall_top = first.bottom - style.walls * first.h
    for x in (first.x, last.right) if style.walls else ():
        style.outer.draw(sheet, (x, wall_top), (x, first.bottom), rng)
    for i, cell in enumerate(cells[1:], 1):
        top = cell.bottom - style.tick * cell.h
        style.separator(i).draw(sheet, (cell.x, top), (cell.x, cell.bottom), rng)


def _draw_lattice(
    sheet: Sheet, grid: list[list[Rect]], style: RowStyle, rng: np.random.Generator
) -> None:
    first, last = grid[0][0], grid[-1][-1]
    for row in grid[1:]:
        style.inner.draw(sheet, (first.x, row[0].y), (last.right, row[0].y), rng)
    # If a short comb lost its separators, nothing would show that it has boxes.
    may_lose = len(grid[0]) >= _MIN_BOXES_WITH_LOST_SEPARATORS
    lost = style.lost if may_lose else 0.0
    for i, cell in enumerate(grid[0][1:], 1):
        if not lost or rng.random() >= lost:
            style.separator(i).draw(sheet, (cell.x, first.y), (cell.x, last.bottom), rng)
    whole = Rect(first.x, first.y, last.right - first.x, last.bottom - first.y)
    draw_outline(sheet, whole, style.outer, rng)
