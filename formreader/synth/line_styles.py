"""How the lines of boxes are printed: kinds of lines, and shapes of rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from formreader.synth.paper_sheet import BLACK, Colour, Sheet

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
