"""Seeded pictures of filled-in forms that look scanned, with the truth about every box.

They serve the samples, the tests, the benchmarks and training. The same seed and
`FormSpec` give the same page, pixel for pixel.

    page = render_form(7, FormSpec(layout="grid", kind="fax"))
    page.image                 # (h, w) uint8 grey, or (h, w, 3) uint8 RGB
    page.truth[0].symbol       # what stands in the first box
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TextIO

import numpy as np

from formreader.training.render.blocks import LAYOUTS, Layout, Plan
from formreader.training.render.form import DIGITS, MARKS, Filling, Form, TruthBox, corners_of
from formreader.training.render.ink import Pen, Writer
from formreader.training.render.layout import compose
from formreader.training.render.page import Picture, Rect, Sheet
from formreader.training.render.rows import LINE_KINDS, LineKind, LineStyle, RowStyle
from formreader.training.render.scan import FAX_DPI, KINDS, Kind, Scan
from formreader.training.render.sources import ArraySource, DigitSource, HandSource
from formreader.training.render.strokes import Hand

__all__ = [
    "DIGITS", "KINDS", "LAYOUTS", "LINE_KINDS", "MARKS", "ArraySource", "DigitSource", "Filling",
    "Form", "FormSpec", "Hand", "HandSource", "Kind", "Layout", "LineKind", "LineStyle", "Pen",
    "Plan", "Rect", "RenderedPage", "RowStyle", "Scan", "Sheet", "TruthBox", "Writer", "finish",
    "render_form", "truth_rows", "write_truth",
]  # fmt: skip

TRUTH_COLUMNS = ("file", "page", "field", "box", "x", "y", "width", "height", "digit")


@dataclass(frozen=True, slots=True)
class FormSpec:
    """What page to render; None leaves it to the seed.

    `plan` says how the form is printed and filled (its `layout` and `line` are those given
    here). `scan` overrides the random scan of this `kind`. `untidy` scales how far symbols stray
    from the middle of their boxes. `width` and `height` of the paper are in mm; `dpi` is 75..600.

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

    def __post_init__(self) -> None:
        if not 75 <= self.dpi <= 600:
            raise ValueError(f"dpi must be from 75 to 600. Received: {self.dpi}")
        if not (40 <= self.width <= 1000 and 40 <= self.height <= 1000):
            raise ValueError(
                f"paper must be 40 to 1000 mm a side. Received: {self.width} x {self.height}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPage:
    """A page and the truth about it.

    `image` is (h, w) uint8 grey or (h, w, 3) uint8 RGB. `truth` has all digit boxes, fields
    top to bottom, and left to right in the upright form.
    """

    image: Picture
    truth: tuple[TruthBox, ...]
    dpi: float


def render_form(
    seed: int, spec: FormSpec | None = None, digits: DigitSource | None = None
) -> RenderedPage:
    """Render one filled form.

    All digits come from one hand of the stroke model, or from `digits` where given.
    """
    spec = spec or FormSpec()
    rng = np.random.default_rng(seed)
    hand = Hand.sample(rng, "pencil" if spec.kind == "faint" else None)
    pen = Pen.sample(hand.pen, rng)
    if spec.kind == "faint":
        pen = pen.faint(float(rng.uniform(0.4, 0.65)))
    writer = Writer(digits or HandSource(hand, spec.dpi), pen, hand.wander * spec.untidy)
    form = Form(Sheet(spec.width, spec.height, spec.dpi), writer, rng)
    line = spec.line
    if line is None and spec.kind == "colour" and rng.random() < 0.7:
        line = "colour"
    compose(form, replace(spec.plan, layout=spec.layout, line=line))
    return finish(form, spec.scan or Scan.sample(spec.kind, rng))


def finish(form: Form, scan: Scan) -> RenderedPage:
    """Scan a form."""
    corners = np.array([box.corners for box in form.truth], np.float64).reshape(-1, 2)
    image, moved = scan.apply(form.sheet.image, corners, form.sheet.dpi, form.rng)
    truth = tuple(
        replace(box, corners=corners_of(quad))
        for box, quad in zip(form.truth, moved.reshape(-1, 4, 2), strict=True)
    )
    return RenderedPage(image, truth, FAX_DPI[0] if scan.fax else form.sheet.dpi)


def truth_rows(page: RenderedPage, file: str, number: int = 0) -> list[dict[str, str | int]]:
    """Rows for a truth.csv; page, field and box count from 1 there, `number` from 0 here."""
    rows: list[dict[str, str | int]] = []
    for truth in page.truth:
        box = truth.upright
        sides = [f"{v:.1f}" for v in (box.left, box.top, box.width, box.height)]
        place: list[str | int] = [file, number + 1, truth.field + 1, truth.box + 1]
        values = [*place, *sides, truth.symbol]
        rows.append(dict(zip(TRUTH_COLUMNS, values, strict=True)))
    return rows


def write_truth(rows: Iterable[dict[str, str | int]], out: TextIO) -> None:
    """Write rows of `truth_rows` as CSV (opened with newline="")."""
    table = csv.DictWriter(out, TRUTH_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
