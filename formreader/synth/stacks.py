"""Sections with many rows: tallies, columns of boxes, numbered grids, surveys, puzzles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.synth.form import DIGITS, Form
from formreader.synth.house_style import TINTS, House, bar, print_fitting
from formreader.synth.paper_sheet import BLACK, Colour, Rect
from formreader.synth.typefaces import NOTES, caption, pick

_BAR_COLOUR: Colour = (15, 15, 15)
"""Colour of the black bars beside boxes."""


def stacked(form: Form, house: House, place: Rect) -> float:
    """A long table: text on the left of each row, two to four boxes at its right end.

    Rows touch, or leave room to write the number in words. Black bars may run up to the boxes. A
    row may have two or three such sets of boxes.
    """
    rng, n = form.rng, int(form.rng.integers(2, 5))
    sets = 1 + int(rng.choice(3, p=(0.75, 0.18, 0.07)))
    set_pitch = n * house.w + float(rng.choice([0.0, rng.uniform(2, 10)]))
    h = house.h * float(rng.uniform(0.9, 1.4))
    words = float(rng.uniform(3.5, 7)) if rng.random() < 0.35 else 0.0
    head = float(rng.uniform(4.5, 8)) if rng.random() < 0.6 else 0.0
    rows = min(int((place.h - head) / (h + words)), int(rng.integers(2, 13)))
    left = place.right - n * house.w - (sets - 1) * set_pitch
    if rows < 1 or left - place.x < 15:
        return 0.0
    if head:
        bar(form, Rect(place.x, place.y, place.w, head), caption(rng))
    bars = float(rng.choice([0.0, 0.0, 0.5, 0.9]))
    style, outer = replace(house.style, shape="comb"), house.style.outer
    for r in range(rows):
        y = place.y + head + r * (h + words)
        _tally_text(form, house, Rect(place.x, y, left - place.x, h), r + 1, rng.random() < bars)
        for i in range(sets):
            form.row(Rect(left + i * set_pitch, y, house.w, h), house.contents(n, rng), style)
        if words:
            _words_below(form, Rect(place.x, y + h, place.w, words))
        outer.draw(form.sheet, (place.x, y), (left, y), rng)
    whole = Rect(place.x, place.y + head, place.w, rows * (h + words))
    form.sheet.frame(whole, max(0.25, outer.width), outer.colour)
    return head + whole.h


def _tally_text(form: Form, house: House, cell: Rect, number: int, dark: bool) -> None:
    """Print the text of a row into a cell, whose right half is black where `dark`."""
    rng, size = form.rng, min(house.label, 0.4 * cell.h)
    start = cell.x + 2
    if rng.random() < 0.8:
        text = f"{number:02d}." if rng.random() < 0.5 else "ABCDEFGHIJKLMN"[number % 14]
        start += form.sheet.text(start, cell.y + cell.h / 2 - 0.6 * size, text, size, bold=True) + 2
    edge = cell.right
    if dark:
        edge = cell.x + cell.w * 0.5
        form.sheet.fill(Rect(edge, cell.y, cell.right - edge, cell.h), _BAR_COLOUR)
    lines = 2 if cell.h > 3.2 * size and rng.random() < 0.4 else 1
    top = cell.y + cell.h / 2 - 0.65 * size * lines
    for i in range(lines):
        print_fitting(
            form, (start, top + 1.3 * size * i), caption(rng), size, edge - start - 1, bold=i == 0
        )


def _words_below(form: Form, line: Rect) -> None:
    """Print a hint to write the number in words, and often write words."""
    rng = form.rng
    hint = Rect(line.right - 22, line.y + line.h - 2.2, 21, 2)
    print_fitting(form, (hint.x, hint.y), pick(NOTES, rng), 1.7, hint.w)
    if rng.random() < 0.6:
        writing = Rect(line.x + 0.3 * line.w, line.y, 0.45 * line.w, line.h)
        form.writer.write_line(form.sheet, writing, handwriting(2, rng), rng)


def handwriting(n: int, rng: np.random.Generator) -> str:
    """`n` made-up words of letters that hands can write, all in capitals or all in small ones."""
    letters = "AEHKMNRTUDLPB" if rng.random() < 0.5 else "aedfhkmnrtuw"
    lengths = rng.integers(3, 9, n)
    return " ".join(
        "".join(letters[int(i)] for i in rng.integers(len(letters), size=k)) for k in lengths
    )


def column(form: Form, house: House, place: Rect) -> float:
    """A column of boxes with a text left of each; the boxes touch or stand apart."""
    rng, house = form.rng, house.for_lone_boxes()
    h = house.h
    step = h * (1.0 if rng.random() < 0.5 else float(rng.uniform(1.06, 1.8)))
    rows = min(int((place.h - h) / step) + 1, int(rng.integers(3, 12)))
    text = min(place.w - house.w - 2, float(rng.uniform(18, 90)))
    if rows < 2 or text < 8:
        return 0.0
    ruled = step == h and rng.random() < 0.5
    x = place.x + text
    for r in range(rows):
        y = place.y + r * step
        at = (place.x + 1, y + h / 2 - 0.55 * house.label)
        print_fitting(form, at, caption(rng), house.label, text - 3)
        form.row(Rect(x, y, house.w, h), house.contents(1, rng), house.style)
        if ruled:
            house.style.outer.draw(form.sheet, (place.x, y), (x, y), rng)
    if ruled:
        form.sheet.frame(Rect(place.x, place.y, text, rows * h), 0.3, house.style.outer.colour)
    return (rows - 1) * step + h


def numbered(form: Form, house: House, place: Rect) -> float:
    """A grid of boxes with numbers printed above its columns and beside its rows."""
    rng, w, h = form.rng, house.w, house.h
    rows = min(int((place.h - 5) / h), int(rng.integers(1, 11)))
    cols = min(int((place.w - 8) / w), int(rng.integers(2, 16)))
    if rows < 1 or cols < 2:
        return 0.0
    left = 8 + place.left_of_part(8 + cols * w, rng)
    size = min(2.6, 0.35 * h)
    for c in range(cols):
        print_fitting(form, (left + (c + 0.35) * w, place.y + 5 - 1.5 * size), f"{c + 1}", size, w)
    for r in range(rows):
        at = (left - 2.6 * size, place.y + 5 + (r + 0.5) * h - 0.6 * size)
        print_fitting(form, at, f"{r + 1}", size, 2.2 * size)
    style = replace(house.style, bold_every=int(rng.choice([0, 0, 3, 5])), lost=0.0)
    symbols = [house.contents(cols, rng) for _ in range(rows)]
    form.grid(Rect(left, place.y + 5, w, h), symbols, style)
    return 5 + rows * h


def matrix(form: Form, house: House, place: Rect) -> float:
    """A survey: a row for each statement, a column for each answer, and separate boxes."""
    rng, house = form.rng, house.for_lone_boxes()
    w, h = house.w, house.h
    text = min(0.5 * place.w, float(rng.uniform(30, 75)))
    pitch = w * float(rng.uniform(1.5, 3.2))
    cols = min(int((place.w - text) / pitch), int(rng.integers(2, 7)))
    step, head = h * float(rng.uniform(1.15, 1.7)), 6.0
    rows = min(int((place.h - head) / step), int(rng.integers(2, 8)))
    if cols < 1 or rows < 1:
        return 0.0
    for c in range(cols):
        at = (place.x + text + c * pitch - 1, place.y + 1)
        print_fitting(form, at, caption(rng), 2.2, 0.9 * pitch)
    style = replace(house.style, shape="separate", gap=pitch / w - 1, tint=None)
    banded, tint = rng.random() < 0.3, TINTS[int(rng.integers(len(TINTS)))]
    for r in range(rows):
        y = place.y + head + r * step
        if banded and r % 2:
            band = Rect(place.x, y - (step - h) / 2, text + cols * pitch, step)
            form.sheet.fill(band, tint)
        at = (place.x, y + h / 2 - 0.55 * house.label)
        print_fitting(form, at, caption(rng), house.label, text - 3)
        form.row(Rect(place.x + text, y, w, h), house.contents(cols, rng), style)
    return head + rows * step


def puzzle(form: Form, house: House, place: Rect) -> float:
    """A sudoku: thick lines around its blocks, some of its digits printed, some boxes tinted."""
    rng = form.rng
    side = min(house.h, place.w / 9, place.h / 9)
    if side < 4:
        return 0.0
    origin = Rect(place.left_of_part(9 * side, rng), place.y, side, side)
    cells = [
        [Rect(origin.x + c * side, origin.y + r * side, side, side) for c in range(9)]
        for r in range(9)
    ]
    tint = TINTS[int(rng.integers(len(TINTS)))]
    for r, c in rng.integers(9, size=(int(rng.choice([0, 0, 3, 8])), 2)):
        form.sheet.fill(cells[r][c], tint)
    thin = replace(house.style.inner, width=min(0.3, house.style.inner.width), missing=0.0)
    thick = max(0.5, 2.4 * thin.width)
    for i in range(10):
        line = replace(thin, kind="solid", width=thick) if i % 3 == 0 else thin
        at, end = i * side, 9 * side
        x, y = origin.x, origin.y
        line.draw(form.sheet, (x + at, y), (x + at, y + end), rng)
        line.draw(form.sheet, (x, y + at), (x + end, y + at), rng)
    size, given = 0.75 * side, float(rng.uniform(0.25, 0.6))
    for row in cells:
        printed = set(np.flatnonzero(rng.random(9) < given).tolist())
        symbols = house.plan.filling.symbols(9, rng)
        for c in printed:
            symbols[c] = DIGITS[1 + int(rng.integers(9))]
            left, top = row[c].x + 0.29 * side, row[c].y + 0.06 * side
            form.sheet.text(left, top, symbols[c], size, limit=0.6 * side)
        form.fill(row, symbols, printed)
    return 9 * side


def bubbled(form: Form, house: House, place: Rect) -> float:
    """Boxes for a number above columns of answer bubbles, as on covers of examinations."""
    rng, w, h = form.rng, house.w, house.h
    n, head = int(rng.integers(3, 11)), float(rng.uniform(4.5, 7))
    radius = min(0.4 * w, float(rng.uniform(1.3, 2.2)))
    drop = radius * float(rng.uniform(2.2, 2.7))
    n = min(n, int(place.w / w))
    height = head + h + 10.5 * drop + 1
    if n < 2 or height > place.h:
        return 0.0
    x = place.left_of_part(n * w, rng)
    bar(form, Rect(x, place.y, n * w, head), caption(rng))
    symbols = house.contents(n, rng)
    form.row(Rect(x, place.y + head, w, h), symbols, replace(house.style, shape="comb"))
    filled = rng.random() < 0.7
    for c, symbol in enumerate(symbols):
        for digit in range(10):
            cx = x + (c + 0.5) * w
            cy = place.y + head + h + 0.5 + (digit + 0.6) * drop
            if filled and symbol == DIGITS[digit]:
                form.sheet.ellipse(cx, cy, 0.9 * radius, 0.9 * radius, 0, (50, 50, 60))
            form.sheet.ellipse(cx, cy, radius, radius, 0.2, BLACK)
            form.sheet.text(
                cx - 0.32 * radius, cy - 0.7 * radius, DIGITS[digit], 1.15 * radius,
                colour=(120, 120, 120),
            )  # fmt: skip
    if rng.random() < 0.6:
        form.sheet.frame(Rect(x, place.y, n * w, height), 0.35, BLACK)
    return height
