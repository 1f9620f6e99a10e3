"""Decoys: sections between fields that have no boxes for digits, but may be taken for fields.

Each one is a `house_style.Section`: tables, lines to write on, texts; `DISTRACTORS` are among them.
"""

from __future__ import annotations

import numpy as np

from formreader.core.classes import Layer
from formreader.synth.blocks import DISTRACTORS, Distractor
from formreader.synth.form import Form
from formreader.synth.house_style import TINTS, House, Section, bar, print_fitting
from formreader.synth.paper_sheet import BLACK, WHITE, Colour, Rect, fade
from formreader.synth.stacks import handwriting
from formreader.synth.typefaces import TITLES, caption, made_up, pick, prose

_MIN_DECOY_ROOM = (90.0, 40.0)
"""Width and height, mm, that must be left for one of `DISTRACTORS`."""


def _as_section(distractor: Distractor) -> Section:
    """A section that prints a distractor where there is room enough for any of them."""

    def section(form: Form, _house: House, place: Rect) -> float:
        if place.w < _MIN_DECOY_ROOM[0] or place.h < _MIN_DECOY_ROOM[1]:
            return 0.0
        return distractor(form.sheet, place, form.rng)

    return section


def check_column(form: Form, _house: House, place: Rect) -> float:
    """One or more check boxes or radio circles below one another, each with a text."""
    rng = form.rng
    side, rows = float(rng.uniform(2.4, 3.8)), int(rng.integers(1, 9))
    step, right = side * float(rng.uniform(1.1, 2.0)), bool(rng.random() < 0.3)
    rows = min(rows, int(place.h / step))
    if rows < 1 or place.w < 15:
        return 0.0
    shape, size = rng.random(), min(3.0, 0.8 * side)
    line = float(rng.uniform(0.15, 0.5))
    text = min(place.w - side - 3, 70.0)
    for r in range(rows):
        y = place.y + r * step
        x = place.x + text + 1 if right else place.x
        at = (place.x if right else x + side + 1.5, y + side / 2 - 0.6 * size)
        print_fitting(form, at, caption(rng), size, text)
        if shape < 0.7:
            form.sheet.frame(Rect(x, y, side, side), line, BLACK, 0.5 if shape < 0.15 else 0.0)
        else:
            form.sheet.ellipse(x + side / 2, y + side / 2, side / 2, side / 2, line, BLACK)
        if rng.random() < 0.35:
            form.writer.write(form.sheet, Rect(x, y, side, side), "Xv#"[rng.integers(3)], rng)
    return rows * step


def check_matrix(form: Form, _house: House, place: Rect) -> float:
    """A survey with a row of small check boxes for each question, at most one of them crossed."""
    rng = form.rng
    side, cols = float(rng.uniform(2.4, 3.8)), int(rng.integers(2, 8))
    pitch, text = side * float(rng.uniform(2.0, 4.5)), min(60.0, 0.5 * place.w)
    rows, step = int(rng.integers(2, 9)), side * float(rng.uniform(1.4, 2.2))
    cols, rows = min(cols, int((place.w - text) / pitch)), min(rows, int((place.h - 5) / step))
    if cols < 2 or rows < 1:
        return 0.0
    for c in range(cols):
        at = (place.x + text + c * pitch - 1, place.y)
        print_fitting(form, at, caption(rng), 1.9, 0.9 * pitch)
    for r in range(rows):
        y, chosen = place.y + 5 + r * step, int(rng.integers(cols + 1))
        print_fitting(form, (place.x, y + side / 2 - 1.5), caption(rng), 2.5, text - 3)
        for c in range(cols):
            cell = Rect(place.x + text + c * pitch, y, side, side)
            form.sheet.frame(cell, 0.25, BLACK)
            if c == chosen:
                form.writer.write(form.sheet, cell, "X", rng)
    return 5 + rows * step


def dense_text(form: Form, _house: House, place: Rect) -> float:
    """Terms and conditions: small print in one to three columns."""
    rng, size = form.rng, float(form.rng.uniform(1.5, 2.9))
    columns = int(rng.integers(1, 4)) if place.w > 80 else 1
    width, step = place.w / columns - 3, size * float(rng.uniform(1.25, 1.7))
    lines = min(int(place.h / step), int(rng.integers(2, 22)))
    words = int(width / (3.4 * size))
    if lines < 1 or words < 2:
        return 0.0
    for c in range(columns):
        for i in range(lines):
            at = (place.x + c * (width + 3), place.y + i * step)
            print_fitting(form, at, prose(words, rng), size, width)
    return lines * step


