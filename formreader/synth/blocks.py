"""Plain forms: blocks of fields, each printed at the top of the rectangle it is given."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from formreader.synth.distractors import DISTRACTORS
from formreader.synth.form import Form
from formreader.synth.form_spec import Block, Layout, Plan
from formreader.synth.line_styles import Shape
from formreader.synth.paper_sheet import BLACK, Rect
from formreader.synth.words import LABELS, NOTES, TITLES, pick

_LABEL_LINE = 4.6
"""Height of a label above boxes, with the gap below it, mm."""

_TABLE_HEAD = 6.0
"""Height of a table's head, mm."""

_MIN_SUDOKU_CELL = 5.0
"""Shortest side of a sudoku's cells, mm."""


def _box_size(plan: Plan, rng: np.random.Generator) -> tuple[float, float]:
    height = float(rng.uniform(*plan.box_height))
    return height * float(rng.uniform(*plan.aspect)), height


def _line_of_boxes(form: Form, plan: Plan, place: Rect, shape: Shape) -> float:
    """Print a label with a row of boxes right of it or below it; often more such rows beside."""
    style = replace(plan.row_style(form.rng), shape=shape)
    rng, (w, h) = form.rng, _box_size(plan, form.rng)
    above = place.w < 90 or rng.random() < 0.3
    top = place.y + (_LABEL_LINE if above else 0.0)
    if top + h > place.bottom:
        return 0.0
    x, step = place.x, w * (1 + style.gap) if style.shape == "separate" else w
    while True:
        label_width = 0.0 if above else min(48.0, place.w * 0.34)
        room = int((place.right - x - label_width) / step)
        if room < 2:
            break
        label_y = place.y if above else top + h / 2 - 1.6
        label = form.sheet.text(x, label_y, pick(LABELS, rng), 3.0 if above else 3.2)
        n = int(rng.integers(2, min(room, 12) + 1))
        symbols = plan.filling.symbols(n, rng)
        end = form.row(Rect(x + label_width, top, w, h), symbols, style)
        x = max(end + 2 * w, x + label + 3)
        if rng.random() < 0.6:
            break
    return top + h - place.y


def _grid(form: Form, plan: Plan, place: Rect) -> float:
    """A grid of single-digit boxes."""
    rng, (w, h) = form.rng, _box_size(plan, form.rng)
    rows = min(int((place.h - 5) / h), int(rng.integers(2, 9)))
    cols = min(int(place.w / w), int(rng.integers(3, 13)))
    if rows < 2 or cols < 2:
        return 0.0
    form.sheet.text(place.x, place.y, pick(LABELS, rng), 3.0)
    left = place.left_of_part(cols * w, rng)
    symbols = [plan.filling.symbols(cols, rng) for _ in range(rows)]
    form.grid(Rect(left, place.y + _LABEL_LINE, w, h), symbols, plan.row_style(rng))
    return _LABEL_LINE + rows * h


def _table(form: Form, plan: Plan, place: Rect) -> float:
    """A ruled table: in each row a printed label, and single-digit boxes as high as the row."""
    rng, sheet, (w, h) = form.rng, form.sheet, _box_size(plan, form.rng)
    rows = min(int((place.h - _TABLE_HEAD) / h), int(rng.integers(2, 7)))
    n = int(rng.integers(2, 6))
    label_width = min(place.w - n * w, float(rng.uniform(35, 80)))
    if rows < 1 or label_width < 12:
        return 0.0
    style, left = plan.row_style(rng), place.x + label_width
    header = Rect(place.x, place.y, label_width + n * w, _TABLE_HEAD)
    sheet.fill(header, (215, 215, 215))
    sheet.text(place.x + 1.5, place.y + 1.5, pick(LABELS, rng).upper(), 2.6, bold=True)
    symbols = [plan.filling.symbols(n, rng) for _ in range(rows)]
    form.grid(Rect(left, header.bottom, w, h), symbols, style)
    for r in range(rows):
        cell = Rect(place.x, header.bottom + r * h, label_width, h)
        style.outer.draw(sheet, (cell.x, cell.y), (cell.right, cell.y), rng)
        sheet.text(cell.x + 1.5, cell.y + h / 2 - 1.5, pick(LABELS, rng), 2.8)
    whole = Rect(header.x, header.y, header.w, _TABLE_HEAD + rows * h)
    sheet.frame(whole, style.outer.width, BLACK)
    return whole.h


def _tally(form: Form, plan: Plan, place: Rect) -> float:
    """Rows of a larger table: number, name, a black bar, boxes, and text below the boxes."""
    rng, sheet, (w, h) = form.rng, form.sheet, _box_size(plan, form.rng)
    n, below = int(rng.integers(2, 5)), float(rng.uniform(5, 7))
    rows = min(int(place.h / (h + below)), int(rng.integers(1, 5)))
    left, bar = place.right - n * w, place.x + place.w * 0.32
    if rows < 1 or left - bar < 5:
        return 0.0
    style = plan.row_style(rng)
    for r in range(rows):
        row = Rect(place.x, place.y + r * (h + below), place.w, h + below)
        if rng.random() < 0.7:
            sheet.fill(Rect(bar, row.y, left - bar, h), (20, 20, 20))
        form.row(Rect(left, row.y, w, h), plan.filling.symbols(n, rng), style)
        sheet.text(row.x + 2, row.y + 2, f"{r + 1:02d}.", 4.0, bold=True)
        sheet.text(row.x + 12, row.y + 2, pick(LABELS, rng), 2.8, bold=True)
        sheet.text(left + 0.6, row.y + h + 1.5, pick(NOTES, rng)[: int(n * w / 1.2)], 2.0)
        sheet.rule((bar, row.y + h), (left, row.y + h), 0.25, BLACK)
        sheet.rule((bar, row.y), (bar, row.bottom), 0.25, BLACK)
        sheet.frame(row, 0.35, BLACK)
    return rows * (h + below)


