"""Seeded pictures of filled-in forms that look scanned, with the truth about every box.

They serve the samples, the tests, the benchmarks and training. The same seed and
`FormSpec` give the same page, pixel for pixel.

    page = render_form(7, FormSpec(layout="grid", kind="fax"))
    page.image                 # (h, w) uint8 grey, or (h, w, 3) uint8 RGB
    page.truth[0].symbol       # what stands in the first box

`sample_spec` draws the specifications of thousands of different forms.

Lengths on a form are millimetres, angles degrees, unless a docstring says otherwise. The ranges
and probabilities in `rng.uniform(...)` and `rng.random() < ...` say what is drawn and how often.
They were set by eye; there is no record of a measurement behind any of them.
"""

from __future__ import annotations

from formreader.synth.conditions import KINDS, Kind, sample_scan
from formreader.synth.form import DIGITS, MARKS, Filling, Form, TruthBox
from formreader.synth.form_spec import LAYOUTS, FormSpec, Layout, Plan, sample_spec
from formreader.synth.line_styles import LINE_KINDS, LineKind, LineStyle, RowStyle
from formreader.synth.paper_sheet import Rect, Sheet
from formreader.synth.pen_ink import (
    ArraySource,
    DigitSource,
    HandSource,
    Pen,
    RepeatingSource,
    Writer,
)
from formreader.synth.render import RenderedPage, finish, render_form, truth_rows, write_truth
from formreader.synth.scanner import Scan
from formreader.synth.strokes import Hand

__all__ = [
    "DIGITS", "KINDS", "LAYOUTS", "LINE_KINDS", "MARKS", "ArraySource", "DigitSource", "Filling",
    "Form", "FormSpec", "Hand", "HandSource", "Kind", "Layout", "LineKind", "LineStyle", "Pen",
    "Plan", "Rect", "RenderedPage", "RepeatingSource", "RowStyle", "Scan", "Sheet", "TruthBox",
    "Writer", "finish", "render_form", "sample_scan", "sample_spec", "truth_rows", "write_truth",
]  # fmt: skip
