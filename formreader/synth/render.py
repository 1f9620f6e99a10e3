"""Whole filled-in forms: composed, written and scanned, with the truth about every box."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TextIO, TypeVar

import cv2
import numpy as np

from formreader.core.geometry import Quad, quads_of
from formreader.core.options import usable_cores
from formreader.synth.blocks import BLOCKS, compose_plain
from formreader.synth.conditions import PALE_KINDS, sample_scan
from formreader.synth.form import Form, TruthBox
from formreader.synth.form_spec import FormSpec
from formreader.synth.paper_sheet import Layers, Picture, Sheet
from formreader.synth.pen_ink import DigitSource, HandSource, Pen, RepeatingSource, Writer
from formreader.synth.scanner import FAX_DPI, Scan
from formreader.synth.strokes import Hand
from formreader.synth.varied import compose_varied

TRUTH_COLUMNS = ("file", "page", "field", "box", "x", "y", "width", "height", "digit")
"""Columns of a truth.csv."""


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPage:
    """A page and the truth about it.

    `image` is (h, w) uint8 grey or (h, w, 3) uint8 RGB. `truth` has all boxes for single digits
    or letters and all cells for numbers, in the order in which the upright form is laid out:
    column by column, fields from top to bottom, boxes from left to right. `layers` tell of each
    pixel what put the ink there, if that was asked for. `unclear` are areas of which it is not
    said whether they are places to write in, as `corners` of a `TruthBox`.
    """

    image: Picture
    truth: tuple[TruthBox, ...]
    dpi: float
    layers: Layers | None = None
    unclear: tuple[Quad, ...] = ()


def render_form(
    seed: int,
    spec: FormSpec | None = None,
    digits: DigitSource | None = None,
    *,
    filling: int | None = None,
    with_layers: bool = False,
) -> RenderedPage:
    """Render one filled form.

    All symbols are written by one hand of the stroke model, or come from `digits` where given.
    With a number as `filling`, pages of the same seed, and of the same spec but for its kind of
    scan, are one form: another filling has other digits, another hand and another scan.
    `with_layers`: the page's layers are wanted as well.
    """
    spec = spec or FormSpec()
    rng = np.random.default_rng(seed)
    own = None if filling is None else np.random.default_rng([seed, filling])
    hands = own or rng
    pale = spec.kind in PALE_KINDS
    hand = Hand.sample(hands, "pencil" if pale else None)
    pen = Pen.sample(hand.pen, hands)
    if pale:
        pen = pen.faint(float(hands.uniform(0.4, 0.65)))
    source = digits or HandSource(hand, spec.dpi)
    if spec.variants:
        source = RepeatingSource(source, spec.variants)
    writer = Writer(source, pen, hand.wander * spec.untidy, own)
    form = Form(Sheet(spec.width, spec.height, spec.dpi), writer, rng)
    line = spec.line
    if own is None and line is None and spec.kind == "colour" and rng.random() < 0.7:
        line = "colour"
    compose = compose_plain if spec.layout in (*BLOCKS, "mixed") else compose_varied
    compose(form, replace(spec.plan, layout=spec.layout, line=line))
    return finish(form, spec.scan or sample_scan(spec.kind, hands), with_layers=with_layers)


def finish(form: Form, scan: Scan, *, with_layers: bool = False) -> RenderedPage:
    """Scan a form, and take the truth about its boxes along, and its layers if they are wanted."""
    quads = [*(box.corners for box in form.truth), *form.unclear]
    corners = np.array(quads, np.float64).reshape(-1, 2)
    sheet, rng = form.sheet, form.writer.own or form.rng
    layers = np.dstack(sheet.planes) if with_layers else None
    image, moved, layers = scan.apply(
        sheet.image, corners, sheet.dpi, rng, layers, 4 * len(form.truth)
    )
    scanned, n = quads_of(moved), len(form.truth)
    truth = tuple(
        replace(box, corners=quad) for box, quad in zip(form.truth, scanned[:n], strict=True)
    )
    dpi = FAX_DPI[0] if scan.fax else sheet.dpi
    return RenderedPage(image, truth, dpi, layers, tuple(scanned[n:]))


def truth_rows(page: RenderedPage, file: str, number: int = 0) -> list[dict[str, str | int]]:
    """Rows for a truth.csv. Page, field and box count from 1 there; the page's `number` from 0."""
    rows: list[dict[str, str | int]] = []
    for truth in page.truth:
        box = truth.upright
        sides = [f"{v:.1f}" for v in (box.left, box.top, box.width, box.height)]
        place: list[str | int] = [file, number + 1, truth.field + 1, truth.box + 1]
        values = [*place, *sides, truth.symbol]
        rows.append(dict(zip(TRUTH_COLUMNS, values, strict=True)))
    return rows


def write_truth(rows: Iterable[dict[str, str | int]], out: TextIO) -> None:
    """Write rows of `truth_rows` as CSV into a file that was opened with newline=""."""
    table = csv.DictWriter(out, TRUTH_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


_PAGES_PER_REPORT = 250
"""Pages between two reports of the progress."""

_PAGES_PER_TASK = 8
"""Pages that a process is handed at a time; no record of a measurement."""

_T = TypeVar("_T")


def map_in_processes(
    function: Callable[[int], _T],
    numbers: Sequence[int],
    report: Callable[[str], None] | None = None,
) -> list[_T]:
    """Call `function` with each of the `numbers` of pages; returns the results in their order.

    `function` must be picklable. `report` is called now and then with a line of text that
    says how many pages are done.
    """
    done: list[_T] = []
    if not numbers:
        return done
    # Spawned: a forked process would inherit TensorFlow's locks, but not its threads.
    with ProcessPoolExecutor(
        min(usable_cores(), len(numbers)), get_context("spawn"), cv2.setNumThreads, (1,)
    ) as pool:
        for result in pool.map(function, numbers, chunksize=_PAGES_PER_TASK):
            done.append(result)
            if report and len(done) % _PAGES_PER_REPORT == 0:
                report(f"rendered {len(done)} of {len(numbers)} pages")
    return done
