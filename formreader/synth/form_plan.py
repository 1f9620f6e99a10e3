"""The plan of a form: its layout, sizes, lines and filling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from formreader.synth.form import Filling, Form
from formreader.synth.line_styles import BENDABLE_KINDS, LINE_KINDS, LineKind, LineStyle, RowStyle
from formreader.synth.paper_sheet import Colour, Rect

Layout: TypeAlias = Literal[
    "comb", "separate", "ticks", "grid", "table", "tally", "date", "sudoku", "mixed",
    "stacked", "opencomb", "tight", "groups", "guided", "letters", "numbered", "puzzle", "column",
    "matrix", "panel", "bubbled", "open", "varied", "sheet", "frames",
]  # fmt: skip
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_PLAIN_TINTS: tuple[Colour, ...] = (
    (232, 232, 232),
    (255, 238, 214),
    (218, 236, 248),
    (226, 244, 222),
)
"""Colours of tinted cells: grey, orange, blue, green."""

_PLAIN_LINE_SHARES = (0.45, 0.1, 0.12, 0.09, 0.12, 0.04, 0.04, 0.04)
"""How often each of `LINE_KINDS` is drawn; chosen by eye."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a form is to be printed and filled in; None is drawn at random.

    `box_height` (mm) and `aspect` (width over height) are ranges of the boxes' size. Chances:
    `missing`, that a line lacks a piece; `tinted`, that the cells of a field are tinted;
    `distractors`, that one follows a block of fields.
    """

    layout: Layout = "comb"
    line: LineKind | None = None
    box_height: tuple[float, float] = (6.0, 10.5)
    aspect: tuple[float, float] = (0.6, 1.05)
    filling: Filling = field(default_factory=Filling)
    missing: float = 0.0
    tinted: float = 0.1
    distractors: float = 0.3

    def row_style(self, rng: np.random.Generator) -> RowStyle:
        """A random style for a row of boxes in this plan's layout."""
        kind = self.line or LINE_KINDS[int(rng.choice(len(LINE_KINDS), p=_PLAIN_LINE_SHARES))]
        line = replace(LineStyle.sample(kind, rng), missing=self.missing)
        thin = replace(line, width=line.width * 0.6)
        tint = (
            _PLAIN_TINTS[int(rng.integers(len(_PLAIN_TINTS)))]
            if rng.random() < self.tinted
            else None
        )
        rounded = kind in BENDABLE_KINDS and rng.random() < 0.25
        return RowStyle(
            outer=line,
            inner=thin if kind != "hairline" and rng.random() < 0.3 else line,
            gap=float(rng.uniform(0.12, 0.5)),
            tick=float(rng.uniform(0.25, 0.55)),
            radius=float(rng.uniform(0.8, 1.6)) if rounded else 0.0,
            tint=tint,
        )


Block: TypeAlias = Callable[[Form, Plan, Rect], float]
"""Prints fields at the top of a rectangle; returns the height used, 0 where nothing fits."""
