"""A form while it is printed and filled in, and the truth about its boxes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from formreader.core.geometry import Box, Quad, quads_of
from formreader.synth.box_rows import draw_grid, draw_row
from formreader.synth.line_styles import RowStyle
from formreader.synth.paper_sheet import Rect, Sheet
from formreader.synth.pen_ink import Writer

DIGITS = "0123456789"
MARKS = "X-/#~vAEHKMRTYadfkn"
"""Marks and letters that nobody would take for a digit; see `strokes.toml`."""


@dataclass(frozen=True, slots=True)
class TruthBox:
    """One printed box or number cell: where it is and what was written into it.

    `field` and `box` count from 0. `symbol`: a digit, a mark or letter (see `strokes.toml`), or
    "" for a blank box. Where `is_number_cell`, it is a cell for a whole number, without
    separators, and `symbol` the number. `corners`: page pixels, clockwise from the top left of
    the upright form, on the middle of the printed lines; pixel centres lie at whole numbers.
    """

    field: int
    box: int
    symbol: str
    corners: Quad
    is_number_cell: bool = False

    @property
    def upright(self) -> Box:
        """The upright bounding box."""
        return Box.around_points(self.corners)


@dataclass(frozen=True, slots=True)
class Filling:
    """Shares of the boxes that stay blank and that hold a mark, 0..1; the others hold a digit."""

    blanks: float = 0.1
    marks: float = 0.0

    def symbols(self, n: int, rng: np.random.Generator) -> list[str]:
        """Symbols for `n` boxes."""
        kinds = rng.random(n)
        digits, marks = rng.integers(10, size=n), rng.integers(len(MARKS), size=n)
        return [
            "" if k < self.blanks else MARKS[m] if k < self.blanks + self.marks else DIGITS[d]
            for k, d, m in zip(kinds, digits, marks, strict=True)
        ]


class Form:
    """A sheet with the boxes printed on it so far, in the order in which they were printed.

    `unclear` are the corners of areas that some take for places to write in, and some do not:
    cells for names, lines to sign on.
    """

    def __init__(self, sheet: Sheet, writer: Writer, rng: np.random.Generator) -> None:
        self.sheet, self.writer, self.rng = sheet, writer, rng
        self.truth: list[TruthBox] = []
        self.unclear: list[Quad] = []
        self._fields = 0

    def row(self, place: Rect, symbols: Sequence[str], style: RowStyle) -> float:
        """Print a row of boxes, the first one at `place`, and fill it; returns its right end."""
        cells = draw_row(self.sheet, place, len(symbols), style, self.rng)
        self.fill(cells, symbols)
        return cells[-1].right

    def grid(self, place: Rect, rows: Sequence[Sequence[str]], style: RowStyle) -> list[list[Rect]]:
        """Print a grid of boxes, the first one at `place`, and fill it; each row is a field."""
        grid = draw_grid(self.sheet, place, len(rows), len(rows[0]), style, self.rng)
        for cells, symbols in zip(grid, rows, strict=True):
            self.fill(cells, symbols)
        return grid

    def fill(
        self, cells: Sequence[Rect], symbols: Sequence[str], printed: Container[int] = ()
    ) -> None:
        """Write a symbol into each of the printed cells, as one field.

        Cells whose index is in `printed` already hold their symbol in print.
        """
        if self.writer.own is not None:
            symbols = _other_symbols(symbols, printed, self.writer.own)
        for i, (cell, symbol) in enumerate(zip(cells, symbols, strict=True)):
            if symbol and i not in printed:
                self.writer.write(self.sheet, cell, symbol, self.rng)
            self.record(i, cell, symbol)
        self._fields += 1

    def fill_number_cell(self, cell: Rect, number: str, place: Rect | None = None) -> None:
        """Write a whole number into a printed cell, a field by itself; "" leaves it blank.

        `place` is where in the cell, or leaning out of it, the number stands.
        """
        if self.writer.own is not None:
            number = "".join(_other_digit(symbol, self.writer.own) for symbol in number)
        self.writer.write_line(self.sheet, place or cell, number, self.rng)
        self.record(0, cell, number, is_number_cell=True)
        self._fields += 1

    def strike_number_cell(self, cell: Rect, mark: str) -> None:
        """Write a mark in place of a number into a printed cell, a field by itself."""
        self.writer.write(self.sheet, cell, mark, self.rng)
        self.record(0, cell, mark, is_number_cell=True)
        self._fields += 1

    def note_unclear(self, area: Rect) -> None:
        """Note an area that may be a place to write in or not."""
        self.unclear.append(quads_of(self.sheet.corners(area))[0])

    def record(self, i: int, cell: Rect, symbol: str, *, is_number_cell: bool = False) -> None:
        """Note a place of the current field, and what is in it."""
        corners = quads_of(self.sheet.corners(cell))[0]
        self.truth.append(TruthBox(self._fields, i, symbol, corners, is_number_cell))


def _other_symbols(
    symbols: Sequence[str], printed: Container[int], rng: np.random.Generator
) -> list[str]:
    """As many blanks, marks and digits, but other digits in another order; print stays."""
    written = [i for i in range(len(symbols)) if i not in printed]
    others = list(symbols)
    for i, k in zip(written, rng.permutation(written).tolist(), strict=True):
        others[i] = _other_digit(symbols[k], rng)
    return others


def _other_digit(symbol: str, rng: np.random.Generator) -> str:
    """A random digit in place of a digit; a number keeps its length, so 0 stays 0."""
    if symbol not in DIGITS or not symbol or symbol == "0":
        return symbol
    return str(rng.integers(1, 10))
