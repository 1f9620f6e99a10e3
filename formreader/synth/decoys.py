"""Decoys: sections between fields that have no boxes for digits, but may be taken for fields.

Each one is a `house_style.Section`; those of `distractors` are among them.
"""

from __future__ import annotations

from formreader.synth.distractors import DISTRACTORS, Distractor
from formreader.synth.form import Form
from formreader.synth.house_style import TINTS, House, Section, bar, print_fitting
from formreader.synth.paper_sheet import BLACK, WHITE, Colour, Rect
from formreader.synth.ruled import (
    empty_table,
    hatched,
    note_lines,
    number_table,
    signature_lines,
)
from formreader.synth.words import TITLES, caption, made_up, pick, prose

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


DECOYS: tuple[Section, ...] = (
    *(_as_section(distractor) for distractor in DISTRACTORS),
    check_column, check_matrix, dense_text, dense_text, large_heading, note_lines, hatched,
    number_table, buttons, signature_lines, empty_table, logo,
)  # fmt: skip
"""All decoys; small print stands twice, to be drawn as often."""
