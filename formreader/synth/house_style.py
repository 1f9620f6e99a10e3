"""The house style of one form: what its fields have in common, and labels in that style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from formreader.synth.form import DIGITS, Form
from formreader.synth.form_spec import Plan
from formreader.synth.line_styles import BENDABLE_KINDS, LINE_KINDS, LineKind, LineStyle, RowStyle
from formreader.synth.paper_sheet import BLACK, WHITE, Colour, Rect
from formreader.synth.words import caption

CAPITALS = "ABCDEFGHJKLMNPQRTUVWY"
"""The capitals that `strokes.toml` has strokes for, without X, which is a mark."""

TINTS: tuple[Colour, ...] = (
    (232, 232, 232), (214, 214, 214), (255, 238, 214), (218, 236, 248), (226, 244, 222),
    (250, 226, 228), (244, 240, 205),
)  # fmt: skip
"""Colours of tinted cells, bands and panels."""

_VARIED_LINE_SHARES = (0.44, 0.13, 0.1, 0.09, 0.09, 0.06, 0.05, 0.04)
"""How often each of `LINE_KINDS` is drawn; chosen by eye."""

_MIN_LONE_BOX_SIDE = 4.4
"""Shortest side of a box that stands alone, mm: larger than check boxes (at most 4 mm)."""

_MIN_LABEL_ROOM, _MAX_LABEL_WIDTH = 16.0, 70.0
"""Labels may stand left of boxes where more room than the former is free, mm; they take no more
than the latter."""

_MIN_INNER_LINE_WIDTH = 0.12
"""Width of the lines between boxes, mm: thinner ones can hardly be seen at 100 dpi."""


@dataclass(frozen=True, slots=True)
class House:
    """The style of a form: its plan narrowed down to boxes of one size, `w` x `h` mm.

    `style`: of its rows of boxes. `label`: size of labels. `indent`: from the start of a label
    to the boxes right of it. Both are in mm.
    """

    plan: Plan
    style: RowStyle
    w: float
    h: float
    label: float
    indent: float

    @classmethod
    def sample(cls, plan: Plan, rng: np.random.Generator) -> House:
        """A random house style within a plan."""
        h = float(rng.uniform(*plan.box_height))
        w = h * float(rng.uniform(*plan.aspect))
        kind = plan.line or LINE_KINDS[int(rng.choice(len(LINE_KINDS), p=_VARIED_LINE_SHARES))]
        narrow = replace(plan, box_height=(h, h), aspect=(w / h, w / h))
        label = float(np.clip(h * rng.uniform(0.28, 0.6), 1.9, 4.5))
        return cls(narrow, _row_style(plan, kind, rng), w, h, label, float(rng.uniform(20, 62)))

    def contents(self, n: int, rng: np.random.Generator) -> list[str]:
        """Symbols for a field of `n` boxes: all blank, filled in from one side, or filled in."""
        symbols = self.plan.filling.symbols(n, rng)
        kind, used = rng.random(), int(rng.integers(1, n + 1))
        if kind < 0.08:
            return [""] * n
        if kind < 0.22:
            return [""] * (n - used) + symbols[n - used :]
        if kind < 0.34:
            return symbols[:used] + [""] * (n - used)
        return symbols

    def for_lone_boxes(self) -> House:
        """The same style with boxes that are larger than check boxes."""
        grown = max(1.0, _MIN_LONE_BOX_SIDE / min(self.w, self.h))
        return replace(self, w=self.w * grown, h=self.h * grown)

    def number(self, rng: np.random.Generator, longest: int) -> str:
        """A whole number of at most `longest` digits for a cell, "" where it stays blank."""
        if rng.random() < self.plan.filling.blanks:
            return ""
        n = int(rng.integers(1, longest + 1))
        return "".join(DIGITS[int(d)] for d in rng.integers(10, size=n))


Section: TypeAlias = Callable[[Form, House, Rect], float]
"""Prints something at the top of a rectangle; returns the height used, 0 where nothing fits."""


def _row_style(plan: Plan, kind: LineKind, rng: np.random.Generator) -> RowStyle:
    line = replace(LineStyle.varied(kind, rng), missing=plan.missing)
    inner = line
    if rng.random() < 0.4 and kind != "hairline":
        inner = replace(
            line, width=max(_MIN_INNER_LINE_WIDTH, line.width * float(rng.uniform(0.35, 0.8)))
        )
    elif plan.line is None and rng.random() < 0.12:
        inner = replace(LineStyle.varied("dotted", rng), colour=line.colour)
    rounded = kind in BENDABLE_KINDS and rng.random() < 0.25
    return RowStyle(
        outer=line,
        inner=inner,
        gap=float(rng.uniform(0.1, 0.6)),
        tick=float(rng.uniform(0.15, 0.65)),
        radius=float(rng.uniform(0.6, 2.0)) if rounded else 0.0,
        tint=TINTS[int(rng.integers(len(TINTS)))] if rng.random() < plan.tinted else None,
        lost=float(rng.uniform(0.06, 0.22)) if rng.random() < 0.12 else 0.0,
    )


def print_label(
    form: Form, house: House, place: Rect, width: float, height: float | None = None
) -> tuple[float, float] | None:
    """Print a label left of boxes or above them; returns the boxes' top left.

    The boxes take `width` x `height` mm together; `height` is the house's where not given.
    Returns None and prints nothing where they do not fit.
    """
    rng, size, box_height = form.rng, house.label, height or house.h
    spare = place.w - width
    beside = spare > _MIN_LABEL_ROOM and rng.random() < 0.7
    top = place.y if beside else place.y + 1.5 * size
    if spare < 0 or top + box_height > place.bottom:
        return None
    if not beside:
        print_fitting(form, (place.x, place.y), caption(rng), size, place.w)
        return place.x + float(rng.choice([0.0, rng.uniform(0, spare)])), top
    at = (place.x, top + box_height / 2 - 0.55 * size)
    used = print_fitting(form, at, caption(rng), size, min(spare, _MAX_LABEL_WIDTH) - 2)
    return place.x + min(max(house.indent, used + 2), spare), top


def print_fitting(
    form: Form, at: tuple[float, float], text: str, size: float, width: float, *,
    colour: Colour = BLACK, bold: bool = False,
) -> float:  # fmt: skip
    """Print as much of a text as fits into `width` mm; returns its width."""
    shown = text[: max(1, int(width / (0.5 * size)))]
    return form.sheet.text(*at, shown, size, colour=colour, bold=bold, limit=max(width, 0.5))


def bar(form: Form, place: Rect, text: str) -> None:
    """A dark or grey bar with a heading in it."""
    dark = form.rng.random() < 0.6
    shade = int(form.rng.integers(10, 90) if dark else form.rng.integers(170, 230))
    form.sheet.fill(place, (shade, shade, shade))
    size, colour = min(3.2, 0.55 * place.h), WHITE if dark else BLACK
    at = (place.x + 1.5, place.y + (place.h - 1.2 * size) / 2)
    print_fitting(form, at, text, size, place.w - 3, colour=colour, bold=True)
