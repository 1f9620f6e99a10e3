"""Decoys made of lines: lines to write or sign on, tables of printed text, hatched areas."""

from __future__ import annotations

import numpy as np

from formreader.core.page_layers import Layer
from formreader.synth.form import Form
from formreader.synth.house_style import TINTS, House, print_fitting
from formreader.synth.paper_sheet import BLACK, Colour, Rect, fade
from formreader.synth.stacks import handwriting
from formreader.synth.words import caption

_DOTTED_LINE_COLOUR: Colour = (120, 120, 120)

_MIN_DECOY_CELL_ASPECT = 3.6
"""Width over height of a decoy's cells: more than cells for three-digit numbers have."""

_MIN_NUMBER_CELL_WIDTH = 14.0
"""Width of a cell with a printed number, mm."""


def note_lines(form: Form, house: House, place: Rect) -> float:
    """Ruled or dotted lines to write on, some of them written on."""
    rng, step = form.rng, float(form.rng.uniform(6, 10))
    lines = min(int(place.h / step), int(rng.integers(1, 7)))
    if lines < 1:
        return 0.0
    dotted, width = rng.random() < 0.3, float(rng.uniform(0.1, 0.4))
    for i in range(lines):
        y = place.y + (i + 1) * step
        if dotted:
            print_fitting(
                form,
                (place.x, y - 2.4),
                "." * int(place.w),
                2.6,
                place.w,
                colour=_DOTTED_LINE_COLOUR,
            )
        else:
            form.sheet.rule((place.x, y), (place.right, y), width, BLACK)
        if rng.random() < 0.4:
            text = handwriting(int(rng.integers(1, 5)), rng)
            form.writer.write_line(
                form.sheet, Rect(place.x, y - 0.8 * step, 0.8 * place.w, 0.8 * step), text, rng
            )
    return lines * step + 1


def hatched(form: Form, _house: House, place: Rect) -> float:
    """An area not to be used: framed, and hatched or grey."""
    rng = form.rng
    area = Rect(
        place.x + float(rng.uniform(0, 0.5)) * place.w, place.y, 0.5 * place.w,
        float(rng.uniform(6, 22)),
    )  # fmt: skip
    if area.h > place.h:
        return 0.0
    if rng.random() < 0.3:
        form.sheet.fill(area, TINTS[int(rng.integers(len(TINTS)))])
    else:
        period, lean = float(rng.uniform(1.2, 4)), float(rng.choice([-1, 1]))
        for s in np.arange(-area.h, area.w, period):
            low, high = max(0.0, -float(s)), min(area.h, area.w - float(s))
            x = area.x + float(s)
            top, foot = (low, high) if lean > 0 else (area.h - low, area.h - high)
            form.sheet.rule((x + low, area.y + top), (x + high, area.y + foot), 0.15, BLACK)
    form.sheet.frame(area, 0.3, BLACK)
    return area.h


def number_table(form: Form, _house: House, place: Rect) -> float:
    """A table with printed numbers in wide cells, some of them empty."""
    rng = form.rng
    rows, cols = int(rng.integers(2, 9)), int(rng.integers(2, 8))
    h, width = float(rng.uniform(4, 9)), place.w * float(rng.uniform(0.4, 1))
    rows, w = min(rows, int(place.h / h)), width / cols
    if rows < 2 or w < max(_MIN_NUMBER_CELL_WIDTH, _MIN_DECOY_CELL_ASPECT * h):
        return 0.0
    line, size = float(rng.uniform(0.12, 0.45)), min(2.8, 0.45 * h)
    verticals = rng.random() < 0.75
    for r in range(rows + 1):
        y = place.y + r * h
        form.sheet.rule((place.x, y), (place.x + width, y), line, BLACK)
    for c in range(cols + 1) if verticals else (0, cols):
        x = place.x + c * w
        form.sheet.rule((x, place.y), (x, place.y + rows * h), line, BLACK)
    for r, c in np.argwhere(rng.random((rows, cols)) < 0.85).tolist():
        number = f"{int(rng.integers(1, 10 ** rng.integers(2, 7))):,}"
        text = number if r and c else caption(rng)
        at = (place.x + c * w + 1, place.y + (r + 0.5) * h - 0.6 * size)
        print_fitting(form, at, text, size, w - 2, bold=r == 0)
    return rows * h


def signature_lines(form: Form, _house: House, place: Rect) -> float:
    """One to three lines side by side for signatures, some signed, each with a caption below."""
    rng, n = form.rng, int(form.rng.integers(1, 4))
    width, h = place.w / n - 8, float(rng.uniform(10, 18))
    if h + 4 > place.h or width < 20:
        return 0.0
    for i in range(n):
        x, y = place.x + i * (width + 8), place.y + h
        form.sheet.rule((x, y), (x + width, y), 0.25, BLACK)
        print_fitting(form, (x, y + 0.8), caption(rng), 2.2, width)
        form.note_unclear(Rect(x, place.y, width, h))
        if rng.random() < 0.6:
            _sign(form, Rect(x, place.y, width, h))
    return h + 4


def _sign(form: Form, place: Rect) -> None:
    """Sign; the signature may run out of its place."""
    rng, t = form.rng, np.linspace(0, 1, 60)
    waves = rng.uniform(3, 10, 2)
    xs = place.x + place.w * (0.1 + 0.8 * t) + 2.5 * np.sin(2 * np.pi * waves[0] * t)
    swing = (0.25 + 0.3 * rng.random()) * place.h * (1 - 0.5 * t)
    ys = place.y + 0.7 * place.h + swing * np.sin(2 * np.pi * waves[1] * t)
    colour = form.writer.pen.colour
    for i in range(len(t) - 1):
        start, end = (float(xs[i]), float(ys[i])), (float(xs[i + 1]), float(ys[i + 1]))
        form.sheet.rule(start, end, 0.45, fade(colour, 0.1), Layer.PEN)


def empty_table(form: Form, _house: House, place: Rect) -> float:
    """A table of large empty cells below printed captions: for names, remarks or signatures."""
    rng, h = form.rng, float(form.rng.uniform(7, 16))
    cols, rows = int(rng.integers(1, 5)), min(int((place.h - 5) / h), int(rng.integers(1, 5)))
    w = place.w / cols
    if rows < 1 or w < _MIN_DECOY_CELL_ASPECT * h:
        return 0.0
    for c in range(cols):
        print_fitting(form, (place.x + c * w + 1, place.y + 1), caption(rng), 2.4, w - 2)
        for r in range(rows):
            cell = Rect(place.x + c * w, place.y + 5 + r * h, w, h)
            form.sheet.frame(cell, 0.3, BLACK)
            form.note_unclear(cell)
    form.sheet.frame(Rect(place.x, place.y, place.w, 5), 0.3, BLACK)
    return 5 + rows * h
