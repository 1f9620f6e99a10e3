"""Cells for whole numbers without separators between the digits, and boxes for words."""

from __future__ import annotations

from dataclasses import replace

from formreader.synth.box_rows import draw_row
from formreader.synth.form import Form
from formreader.synth.house_style import House, print_fitting, print_label
from formreader.synth.line_styles import RowStyle
from formreader.synth.paper_sheet import BLACK, Rect
from formreader.synth.stacks import handwriting
from formreader.synth.words import caption

_WRITTEN_DIGIT_WIDTH = 0.62
"""Width that a cell has for each digit, as a share of its height; chosen by eye."""

_MIN_TEXT_FIELD_ASPECT = 8.5
"""Width over the height of a box of digits, for a field of words: more than the widest cell for
ten digits has (10 x 0.62 + 1.2)."""


def number_field(form: Form, house: House, place: Rect) -> float:
    """One to four cells in a line, each with a label, for numbers of up to ten digits."""
    rng, style = form.rng, _frame_style(house)
    x, used = place.x, 0.0
    for _ in range(int(rng.integers(1, 5))):
        longest = int(rng.integers(2, 11))
        width = house.h * (_WRITTEN_DIGIT_WIDTH * longest + float(rng.uniform(0.3, 1.2)))
        room = width + float(rng.uniform(6, 45))
        rest = Rect(x, place.y, min(room, place.right - x), place.h)
        at = print_label(form, house, rest, width)
        if at is None:
            break
        cell = Rect(*at, width, house.h)
        draw_row(form.sheet, cell, 1, style, rng)
        form.fill_number_cell(cell, house.number(rng, longest))
        used = max(used, cell.bottom - place.y)
        x = rest.right + float(rng.uniform(4, 15))
    return used


def number_table(form: Form, house: House, place: Rect) -> float:
    """A ruled table: printed text on the left, then cells for numbers of up to three digits."""
    rng, h = form.rng, house.h
    longest, cols = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    w = h * (_WRITTEN_DIGIT_WIDTH * longest + float(rng.uniform(0.3, 1.4)))
    rows, text = min(int((place.h - 6) / h), int(rng.integers(2, 9))), place.w - cols * w
    if rows < 1 or text < 15:
        return 0.0
    text = min(text, float(rng.uniform(30, 100)))
    line = house.style.outer
    top, right = place.y + 6, place.x + text + cols * w
    for c in range(cols):
        at = (place.x + text + c * w + 0.5, place.y + 1.5)
        print_fitting(form, at, caption(rng), 2.2, w - 1, bold=True)
    for r in range(rows + 1):
        line.draw(form.sheet, (place.x, top + r * h), (right, top + r * h), rng)
    for x in (place.x, *(place.x + text + c * w for c in range(cols + 1))):
        line.draw(form.sheet, (x, top), (x, top + rows * h), rng)
    for r in range(rows):
        at = (place.x + 1.5, top + (r + 0.5) * h - 0.55 * house.label)
        print_fitting(form, at, caption(rng), house.label, text - 3)
        for c in range(cols):
            cell = Rect(place.x + text + c * w, top + r * h, w, h)
            form.fill_number_cell(cell, house.number(rng, longest))
    return 6 + rows * h


def text_fields(form: Form, house: House, place: Rect) -> float:
    """Boxes or lines for names and addresses, filled in or not; they are no fields of digits."""
    rng, used, style = form.rng, 0.0, _frame_style(house)
    for _ in range(int(rng.integers(1, 4))):
        rest = Rect(place.x, place.y + used, place.w, place.h - used)
        height = house.h * float(rng.uniform(1.0, 2.2))
        width = max(_MIN_TEXT_FIELD_ASPECT * house.h, float(rng.uniform(45, 150)))
        at = print_label(form, house, rest, width, height)
        if at is None:
            break
        cell = Rect(*at, width, height)
        form.note_unclear(cell)
        if rng.random() < 0.75:
            draw_row(form.sheet, cell, 1, style, rng)
        else:
            form.sheet.rule((cell.x, cell.bottom), (cell.right, cell.bottom), 0.25, BLACK)
        if rng.random() < 0.65:
            inner = Rect(cell.x + 1, cell.bottom - house.h, cell.w - 2, house.h)
            form.writer.write_line(
                form.sheet, inner, handwriting(int(rng.integers(1, 4)), rng), rng
            )
        used = cell.bottom - place.y + float(rng.uniform(2, 5))
    return used


def _frame_style(house: House) -> RowStyle:
    return replace(house.style, shape="separate", rounding=0.15)
