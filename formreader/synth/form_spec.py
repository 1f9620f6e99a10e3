"""The specification of a page to render and the plan of its form, given or drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import MM_PER_INCH
from formreader.synth.conditions import KINDS, Kind
from formreader.synth.form import Filling, Form
from formreader.synth.line_styles import BENDABLE_KINDS, LINE_KINDS, LineKind, LineStyle, RowStyle
from formreader.synth.paper_sheet import Colour, Rect
from formreader.synth.scanner import Scan

Layout: TypeAlias = Literal[
    "comb", "separate", "ticks", "grid", "table", "tally", "date", "sudoku", "mixed",
    "stacked", "opencomb", "tight", "groups", "guided", "letters", "numbered", "puzzle", "column",
    "matrix", "panel", "bubbled", "open", "varied", "sheet", "frames",
]  # fmt: skip
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_PLAIN_TINTS: tuple[Colour, ...] = (
    (232, 232, 232), (255, 238, 214), (218, 236, 248), (226, 244, 222),
)  # fmt: skip
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


_MIN_RENDERED_DPI, _MAX_RENDERED_DPI = 75, 600
_MIN_PAPER_SIDE, _MAX_PAPER_SIDE = 12, 1000
"""Limits of the resolution, and of a side of the paper in mm."""


@dataclass(frozen=True, slots=True)
class FormSpec:
    """What page to render; None is drawn at random.

    `plan` says how the form is printed and filled in; its own `layout` and `line` are ignored for
    those given here. `scan` replaces the random scan of this `kind`. `untidy` scales how far
    symbols stray from the middle of their boxes. `variants`: each symbol is written at most this
    many times in a size and then repeated; 0 writes it anew every time. `width` and `height` of
    the paper are in mm; `dpi` is 75..600.

    Raises:
        ValueError: the paper or its resolution is out of range.
    """

    layout: Layout = "comb"
    kind: Kind = "clean"
    line: LineKind | None = None
    dpi: float = 200
    width: float = 210.0
    height: float = 297.0
    plan: Plan = field(default_factory=Plan)
    scan: Scan | None = None
    untidy: float = 1.0
    variants: int = 0

    def __post_init__(self) -> None:
        if not _MIN_RENDERED_DPI <= self.dpi <= _MAX_RENDERED_DPI:
            raise ValueError(
                f"dpi must be from {_MIN_RENDERED_DPI} to {_MAX_RENDERED_DPI}. Received: {self.dpi}"
            )
        if not all(_MIN_PAPER_SIDE <= mm <= _MAX_PAPER_SIDE for mm in (self.width, self.height)):
            raise ValueError(
                f"the sides of the paper must be from {_MIN_PAPER_SIDE} to {_MAX_PAPER_SIDE} mm. "
                f"Received: {self.width} x {self.height}"
            )


_LAYOUT_WEIGHTS: dict[Layout, float] = {
    "varied": 8, "stacked": 2, "mixed": 2, "open": 3, "sheet": 10, "frames": 5,
}  # fmt: skip
_KIND_WEIGHTS: dict[Kind, float] = {
    "combined": 8, "fax": 4, "clean": 2, "photo": 2, "desk": 2, "broken": 2,
}  # fmt: skip
"""How often a layout or a kind of scan is drawn, relative to one that is not named here. Scans of
offices are often black and white, as faxes are."""

_HELD_BACK_PERIOD = 5
"""Every fifth pair of a layout and a kind of scan is held back for tests."""

_PAPERS_MM: tuple[tuple[float, float], ...] = (
    (210, 297), (210, 297), (210, 297), (215.9, 279.4), (297, 210), (148, 210), (210, 148),
    (105, 148), (80, 160), (100, 70), (160, 45), (190, 28), (110, 22),
)  # fmt: skip
"""Width and height: A4 and letter, halves and quarters of A4, receipts, cards, and slips with
room for a row or two. A4 stands three times, to be drawn as often."""

_MIN_SLOW_DPI, _MAX_QUICK_AREA = 170, 32_000.0
"""From this resolution on, only paper of less than this area (mm2) is drawn: whole pages would
take too long to render by the thousand."""

_MAX_SLIP_HEIGHT = 65.0
"""Paper no higher than this (mm) is a slip, on which only some layouts find room."""

_ON_SLIPS: tuple[Layout, ...] = ("varied", "opencomb", "tight", "groups", "guided", "letters",
                                 "numbered", "panel", "open", "frames")  # fmt: skip
"""Layouts that find room on slips."""

_VARIANTS_PER_SYMBOL = 4
"""See `FormSpec.variants`. This is enough for finding boxes, and rendering takes half the time of
writing each symbol anew."""

_MIN_BOX_HEIGHT_PX = 10.0
"""Lowest height of boxes in pixels, at any resolution."""


def sample_spec(rng: np.random.Generator, *, held_back: bool | None = False) -> FormSpec:
    """Draw a random specification for training from all layouts, kinds of scans and papers.

    A fifth of the pairs of a layout and a kind of scan is held back for tests: `held_back` draws
    from these pairs only, otherwise from the others only, and None from all.
    """
    layout, kind = _pair(rng, held_back)
    dpi = float(rng.choice([rng.uniform(75, 100), rng.uniform(100, 150), rng.uniform(150, 200),
                            rng.uniform(200, 300)], p=(0.15, 0.45, 0.28, 0.12)))  # fmt: skip
    papers = [
        (w, h) for w, h in _PAPERS_MM
        if (dpi < _MIN_SLOW_DPI or w * h < _MAX_QUICK_AREA)
        and (h > _MAX_SLIP_HEIGHT or layout in _ON_SLIPS)
    ]  # fmt: skip
    width, height = papers[int(rng.integers(len(papers)))]
    scale = float(rng.uniform(0.9, 1.1))
    return FormSpec(
        layout, kind, dpi=dpi, width=width * scale, height=height * scale,
        plan=_plan(dpi, rng), untidy=float(rng.uniform(0.5, 2.0)),
        variants=_VARIANTS_PER_SYMBOL,
    )  # fmt: skip


def _pair(rng: np.random.Generator, held_back: bool | None) -> tuple[Layout, Kind]:
    pairs, shares = _pairs(held_back)
    return pairs[int(rng.choice(len(pairs), p=shares))]


@cache
def _pairs(held_back: bool | None) -> tuple[list[tuple[Layout, Kind]], npt.NDArray[np.float64]]:
    """The pairs of a layout and a kind that may be drawn, and the share of each."""
    pairs = [
        (layout, kind)
        for (i, layout), (j, kind) in product(enumerate(LAYOUTS), enumerate(KINDS))
        if held_back is None or ((i + j) % _HELD_BACK_PERIOD == 0) == held_back
    ]
    weights = np.array([_LAYOUT_WEIGHTS.get(i, 1.0) * _KIND_WEIGHTS.get(j, 1.0) for i, j in pairs])
    return pairs, weights / weights.sum()


def _plan(dpi: float, rng: np.random.Generator) -> Plan:
    lowest, highest = ((3.5, 6.0), (5.0, 9.0), (8.0, 14.0))[int(rng.choice(3, p=(0.3, 0.5, 0.2)))]
    height = max(float(rng.uniform(lowest, highest)), _MIN_BOX_HEIGHT_PX * MM_PER_INCH / dpi)
    aspect = float(rng.uniform(0.5, 1.25))
    blanks = float(rng.choice([0.0, 0.1, 0.3, 0.6, 0.95]))
    return Plan(
        box_height=(height, height),
        aspect=(aspect, aspect * 1.1),
        filling=Filling(blanks, float(rng.uniform(0, 0.08))),
        missing=float(rng.choice([0.0, 0.0, 0.0, 0.15])),
        distractors=float(rng.uniform(0.05, 0.65)),
    )