def large_heading(form: Form, _house: House, place: Rect) -> float:
    """A title or the name of a section: on a bar, or large and sometimes underlined."""
    rng, size = form.rng, float(form.rng.uniform(3.5, 9))
    if place.h < 1.6 * size:
        return 0.0
    if rng.random() < 0.4:
        bar(form, Rect(place.x, place.y, place.w, 1.4 * min(size, 6)), caption(rng))
        return 1.4 * min(size, 6)
    used = print_fitting(form, (place.x, place.y), pick(TITLES, rng), size, place.w, bold=True)
    if rng.random() < 0.4:
        y = place.y + 1.35 * size
        form.sheet.rule((place.x, y), (place.x + used, y), float(rng.uniform(0.2, 0.8)), BLACK)
    return 1.5 * size


def buttons(form: Form, _house: House, place: Rect) -> float:
    """A row of keys with rounded corners and a word each, as on printed screens."""
    rng, h = form.rng, float(form.rng.uniform(5, 9))
    x, tint = place.x, TINTS[int(rng.integers(len(TINTS)))]
    if h > place.h:
        return 0.0
    while x + 3.2 * h < place.right:
        key = Rect(x, place.y, float(rng.uniform(2.2, 3.2)) * h, h)
        form.sheet.fill(Rect(key.x + 1, key.y + 0.4, key.w - 2, h - 0.8), tint)
        form.sheet.frame(key, 0.3, BLACK, float(rng.uniform(0.8, 2)))
        print_fitting(form, (x + 2, place.y + 0.3 * h), made_up(rng), 0.4 * h, key.w - 4)
        x = key.right + float(rng.uniform(1, 4))
        if rng.random() < 0.25:
            break
    return h


def logo(form: Form, _house: House, place: Rect) -> float:
    """A letterhead: rings, bars or an initial beside a name and an address."""
    rng, size = form.rng, float(form.rng.uniform(8, 18))
    if size > place.h or place.w < 40:
        return 0.0
    r, g, b = (int(v) for v in rng.integers(0, 190, 3))
    colour: Colour = (r, g, b)
    x, y, kind = place.x + size / 2, place.y + size / 2, rng.random()
    if kind < 0.4:
        for share in (1.0, 0.75, 0.4):
            form.sheet.ellipse(x, y, share * size / 2, share * size / 2, 0.5, colour)
    elif kind < 0.7:
        form.sheet.fill(Rect(place.x, place.y, size, size), colour)
        form.sheet.text(
            place.x + 0.2 * size, place.y + 0.15 * size, made_up(rng)[:1].upper(), 0.6 * size,
            colour=WHITE, bold=True,
        )  # fmt: skip
    else:
        for i in range(4):
            left = place.x + 0.25 * i * size
            form.sheet.fill(Rect(left, place.y + 0.2 * i * size, 0.17 * size, size), colour)
    left, room = place.x + 1.2 * size, place.w - 1.2 * size
    print_fitting(form, (left, place.y), made_up(rng).upper(), 0.4 * size, room, colour=colour)
    for i in range(2):
        at = (left, place.y + (0.5 + 0.25 * i) * size)
        print_fitting(form, at, prose(5, rng), 2.2, room)
    return 1.6 * size if kind >= 0.7 else size


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
            at, dots, colour = (place.x, y - 2.4), "." * int(place.w), _DOTTED_LINE_COLOUR
            print_fitting(form, at, dots, 2.6, place.w, colour=colour)
        else:
            form.sheet.rule((place.x, y), (place.right, y), width, BLACK)
        if rng.random() < 0.4:
            text = handwriting(int(rng.integers(1, 5)), rng)
            written = Rect(place.x, y - 0.8 * step, 0.8 * place.w, 0.8 * step)
            form.writer.write_line(form.sheet, written, text, rng)
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


DECOYS: tuple[Section, ...] = (
    *(_as_section(distractor) for distractor in DISTRACTORS),
    check_column, check_matrix, dense_text, dense_text, large_heading, note_lines, hatched,
    number_table, buttons, signature_lines, empty_table, logo,
)  # fmt: skip
"""All decoys; small print stands twice, to be drawn as often."""