def _date(form: Form, plan: Plan, place: Rect) -> float:
    """Groups of boxes with printed separators between them: dates, times, amounts."""
    rng, (w, h) = form.rng, _box_size(plan, form.rng)
    patterns = ((":", (2, 2)), ("-", (2, 2, 4)), ("/", (2, 2, 4)), (".", (2, 2, 2)), (",", (5, 2)))
    separator, groups = patterns[int(rng.integers(len(patterns)))]
    above = place.w < 130
    x, y = (place.x, place.y + _LABEL_LINE) if above else (place.x + 45, place.y)
    gap = max(3.0, 0.5 * w)
    if y + h > place.bottom or x + sum(groups) * w + gap * len(groups) > place.right:
        return 0.0
    form.sheet.text(place.x, place.y if above else y + h / 2 - 1.6, pick(LABELS, rng), 3.2)
    style = plan.row_style(rng)
    for i, n in enumerate(groups):
        if i:
            form.sheet.text(x + gap / 2 - 0.6, y + h / 2 - 2.6, separator, 4.5, bold=True)
            x += gap
        x = form.row(Rect(x, y, w, h), plan.filling.symbols(n, rng), style)
    return y + h - place.y


def _sudoku(form: Form, plan: Plan, place: Rect) -> float:
    """A grid of 9 x 9 boxes with thicker lines around each 3 x 3 of them."""
    rng, sheet = form.rng, form.sheet
    side = min(float(rng.uniform(*plan.box_height)) * 1.1, place.w / 9, place.h / 9)
    if side < _MIN_SUDOKU_CELL:
        return 0.0
    left = place.left_of_part(9 * side, rng)
    symbols = [plan.filling.symbols(9, rng) for _ in range(9)]
    style = plan.row_style(rng)
    form.grid(Rect(left, place.y, side, side), symbols, style)
    for i in (0, 3, 6, 9):
        at, end = i * side, 9 * side
        width = max(0.7, style.outer.width * 2)
        colour = style.outer.colour
        sheet.rule((left + at, place.y), (left + at, place.y + end), width, colour)
        sheet.rule((left, place.y + at), (left + end, place.y + at), width, colour)
    return 9 * side


BLOCKS: dict[Layout, Block] = {
    "comb": partial(_line_of_boxes, shape="comb"),
    "separate": partial(_line_of_boxes, shape="separate"),
    "ticks": partial(_line_of_boxes, shape="ticks"),
    "grid": _grid, "table": _table, "tally": _tally, "date": _date, "sudoku": _sudoku,
}  # fmt: skip

_MAX_PLAIN_MARGIN = 12.0
"""Margin of a plain form, mm; narrower on narrow paper."""

_MIN_DISTRACTOR_ROOM = (110.0, 45.0)
"""Width and height, mm, that a plain form must have left for a distractor."""


def compose_plain(form: Form, plan: Plan) -> None:
    """Blocks of fields from top to bottom, with a distractor between some of them."""
    sheet, rng = form.sheet, form.rng
    margin = min(_MAX_PLAIN_MARGIN, sheet.width * 0.06)
    inside = Rect(margin, margin, sheet.width - 2 * margin, sheet.height - 2 * margin)
    size = float(rng.uniform(4.0, 6.5)) * min(1.0, sheet.width / 150)
    sheet.text(inside.x, inside.y, pick(TITLES, rng), size, bold=True)
    sheet.text(inside.x, inside.y + size * 1.6, pick(NOTES, rng), size * 0.5)
    y = inside.y + size * 2.8
    framed = sheet.width > 120 and rng.random() < 0.35
    if framed:
        sheet.frame(Rect(inside.x, y, inside.w, inside.bottom - y), 0.35, BLACK)
        y += 4
    indent = 3.0 if framed else 0.0
    while True:
        place = Rect(inside.x + indent, y, inside.w - 2 * indent, inside.bottom - y - indent)
        height = _block(form, plan)(form, plan, place)
        if height == 0:
            break
        y += height + float(rng.uniform(3, 7))
        y += _print_distractor(form, plan, Rect(place.x, y, place.w, inside.bottom - y - indent))


def _print_distractor(form: Form, plan: Plan, place: Rect) -> float:
    """Print a distractor if chance and room allow; returns the height used."""
    width, height = _MIN_DISTRACTOR_ROOM
    if form.rng.random() >= plan.distractors or place.h < height or place.w < width:
        return 0.0
    chosen = DISTRACTORS[int(form.rng.integers(len(DISTRACTORS)))]
    return chosen(form.sheet, place, form.rng) + float(form.rng.uniform(4, 7))


def _block(form: Form, plan: Plan) -> Block:
    """The block of the plan's layout; a random one where it is mixed."""
    if plan.layout != "mixed":
        return BLOCKS[plan.layout]
    names: tuple[Layout, ...] = ("comb", "separate", "ticks", "grid", "table", "tally", "date")
    return BLOCKS[names[int(form.rng.integers(len(names)))]]
