"""Rows and grids of boxes, printed in a given style."""

from __future__ import annotations

import numpy as np

from formreader.synth.line_styles import LineStyle, RowStyle
from formreader.synth.paper_sheet import Rect, Sheet

_MIN_BOXES_WITH_LOST_SEPARATORS = 4
"""Combs of at least this many boxes may lack separators (`RowStyle.lost`)."""


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
