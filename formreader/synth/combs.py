"""Sections with a label and its boxes, in the shapes that such fields have on forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from formreader.synth.box_rows import RowStyle, row_cells
from formreader.synth.form import DIGITS, Form
from formreader.synth.house_style import CAPITALS, TINTS, House, bar, print_fitting, print_label
from formreader.synth.paper_sheet import BLACK, WHITE, Colour, Rect, fade
from formreader.synth.typefaces import caption, made_up, pick

_UNMARKED_BOX_ASPECT = 1.25
"""Height over width of the boxes of a comb where no printed line shows how high they are."""

_MIN_LETTER_BOXES, _MAX_LETTER_BOXES = 6, 28
"""Boxes of a comb for a name or an address."""

_GROUP_PATTERNS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("-", (2, 2, 4)), ("/", (2, 2, 4)), (".", (2, 2, 4)), (".", (2, 2, 2)), (" ", (4, 2, 2)),
    (":", (2, 2)), (":", (2, 2, 2)), ("-", (3, 3, 4)), ("/", (4, 7)), (" ", (4, 4, 4, 4)),
    (",", (5, 2)), (",", (3, 3, 2)), (".", (3, 3, 3)), (",", (1, 1)), ("-", (2, 3)), (" ", (3, 3)),
    ("word", (2, 2, 4)), ("word", (2, 2)), ("word", (2, 1)),
)  # fmt: skip
"""What is printed between groups of boxes ("word": a made-up word), and the boxes of each group."""

_UNITS = ("kg", "cm", "EUR", "m3", "%", "kWh", "km/h", "min", "h", "Uhr", "mm", "USD", "pts", "C")
"""Units printed behind the last group."""


def _pitch(house: House, style: RowStyle) -> float:
    """Distance from a box of a row to the next one, mm."""
    return house.w * (1 + style.gap) if style.shape == "separate" else house.w


def _row(
    form: Form, house: House, place: Rect, style: RowStyle, height: float | None = None
) -> float:
    """A label and a row of boxes in `style`."""
    rng, pitch, box_height = form.rng, _pitch(house, style), height or house.h
    room = int(place.w / pitch)
    if room < 1:
        return 0.0
    n = int(rng.integers(min(2, room), min(room, 14) + 1))
    at = print_label(form, house, place, n * pitch, box_height)
    if at is None:
        return 0.0
    form.row(Rect(*at, house.w, box_height), house.contents(n, rng), style)
    return at[1] + box_height - place.y


def comb(form: Form, house: House, place: Rect) -> float:
    """A comb, now and then with bold separators after every two, three or four boxes."""
    rng = form.rng
    every = int(rng.integers(2, 5)) if rng.random() < 0.25 else 0
    return _row(form, house, place, replace(house.style, shape="comb", bold_every=every))


def separate(form: Form, house: House, place: Rect) -> float:
    """Boxes that stand apart."""
    return _row(form, house, place, replace(house.style, shape="separate"))


def opencomb(form: Form, house: House, place: Rect) -> float:
    """A base line with ticks and a wall at each end, high or as low as the ticks.

    Some have a line above.
    """
    rng, style = form.rng, replace(house.style, shape="ticks", tint=None)
    kind = rng.random()
    if kind < 0.4:
        return _row(form, house, place, replace(style, roof=bool(rng.random() < 0.4)))
    if kind < 0.6:
        return _row(form, house, place, replace(style, tick=1.0))
    # No line shows how high these boxes are: they count as high as people write.
    tick = float(rng.uniform(0.3, 0.75))
    style = replace(style, tick=tick, walls=tick if rng.random() < 0.8 else 1.0)
    return _row(form, house, place, style, _UNMARKED_BOX_ASPECT * house.w)


def tight(form: Form, house: House, place: Rect) -> float:
    """Boxes that nearly touch, with strongly rounded corners or thick lines or both."""
    rng, outer = form.rng, house.style.outer
    if rng.random() < 0.4:
        outer = replace(outer, width=float(rng.uniform(0.4, 1.1)))
    solid = outer.kind not in ("dotted", "dashed", "double")
    rounding = float(rng.uniform(0.12, 0.4)) if solid and rng.random() < 0.6 else 0.0
    style = replace(
        house.style, shape="separate", outer=outer, gap=float(rng.uniform(0.02, 0.1)),
        radius=house.h, rounding=rounding,
    )  # fmt: skip
    return _row(form, house, place, style if rounding else replace(style, radius=0.0))


def groups(form: Form, house: House, place: Rect) -> float:
    """Groups of boxes with signs or words between them: dates, times, amounts, phone numbers."""
    rng, style = form.rng, house.style
    separator, counts = _GROUP_PATTERNS[int(rng.integers(len(_GROUP_PATTERNS)))]
    style = replace(style, shape="separate" if rng.random() < 0.4 else "comb")
    pitch, size = _pitch(house, style), min(5.0, 0.55 * house.h)
    gap = float(rng.uniform(9, 14)) if separator == "word" else float(rng.uniform(2.5, 6))
    unit = rng.random() < 0.4
    width = sum(counts) * pitch + gap * (len(counts) - 1 + unit)
    at = print_label(form, house, place, width)
    if at is None:
        return 0.0
    (x, y), middle = at, at[1] + house.h / 2
    for i, n in enumerate(counts):
        form.row(Rect(x, y, house.w, house.h), house.contents(n, rng), style)
        x += n * pitch
        last = i == len(counts) - 1
        if not last and separator != "word":
            left = x - (pitch - house.w) / 2 + gap / 2 - 0.2 * size
            form.sheet.text(left, middle - 0.6 * size, separator, size, bold=True)
        elif unit or not last:
            word = pick(_UNITS, rng) if last else made_up(rng)
            print_fitting(form, (x + 0.8, middle - 1.4), word, 2.6, gap - 1.6)
        x += gap
    return y + house.h - place.y


def guided(form: Form, house: House, place: Rect) -> float:
    """Boxes with a small letter or digit in a corner, or with a large pale one to write over."""
    rng, style = form.rng, replace(house.style, shape="comb", tint=None)
    if rng.random() < 0.4:
        style = replace(style, shape="separate")
    pitch = _pitch(house, style)
    guides = ("DDMMYYYY", "TTMMJJJJ", "JJMMAAAA", "HHMM", "00000", "1234567890")
    chosen = guides[int(rng.integers(len(guides)))][: max(1, int(place.w / pitch))]
    at = print_label(form, house, place, len(chosen) * pitch)
    if at is None:
        return 0.0
    first = Rect(*at, house.w, house.h)
    corner, pale = rng.random() < 0.4, int(rng.integers(175, 222))
    size = min(2.0, 0.24 * house.h) if corner else float(rng.uniform(0.45, 0.7)) * house.h
    for cell, guide in zip(row_cells(first, len(chosen), style), chosen, strict=True):
        if corner:
            form.sheet.text(cell.x + 0.4, cell.y + 0.3, guide, size, colour=fade(BLACK, 0.3))
        else:
            left = cell.x + cell.w / 2 - 0.32 * size
            top = cell.y + cell.h / 2 - 0.62 * size
            form.sheet.text(left, top, guide, size, colour=(pale, pale, pale))
    form.row(first, house.contents(len(chosen), rng), style)
    return first.bottom - place.y


def letters(form: Form, house: House, place: Rect) -> float:
    """One to three long combs for a name or an address, in hand-printed capitals."""
    rng, style = form.rng, replace(house.style, shape="comb")
    n = int(place.w / house.w)
    if n < _MIN_LETTER_BOXES:
        return 0.0
    n = int(rng.integers(_MIN_LETTER_BOXES, min(n, _MAX_LETTER_BOXES) + 1))
    at = print_label(form, house, place, n * house.w)
    if at is None:
        return 0.0
    x, y = at
    step = house.h * (1.0 if rng.random() < 0.3 else float(rng.uniform(1.15, 1.6)))
    for _ in range(int(rng.integers(1, 4))):
        if y + house.h > place.bottom:
            break
        form.row(Rect(x, y, house.w, house.h), _words(n, rng), style)
        y += step
    return y - step + house.h - place.y


def _words(n: int, rng: np.random.Generator) -> list[str]:
    """Words in capitals and some house numbers for `n` boxes, separated by blank boxes."""
    symbols: list[str] = []
    wanted = int(rng.integers(1, n + 1))
    while len(symbols) < wanted:
        letters = CAPITALS if rng.random() < 0.8 else DIGITS
        length = int(rng.integers(1, 9 if letters == CAPITALS else 4))
        symbols += [letters[int(i)] for i in rng.integers(len(letters), size=length)] + [""]
    return (symbols + [""] * n)[:n]


def panel(form: Form, house: House, place: Rect) -> float:
    """A panel, tinted or white, with rows of white boxes; the bar of its heading may touch them."""
    rng = form.rng
    rows, pad, step = int(rng.integers(1, 5)), float(rng.uniform(1.5, 5)), 1.35 * house.h
    n = min(int((place.w - 2 * pad) / house.w), int(rng.integers(2, 9)))
    title = float(rng.uniform(4.5, 7.5)) if rng.random() < 0.6 else 0.0
    label = min(45.0, place.w - 2 * pad - n * house.w)
    touching = title > 0 and rng.random() < 0.4
    head = title + (0.0 if touching else pad)
    height = head + rows * step + pad
    if n < 1 or height > place.h:
        return 0.0
    outer = Rect(place.x, place.y, label + n * house.w + 2 * pad, height)
    background: Colour = TINTS[int(rng.integers(len(TINTS)))] if rng.random() < 0.75 else WHITE
    form.sheet.fill(outer, background)
    if rng.random() < 0.7:
        form.sheet.frame(outer, float(rng.uniform(0.2, 0.9)), BLACK)
    if title:
        bar(form, Rect(outer.x, outer.y, outer.w, title), caption(rng))
    style = replace(house.style, tint=WHITE, radius=0.0, shape="comb")
    for r in range(rows):
        y = place.y + head + r * step
        if label > 8:
            size = min(house.label, 3.2)
            at = (outer.x + pad, y + house.h / 2 - 0.5 * size)
            print_fitting(form, at, caption(rng), size, label - 2)
        cell = Rect(outer.right - pad - n * house.w, y, house.w, house.h)
        form.row(cell, house.contents(n, rng), style)
    return height
