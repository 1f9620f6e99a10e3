"""Forms with cells for whole numbers, and boxes for words: ledgers, stock lists, score sheets.

No command of users draws them: `formreader train` learns single digits, and these have no boxes for
any. What shares and sizes are drawn was chosen by eye.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from formreader.core.classes import Layer
from formreader.synth import render_form
from formreader.synth.box_rows import LineStyle, RowStyle, draw_outline, draw_row
from formreader.synth.form import DIGITS, Form, other_digit
from formreader.synth.house_style import TINTS, House, print_fitting, print_label
from formreader.synth.paper_sheet import BLACK, Colour, Rect
from formreader.synth.stacks import handwriting
from formreader.synth.typefaces import caption
from formreader.synth.varied import SECTIONS, Sections
from shared.patterns import draw_pattern

_Content: TypeAlias = Literal["numbers", "labels", "words", "printed"]
"""What stands in a column: numbers by hand, labels in print, words by hand, numbers in print."""

_DIGIT_WIDTH_IN_SHEET = 0.6
"""Width that a column has for each digit, as a share of the height of its rows."""

_MIN_NUMBER_COLUMN = 0.9
"""Width of the narrowest column of numbers, as a share of the height of its rows."""

_UNRULED_SHARE = 0.12
"""Share of the tables that have no lines between their columns."""

_MIN_ROW_MM = 4.2
"""Height of the lowest rows, mm."""

_LONGEST_NUMBER = 10
"""Digits of the longest numbers."""

_Ground: TypeAlias = Literal["plain", "cell", "patch"]
"""What numbers stand on: paper, security print that fills their cells, or a patch of it around
each number that ends within its cell, as where amounts are pasted in or printed over."""
_GROUNDS: tuple[_Ground, ...] = ("plain", "cell", "patch")
_GROUND_SHARES = (0.75, 0.1, 0.15)

_SMALL_SHARE = 0.35
"""Share of the lines of separate frames in which people write so small that long numbers fit into
frames little wider than high."""

_WRITTEN_DIGIT_WIDTH = 0.62
"""Width that a cell has for each digit, as a share of its height; chosen by eye."""

_MIN_TEXT_FIELD_ASPECT = 8.5
"""Width over the height of a box of digits, for a field of words: more than the widest cell for
ten digits has (10 x 0.62 + 1.2)."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column from `x` on, `w` mm wide; numbers in it have up to `longest` digits."""

    x: float
    w: float
    content: _Content
    longest: int = 1


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a table: around it, between its rows and columns, and those of its groups.

    Every `group` rows a line of the style `grouping` follows; 0 for no groups. `sides` tells
    whether there are lines left and right. `down` is None where there are none between columns.
    """

    outer: LineStyle
    across: LineStyle
    down: LineStyle | None
    grouping: LineStyle
    group: int
    sides: bool


@dataclass(frozen=True, slots=True)
class _Writing:
    """How numbers are written into cells.

    `blanks`: share of cells without one; `size`: height of the writing as a share of its cell's.
    """

    blanks: float
    size: float
    ground: _Ground


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
        fill_number_cell(form, cell, _number(house, rng, longest))
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
            fill_number_cell(form, cell, _number(house, rng, longest))
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


def fill_number_cell(form: Form, cell: Rect, number: str, place: Rect | None = None) -> None:
    """Write a whole number into a printed cell, a field by itself; "" leaves it blank.

    `place` is where in the cell, or leaning out of it, the number stands.
    """
    if form.writer.own is not None:
        number = "".join(other_digit(symbol, form.writer.own) for symbol in number)
    form.writer.write_line(form.sheet, place or cell, number, form.rng)
    form.record(0, cell, number, is_number_cell=True)
    form.fields += 1


def _strike_cell(form: Form, cell: Rect, mark: str) -> None:
    """Write a mark in place of a number into a printed cell, a field by itself."""
    form.writer.write(form.sheet, cell, mark, form.rng)
    form.record(0, cell, mark, is_number_cell=True)
    form.fields += 1


def _number(house: House, rng: np.random.Generator, longest: int) -> str:
    """A whole number of at most `longest` digits for a cell, "" where it stays blank."""
    if rng.random() < house.plan.filling.blanks:
        return ""
    n = int(rng.integers(1, longest + 1))
    return "".join(DIGITS[int(d)] for d in rng.integers(10, size=n))


def number_sheet(form: Form, house: House, place: Rect) -> float:
    """A ruled table of numbers, with a header and labels, some cells blank or struck."""
    rng = form.rng
    height = max(house.h * float(rng.uniform(0.7, 1.5)), _MIN_ROW_MM)
    columns = _columns(place, height, rng)
    header = float(rng.uniform(3.5, 9.0)) if rng.random() < 0.85 else 0.0
    ys = _row_edges(place.y + header, place.bottom, height, rng)
    if len(ys) < 2 or not any(column.content == "numbers" for column in columns):
        return 0.0
    table = Rect(columns[0].x, place.y, columns[-1].x + columns[-1].w - columns[0].x,
                 ys[-1] - place.y)  # fmt: skip
    titled = _title_rows(len(ys) - 1, rng)
    _tint(form, table, columns, ys, header)
    _draw_lines(form, house, table, columns, ys, header, titled)
    if header:
        for column in columns:
            _print_in(form, Rect(column.x, place.y, column.w, header), rng.random() < 0.5)
    blanks = float(rng.choice([0.0, 0.1, 0.3, 0.7, 0.95], p=(0.25, 0.3, 0.2, 0.2, 0.05)))
    writing = _Writing(blanks, float(rng.uniform(0.55, 1.0)), _sample_ground(rng))
    for r, (top, bottom) in enumerate(pairwise(ys)):
        if r in titled:
            _print_in(form, Rect(table.x, top, table.w, bottom - top), True)
            continue
        for column in columns:
            _fill(form, column, Rect(column.x, top, column.w, bottom - top), writing)
    return table.h


def frames(form: Form, house: House, place: Rect) -> float:
    """A line of separate frames of several widths, each with a label above it or left of it."""
    rng, x = form.rng, place.x
    height = max(house.h * float(rng.uniform(0.8, 1.6)), _MIN_ROW_MM)
    above = bool(rng.random() < 0.6)
    top = place.y + (1.6 * house.label if above else 0.0)
    if top + height > place.bottom:
        return 0.0
    used, ground = 0.0, _sample_ground(rng)
    # A generator of its own, so that frames that are filled as ever are drawn as ever.
    (other,) = rng.spawn(1)
    small = bool(other.random() < _SMALL_SHARE)
    radius = float(rng.uniform(0.4, 2.0)) if rng.random() < 0.2 else 0.0
    while True:
        longest = int(rng.integers(1, _LONGEST_NUMBER + 1))
        width = height * max(_DIGIT_WIDTH_IN_SHEET * longest + float(rng.uniform(0.2, 1.6)), 1.0)
        label = 0.0 if above else float(rng.uniform(8, 28))
        if x + label + width > place.right:
            return used
        cell = Rect(x + label, top, width, height)
        at = (x, place.y) if above else (x, top + 0.5 * height - 0.55 * house.label)
        print_fitting(form, at, caption(rng), house.label, width if above else label - 1)
        if house.style.tint:
            form.sheet.fill(cell, house.style.tint)
        writing = _Writing(0.25, float(rng.uniform(0.55, 1.0)), ground)
        if small:
            writing = replace(writing, size=float(other.uniform(0.3, 0.6)))
            fitting = int(width / (_DIGIT_WIDTH_IN_SHEET * writing.size * height))
            longest = min(max(longest, fitting), _LONGEST_NUMBER)
        if radius:
            form.sheet.frame(cell, house.style.outer.width, house.style.outer.colour, radius)
        else:
            draw_outline(form.sheet, cell, house.style.outer, rng)
        _write_number(form, cell, longest, writing)
        used = cell.bottom - place.y
        x = cell.right + float(rng.uniform(2, 16))


def _columns(place: Rect, height: float, rng: np.random.Generator) -> list[_Column]:
    """Columns of labels and numbers, sometimes of words or print, from left to right."""
    x = place.x + float(rng.uniform(0, 0.15)) * place.w
    columns = list[_Column]()
    if rng.random() < 0.85:
        columns.append(_Column(x, float(rng.uniform(12, 55)), "labels"))
    longest, slack = int(rng.integers(1, _LONGEST_NUMBER + 1)), float(rng.uniform(0.2, 1.6))
    even = rng.random() < 0.6
    for _ in range(int(rng.integers(1, 13))):
        if not even:
            longest, slack = int(rng.integers(1, 9)), float(rng.uniform(0.2, 1.6))
        content: _Content = "numbers"
        if rng.random() < 0.12:
            content = ("words", "printed", "labels")[int(rng.integers(3))]
        width = height * max(_DIGIT_WIDTH_IN_SHEET * longest + slack, _MIN_NUMBER_COLUMN)
        if content == "words":
            width = max(width, 4 * height)
        left = columns[-1].x + columns[-1].w if columns else x
        if left + width > place.right:
            break
        columns.append(_Column(left, width, content, longest))
    return columns or [_Column(x, place.right - x, "labels")]


def _row_edges(top: float, bottom: float, height: float, rng: np.random.Generator) -> list[float]:
    """Upper edges of the rows, and the lower edge of the last one."""
    rows, kind = int(rng.integers(2, 40)), rng.random()
    tall = height * float(rng.uniform(1.4, 2.6))
    ys = [top]
    for r in range(rows):
        here = height
        if kind < 0.15:
            here = tall if r % 2 else height
        elif kind < 0.25:
            here = height * float(rng.uniform(0.85, 1.6))
        elif kind < 0.4:
            here = tall
        if ys[-1] + here > bottom:
            break
        ys.append(ys[-1] + here)
    return ys


def _title_rows(rows: int, rng: np.random.Generator) -> frozenset[int]:
    """Rows that are one wide cell with the title of those below."""
    if rows < 4 or rng.random() < 0.75:
        return frozenset()
    every = int(rng.integers(3, 9))
    return frozenset(range(0, rows - 1, every))


def _tint(
    form: Form, table: Rect, columns: Sequence[_Column], ys: Sequence[float], header: float
) -> None:
    """Tint the header, every second row or a column, or nothing."""
    rng, kind = form.rng, form.rng.random()
    tint: Colour = TINTS[int(rng.integers(len(TINTS)))]
    if header and rng.random() < 0.3:
        form.sheet.fill(Rect(table.x, table.y, table.w, header), tint)
    if kind < 0.12:
        for top, bottom in zip(ys[:-1:2], ys[1::2], strict=False):
            form.sheet.fill(Rect(table.x, top, table.w, bottom - top), tint)
    elif kind < 0.2:
        column = columns[int(rng.integers(len(columns)))]
        form.sheet.fill(Rect(column.x, ys[0], column.w, ys[-1] - ys[0]), tint)


def _draw_lines(
    form: Form, house: House, table: Rect, columns: Sequence[_Column], ys: Sequence[float],
    header: float, titled: frozenset[int],
) -> None:  # fmt: skip
    rng, lines = form.rng, _line_styles(house, form.rng)
    right = table.x + table.w
    for r, y in enumerate(ys):
        grouped = lines.group and r % lines.group == 0
        style = (
            lines.outer if r in (0, len(ys) - 1) else lines.grouping if grouped else lines.across
        )
        style.draw(form.sheet, (table.x, y), (right, y), rng)
    if header:
        lines.outer.draw(form.sheet, (table.x, table.y), (right, table.y), rng)
    spans = _spans(ys, titled)
    if lines.down:
        for column in columns[1:]:
            for top, bottom in spans:
                lines.down.draw(form.sheet, (column.x, top), (column.x, bottom), rng)
            if header:
                lines.down.draw(form.sheet, (column.x, table.y), (column.x, ys[0]), rng)
    if lines.sides:
        for x in (table.x, right):
            lines.outer.draw(form.sheet, (x, table.y), (x, table.bottom), rng)
    if rng.random() < 0.15:  # the numbers' columns are set off from the labels
        lines.outer.draw(
            form.sheet, (columns[0].x + columns[0].w, table.y),
            (columns[0].x + columns[0].w, table.bottom), rng,
        )  # fmt: skip


def _spans(ys: Sequence[float], titled: frozenset[int]) -> list[tuple[float, float]]:
    """Where lines down run: not through the rows that are titles."""
    starts = [0, *(r + 1 for r in sorted(titled))]
    ends = [*sorted(titled), len(ys) - 1]
    return [(ys[a], ys[b]) for a, b in zip(starts, ends, strict=True) if b > a]


def _line_styles(house: House, rng: np.random.Generator) -> _Lines:
    outer = house.style.outer
    thin = replace(house.style.inner, kind="solid", dash=None, width=float(rng.uniform(0.1, 0.2)))
    shade = int(rng.integers(40, 190))
    pale = replace(thin, colour=(shade, shade, shade))
    inner = (house.style.inner, outer, thin, pale)[int(rng.choice(4, p=(0.25, 0.35, 0.2, 0.2)))]
    down = inner if rng.random() < 0.65 else (outer, thin, pale)[int(rng.integers(3))]
    # A generator of its own, so that tables that have lines are drawn as ever.
    (other,) = rng.spawn(1)
    return _Lines(
        outer,
        inner,
        None if other.random() < _UNRULED_SHARE else down,
        outer if rng.random() < 0.7 else replace(outer, width=1.8 * outer.width),
        int(rng.integers(2, 6)) if rng.random() < 0.3 else 0,
        bool(rng.random() < 0.88),
    )


def _fill(form: Form, column: _Column, cell: Rect, writing: _Writing) -> None:
    """Fill in or print one cell of a column."""
    rng = form.rng
    match column.content:
        case "numbers":
            _write_number(form, cell, column.longest, writing)
        case "labels":
            _print_in(form, cell, False)
        case "words":
            if rng.random() < 0.8:
                inner = Rect(cell.x + 0.5, cell.y, cell.w - 1, cell.h)
                form.writer.write_line(
                    form.sheet, inner, handwriting(int(rng.integers(1, 3)), rng), rng
                )
        case "printed":
            text = f"{int(rng.integers(1, 10 ** rng.integers(1, 7)))}"
            print_size = min(float(rng.uniform(1.8, 3.6)), 0.75 * cell.h)
            at = (cell.x + 0.6, cell.y + (cell.h - 1.2 * print_size) / 2)
            print_fitting(form, at, text, print_size, cell.w - 1)


def _print_in(form: Form, cell: Rect, bold: bool) -> None:
    """Print a caption into a cell, on one line or on two."""
    rng = form.rng
    size = float(np.clip(cell.h * rng.uniform(0.28, 0.6), 1.6, 3.6))
    lines = 2 if cell.h > 2.8 * size and rng.random() < 0.4 else 1
    y = cell.y + (cell.h - 1.25 * size * lines) / 2
    for i in range(lines):
        print_fitting(form, (cell.x + 0.8, y + 1.25 * size * i), caption(rng), size, cell.w - 1.2,
                      bold=bold)  # fmt: skip


def _sample_ground(rng: np.random.Generator) -> _Ground:
    return _GROUNDS[int(rng.choice(len(_GROUNDS), p=_GROUND_SHARES))]


def _write_number(form: Form, cell: Rect, longest: int, writing: _Writing) -> None:
    """Write a number into a cell, or a dash or a cross, or nothing.

    The number stands left, right or anywhere, high or low, and may lean over the lines.
    """
    rng, kind = form.rng, form.rng.random()
    if writing.ground == "cell":
        _print_pattern(form, cell)
    if kind < writing.blanks:
        fill_number_cell(form, cell, "")
        return
    if kind > 0.96:
        _strike_cell(form, cell, "-X"[int(rng.integers(2))])
        return
    digits = longest if rng.random() < 0.3 else int(rng.integers(1, longest + 1))
    number = "".join(str(d) for d in rng.integers(10, size=digits).tolist())
    height = cell.h * min(writing.size * float(rng.uniform(0.85, 1.1)), 1.05)
    width = min(cell.w, height * (0.75 * digits + 0.5))
    shift = float(rng.choice([0.0, rng.uniform(0, 1), 1.0])) * (cell.w - width)
    rise = float(np.clip(rng.normal(0.5, 0.25), -0.1, 1.1)) * (cell.h - height)
    lean = float(rng.normal(0, 0.06)) * cell.h
    place = Rect(cell.x + shift + lean, cell.y + rise, width, height)
    if writing.ground == "patch":
        _print_pattern(form, _patch_around(place, cell, rng))
    fill_number_cell(form, cell, number, place)


def _patch_around(place: Rect, cell: Rect, rng: np.random.Generator) -> Rect:
    """A rectangle around writing, within its cell."""
    left, top, right, bottom = (rng.uniform(0, (0.6, 0.3, 0.6, 0.3)) * place.h).tolist()
    x, y = max(place.x - left, cell.x), max(place.y - top, cell.y)
    return Rect(x, y, min(place.right + right, cell.right) - x,
                min(place.bottom + bottom, cell.bottom) - y)  # fmt: skip


def _print_pattern(form: Form, place: Rect) -> None:
    """Print a pattern of security paper, on a tint or on white."""
    rng, scale = form.rng, form.sheet.scale
    shape = (round(place.h * scale), round(place.w * scale))
    if min(shape) < 1:
        return
    ink: Colour = tuple(rng.integers(0, 200, size=3).tolist())
    tint, strength = float(rng.uniform(0, 0.25)), float(rng.uniform(0.08, 0.5))
    mask = tint * float(rng.random() < 0.5) + strength * draw_pattern(shape, shape[0], rng)
    cover = np.clip(mask, 0, 1).astype(np.float32)
    at = round(place.x * scale), round(place.y * scale)
    form.sheet.stain(Layer.PRINT, cover, *at, ink)


ALL_SECTIONS: Sections = {
    **SECTIONS,
    "open": (number_field, number_table, text_fields),
    "sheet": (number_sheet,),
    "frames": (frames,),
    "varied": (*SECTIONS["varied"], number_field, text_fields, number_sheet, frames),
}
"""The sections that make up a form of each layout, those with cells too."""

render_any_form = partial(render_form, sections=ALL_SECTIONS)
"""`formreader.synth.render_form` for all layouts, those with cells too."""
