"""Forms of frames, tables, rules and combs of any size, as offices draw them, filled in.

Cells are 4 to 25 mm high whatever is written in them, and hold what offices print in cells: labels,
line numbers, `00` of an amount, units and signs of currencies. The ranges were set by eye.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from formreader.core.classes import Layer
from formreader.synth import Form, Rect, Sheet
from formreader.synth.blocks import (
    bar_code,
    bubbles,
    checkboxes,
    cross,
    heading,
    paragraph,
)
from formreader.synth.box_rows import LINE_KINDS, LineStyle, RowStyle, draw_outline, draw_row
from formreader.synth.paper_sheet import BLACK, Colour
from formreader.synth.typefaces import TITLES, Typeface, caption, pick
from page_network.filling import Filling, sample_writer
from page_network.hands import HandBook
from page_network.typefaces import TrueType
from shared.patterns import draw_pattern

_PAPERS_MM = ((210, 297), (210, 297), (215.9, 279.4), (148, 210), (297, 210), (210, 148))
_LINE_SHARES = (0.5, 0.08, 0.14, 0.1, 0.06, 0.05, 0.05, 0.02)
_TINTS: tuple[Colour, ...] = ((225, 225, 225), (205, 205, 205), (235, 240, 250), (250, 240, 225))
_DARKS: tuple[Colour, ...] = (
    (30, 30, 30), (90, 70, 95), (20, 60, 120), (110, 110, 110), (30, 100, 90), (140, 40, 40),
)  # fmt: skip
_IN_CELLS = ("00", "00", ".00", "0 0", "EUR", "USD", "kg", "h", "%", "kWh", "$", "20__", "No.")


class FrameForm:
    """A form under construction: blocks from the top down."""

    def __init__(self, form: Form, filling: Filling, rng: np.random.Generator) -> None:
        self._form, self._sheet, self._filling, self._rng = form, form.sheet, filling, rng
        kind = LINE_KINDS[int(rng.choice(len(LINE_KINDS), p=_LINE_SHARES))]
        missing = float(rng.choice([0.0, 0.0, 0.0, 0.1]))
        self._line = replace(LineStyle.varied(kind, rng), missing=missing)
        self._label = float(rng.uniform(1.8, 3.4))
        self._tint = _TINTS[int(rng.integers(len(_TINTS)))]
        self._dark = _DARKS[int(rng.integers(len(_DARKS)))]
        self._bold = bool(rng.random() < 0.3)
        self._pale: Colour = tuple(rng.integers(110, 215, size=3).tolist())
        # White boxes on a tint need no lines.
        self._on_panel, self._tagged = bool(rng.random() < 0.2), bool(rng.random() < 0.25)
        self._blank_lines = self._on_panel and bool(rng.random() < 0.5)

    def draw(self) -> None:
        """Print and fill in the whole form."""
        sheet, rng = self._sheet, self._rng
        self._background()
        margin, y = float(rng.uniform(8, 20)), float(rng.uniform(8, 25))
        sheet.text(margin, y, pick(TITLES, rng), float(rng.uniform(3.5, 7)), bold=True)
        y += 12
        blocks: tuple[Callable[[Rect], float], ...] = (
            self._frames, self._frames, self._table, self._table, self._schedule, self._schedule,
            self._rules, self._combs, self._combs, self._amounts, self._marks, self._print,
        )  # fmt: skip
        misses = 0
        while misses < 5:
            place = Rect(margin, y, sheet.width - 2 * margin, sheet.height - margin - y)
            used = blocks[int(rng.integers(len(blocks)))](place) if place.h > 12 else 0.0
            misses += used == 0
            y += used + float(rng.uniform(2, 9)) if used else 0.0
        self._filling.leave_marks()

    def _background(self) -> None:
        """Print large pale words, or a pattern of security paper, below all else."""
        rng, sheet = self._rng, self._sheet
        kind, pale = rng.random(), int(rng.integers(185, 240))
        if kind < 0.15:
            word, size = pick(TITLES, rng).split()[0].upper(), float(rng.uniform(12, 45))
            for _ in range(int(rng.integers(1, 8))):
                x = float(rng.uniform(-0.2, 0.8)) * sheet.width
                y = float(rng.uniform(0, 0.9)) * sheet.height
                sheet.text(x, y, word, size, colour=(pale, pale, pale), bold=rng.random() < 0.5)
                if rng.random() < 0.5:
                    radius, width = float(rng.uniform(8, 40)), float(rng.uniform(0.5, 4))
                    sheet.ellipse(x, y, radius, radius, width, (pale, pale, pale))
        elif kind < 0.27:
            height = float(rng.uniform(6, 20)) * sheet.scale
            pattern = float(rng.uniform(0.08, 0.4)) * draw_pattern(
                sheet.image.shape[:2], height, rng
            )
            ink: Colour = tuple(rng.integers(0, 200, size=3).tolist())
            sheet.stain(Layer.PRINT, np.clip(pattern, 0, 1).astype(np.float32), 0, 0, ink)

    def _shade(self) -> Colour:
        """The colour of what is printed into boxes."""
        return self._pale if self._rng.random() < 0.7 else BLACK

    def _text(self, x: float, y: float, width: float, *, bold: bool = False) -> None:
        """Print a caption, if there is room for one."""
        if width > 4:
            self._sheet.text(x, y, caption(self._rng), self._label, bold=bold, limit=width)

    def _tag(self, x: float, y: float, h: float) -> float:
        """Print the number of a line, white on dark or bold; returns the width that it takes."""
        rng, sheet = self._rng, self._sheet
        number = str(int(rng.integers(1, 10 ** int(rng.integers(1, 4)))))
        number += str(rng.choice(["", "", "a", "b", "."]))
        size = min(float(rng.uniform(2, 4.2)), 0.8 * h)
        width = 0.75 * size * len(number) + 2
        if rng.random() < 0.6:
            sheet.fill(Rect(x, y, width, h), self._dark)
            sheet.text(x + 1, y + (h - size) / 2, number, size, colour=(255, 255, 255),
                       limit=width - 1)  # fmt: skip
        else:
            sheet.text(x + 1, y + (h - size) / 2, number, size, bold=True, limit=width - 1)
        return width + float(rng.choice([0.0, 1.0, 2.5]))

    def _panel(self, place: Rect) -> None:
        """Print a tinted panel below what follows."""
        if self._on_panel:
            around = Rect(place.x - 2, place.y - 1, place.w + 4, place.h + 2)
            self._sheet.fill(around, self._tint)

    def _outline(self, cell: Rect) -> None:
        """Print a frame, round or not, white on a panel."""
        rng, line = self._rng, self._line
        if self._on_panel:
            self._sheet.fill(cell, (255, 255, 255))
        elif rng.random() < 0.12:
            self._sheet.fill(cell, self._tint)
        if self._blank_lines:
            return
        if rng.random() < 0.15:
            self._sheet.frame(cell, line.width, line.colour, float(rng.uniform(1, 3)))
        else:
            draw_outline(self._sheet, cell, line, rng)

    def _print(self, place: Rect) -> float:
        if self._rng.random() < 0.25:  # numbers of lines or pages that stand alone
            size = float(self._rng.uniform(2.2, 7))
            for _ in range(int(self._rng.integers(1, 6))):
                x = float(self._rng.uniform(place.x, place.right - 12))
                number = str(int(self._rng.integers(1, 10 ** int(self._rng.integers(1, 5)))))
                self._sheet.text(x, place.y, number, size, bold=self._rng.random() < 0.4)
            return 1.3 * size
        kinds = (paragraph, paragraph, heading, checkboxes, bubbles, bar_code, landmarks, landmarks)
        return kinds[int(self._rng.integers(len(kinds)))](self._sheet, place, self._rng)

    def _in_cell(self, cell: Rect) -> Rect | None:
        """Print something into a cell; returns the room that it leaves, None if none."""
        rng, sheet, size = self._rng, self._sheet, min(self._label, 0.4 * cell.h)
        kind = rng.random()
        if kind < 0.25 and cell.h > 2.5 * size:  # a label at the top left
            sheet.text(cell.x + 0.8, cell.y + 0.6, caption(rng), size, limit=0.9 * cell.w)
            top = 0.8 + 1.2 * size
            return Rect(cell.x, cell.y + top, cell.w, cell.h - top)
        if kind < 0.4 and cell.w > 14:  # a sign or `00` at the right, or at the left
            text, at_left = _IN_CELLS[int(rng.integers(len(_IN_CELLS)))], rng.random() < 0.3
            tall = min(float(rng.uniform(2, 4.5)), 0.7 * cell.h)
            x = cell.x + 0.8 if at_left else cell.right - 0.7 * tall * len(text) - 1
            used = sheet.text(x, cell.y + (cell.h - tall) / 2, text, tall, limit=cell.right - x)
            if at_left:
                return Rect(cell.x + used + 1.5, cell.y, cell.w - used - 1.5, cell.h)
            return Rect(cell.x, cell.y, x - cell.x, cell.h)
        return cell

    def _frames(self, place: Rect) -> float:
        """Frames side by side, each with a label above, before or in it."""
        rng = self._rng
        h = float(np.exp(rng.uniform(np.log(5), np.log(25))))
        above = float(self._label * 1.5) if rng.random() < 0.6 else 0.0
        x, gap = place.x, float(rng.choice([0.0, rng.uniform(2, 12)]))
        if h + above > place.h:
            return 0.0
        self._panel(Rect(x, place.y, place.w, h + above))
        while True:
            if self._tagged:
                x += self._tag(x, place.y + above, min(h, 6.0))
            w = float(np.exp(rng.uniform(np.log(12), np.log(85))))
            before = float(rng.uniform(10, 35)) if not above and gap and rng.random() < 0.5 else 0.0
            cell = Rect(x + before, place.y + above, w, h)
            if cell.right > place.right:
                return h + above
            self._outline(cell)
            if above:
                self._text(x, place.y, w)
            self._text(x, cell.y + h / 2 - 1, before - 1)
            self._filling.cell(cell, self._in_cell(cell))
            x = cell.right + gap

    def _table(self, place: Rect) -> float:
        """A table: a header, labels on the left, cells to write in, some of them printed."""
        rng, sheet = self._rng, self._sheet
        h = float(np.exp(rng.uniform(np.log(4.5), np.log(16))))
        head = float(rng.choice([0.0, h, rng.uniform(5, 12)]))
        rows = min(int((place.h - head) / h), int(rng.integers(1, 18)))
        if rows < 1:
            return 0.0
        first = float(rng.choice([0.0, 8.0, rng.uniform(20, 80)]))
        widths = [first] if first else []
        alike = float(np.exp(rng.uniform(np.log(9), np.log(50)))) if rng.random() < 0.6 else 0.0
        while sum(widths) < place.w * 0.97 and len(widths) < 12:
            w = alike or float(np.exp(rng.uniform(np.log(9), np.log(60))))
            if sum(widths) + w > place.w:
                break
            widths.append(w)
        if len(widths) < 1 + (first > 0):
            return 0.0
        xs = place.x + np.concatenate([[0.0], np.cumsum(widths)])
        bottom, top = place.y + head + rows * h, place.y + head
        shaded = rng.random() < 0.25
        for r in range(rows):
            if shaded and r % 2:
                sheet.fill(Rect(xs[0], top + r * h, xs[-1] - xs[0], h), self._tint)
        if head:
            dark = rng.random() < 0.15
            if dark or rng.random() < 0.4:
                area = Rect(xs[0], place.y, xs[-1] - xs[0], head)
                sheet.fill(area, (50, 50, 60) if dark else self._tint)
            for x, w in zip(xs, widths, strict=False):
                sheet.text(
                    x + 0.8, place.y + 0.2 * head, caption(rng), min(self._label, 0.5 * head),
                    colour=(255, 255, 255) if dark else BLACK, bold=True, limit=w - 1.5,
                )  # fmt: skip
        every = 1 if rng.random() < 0.85 else 2
        for r in range(0, rows + 1, 1):
            if r % every == 0 or r == rows:
                y = top + r * h
                self._line.draw(sheet, (float(xs[0]), y), (float(xs[-1]), y), rng)
        self._line.draw(sheet, (float(xs[0]), place.y), (float(xs[-1]), place.y), rng)
        kind = rng.random()  # open at the sides, open between columns, or closed
        for i, x in enumerate(xs):
            outer = i in (0, len(xs) - 1)
            if (kind < 0.12 and outer) or (kind > 0.93 and not outer):
                continue
            self._line.draw(sheet, (float(x), place.y), (float(x), bottom), rng)
        printed = float(rng.choice([0.0, 0.1, 0.4]))
        counted = int(rng.integers(len(widths))) if rng.random() < 0.5 else -1
        large = min(float(rng.uniform(2.2, 5)), 0.6 * h)
        for r in range(rows):
            for c, w in enumerate(widths):
                cell = Rect(float(xs[c]), top + r * h, w, h)
                if first and c == 0:
                    size = min(self._label, 0.5 * h)
                    text = str(r + 1) if w <= 8 else caption(rng)
                    sheet.text(cell.x + 1, cell.y + (h - size) / 2, text, size,
                               bold=rng.random() < 0.2, limit=w - 2)  # fmt: skip
                elif c == counted:
                    at = cell.x + max((w - 0.6 * large * len(str(r + 1))) / 2, 0.5)
                    sheet.text(at, cell.y + (h - large) / 2, str(r + 1), large,
                               bold=self._bold, limit=w - 0.5)  # fmt: skip
                elif rng.random() < printed:
                    number = f"{int(rng.integers(1, 10 ** rng.integers(1, 7))):,}"
                    size = min(self._label * 1.2, 0.5 * h)
                    sheet.text(cell.x + 1, cell.y + (h - size) / 2, number, size, limit=w - 2)
                else:
                    self._filling.cell(cell, self._in_cell(cell) if rng.random() < 0.4 else None)
        return head + rows * h

    def _schedule(self, place: Rect) -> float:
        """A schedule of amounts: a text, the number of the line, a cell, with `00` printed."""
        rng, sheet = self._rng, self._sheet
        h = float(rng.uniform(4.2, 9))
        rows = min(int(place.h / h), int(rng.integers(2, 16)))
        number, amount = float(rng.uniform(5, 13)), float(rng.uniform(18, 50))
        cents = float(rng.choice([0.0, 0.0, rng.uniform(4, 8)]))
        columns = int(rng.integers(1, 3))
        text = place.w - columns * (number + amount + cents)
        if rows < 1 or text < 30:
            return 0.0
        first, size = int(rng.integers(1, 60)), min(float(rng.uniform(1.9, 3.6)), 0.75 * h)
        bold, centred = rng.random() < 0.4, rng.random() < 0.5
        printed = str(rng.choice(["", ".00", "00", ".00", "0 0", "000.00", "%"]))
        ruled, dotted, shaded = rng.random() < 0.8, rng.random() < 0.5, rng.random() < 0.3
        for r in range(rows):
            y = place.y + r * h
            base = y + (h - size) / 2
            sheet.text(place.x, base, str(first + r), size, bold=bold)
            used = 8 + sheet.text(place.x + 8, base, caption(rng), size, limit=text - 12)
            if dotted and text - used > 6:
                dots = "." * int((text - used - 3) / (0.45 * size))
                sheet.text(place.x + used + 1, base, dots, size, limit=text - used - 3)
            for c in range(columns):
                x = place.x + text + c * (number + amount + cents)
                tag = Rect(x, y, number, h)
                if shaded:
                    sheet.fill(tag, self._tint)
                label = str(first + r) + ("ab"[c] if columns > 1 and rng.random() < 0.3 else "")
                left = x + max((number - 0.6 * size * len(label)) / 2, 0.3) if centred else x + 0.8
                sheet.text(left, base, label, size, bold=bold, limit=number - 0.4)
                cell = Rect(x + number, y, amount, h)
                room = cell
                if printed:
                    wide = 0.6 * size * len(printed)
                    at = cell.right - wide - 0.8
                    sheet.text(at, base, printed, size, limit=wide + 0.6)
                    room = Rect(cell.x, cell.y, max(at - cell.x, 3), cell.h)
                if cents:
                    sheet.text(cell.right + 1, base, "00", size, limit=cents - 1)
                for rect in (tag, cell, Rect(cell.right, y, cents, h)) if ruled else (cell,):
                    if rect.w:
                        draw_outline(sheet, rect, self._line, rng)
                self._filling.cell(cell, room)
        return rows * h

    def _rules(self, place: Rect) -> float:
        """Lines to write on, each after its label or above it."""
        rng, h = self._rng, float(self._rng.uniform(6, 12))
        below = rng.random() < 0.4
        if h + 5 > place.h:
            return 0.0
        x = place.x
        while True:
            before = 0.0 if below else float(rng.uniform(12, 40))
            w = float(rng.uniform(15, 90))
            if x + before + w > place.right:
                return h + (self._label * 1.6 if below else 1.0)
            y = place.y + h
            self._text(x, y + 0.6 if below else y - self._label, w if below else before - 1.5)
            self._line.draw(self._sheet, (x + before, y), (x + before + w, y), rng)
            self._filling.cell(Rect(x + before, y - min(h, 7.0), w, min(h, 7.0)))
            x += before + w + float(rng.uniform(4, 12))

    def _marks(self, place: Rect) -> float:
        """A table whose cells hold the number of a line, or a few boxes for marks."""
        rng, sheet = self._rng, self._sheet
        h = float(rng.uniform(6, 15))
        rows, columns = min(int(place.h / h), int(rng.integers(2, 16))), int(rng.integers(1, 4))
        number, w = float(rng.uniform(8, 35)), float(rng.uniform(16, 60))
        if rows < 1 or columns * (number + w) > place.w:
            return 0.0
        tall = float(rng.uniform(3.9, min(0.9 * h, 9)))
        side, boxes = tall * float(rng.uniform(0.8, 1.15)), int(rng.integers(1, 4))
        size, bold = min(float(rng.uniform(2, 4.5)), 0.6 * h), rng.random() < 0.2
        gap = float(rng.choice([0.0, rng.uniform(0.1, 1.0)]))
        style = RowStyle("separate" if gap else "comb", self._line, self._line, gap=gap)
        step = side * (1 + gap)
        if boxes * step > 0.95 * w:
            return 0.0
        drawn = int(rng.integers(2))
        for r in range(rows):
            for c in range(columns):
                x, y = place.x + c * (number + w), place.y + r * h
                label = str(c * rows + r + 1)
                at = x + max((number - 0.6 * size * len(label)) / 2, 0.5)
                sheet.text(at, y + (h - size) / 2, label, size, bold=bold, limit=number - 0.5)
                draw_outline(sheet, Rect(x, y, number, h), self._line, rng)
                draw_outline(sheet, Rect(x + number, y, w, h), self._line, rng)
                first = x + number + (w - boxes * step) * (0.5 if drawn else 0.1)
                cells = draw_row(
                    sheet, Rect(first, y + (h - tall) / 2, side, tall), boxes, style, rng
                )
                self._filling.comb(cells, list(range(boxes)))
        return rows * h

    def _comb_style(self) -> RowStyle:
        """How rows of boxes are drawn; boxes on a panel are white, perhaps without lines."""
        rng = self._rng
        thin = LineStyle.varied(LINE_KINDS[int(rng.choice(len(LINE_KINDS), p=_LINE_SHARES))], rng)
        style = RowStyle(
            ("comb", "separate", "ticks")[int(rng.choice(3, p=(0.5, 0.25, 0.25)))],
            self._line, thin if rng.random() < 0.5 else self._line,
            gap=float(rng.uniform(0.08, 0.5)), tick=float(rng.uniform(0.15, 0.7)),
            walls=float(rng.choice([0.0, 0.4, 1.0])), roof=bool(rng.random() < 0.2),
            tint=self._tint if rng.random() < 0.1 else None,
        )  # fmt: skip
        if self._on_panel:
            white = (255, 255, 255)
            style = replace(style, tint=white)
            if self._blank_lines:
                faint = replace(self._line, colour=white, width=0.3)
                style = replace(style, outer=faint, inner=faint, shape="separate")
        return style

    def _amounts(self, place: Rect) -> float:
        """Rows of boxes for amounts, one below the other, all with the same signs printed."""
        rng, sheet = self._rng, self._sheet
        h = float(rng.uniform(4.5, 8))
        w, above = h * float(rng.uniform(0.65, 1.0)), self._label * float(rng.uniform(1.4, 3))
        pitch = h + above + float(rng.uniform(0.5, 4))
        rows, n = min(int(place.h / pitch), int(rng.integers(2, 9))), int(rng.integers(3, 10))
        style, shade, share = self._comb_style(), self._shade(), float(rng.uniform(0.35, 0.75))
        step = w * (1 + style.gap) if style.shape == "separate" else w
        sign = str(rng.choice(["", "£", "€", "$", "Fr", "R"]))
        cents, point = str(rng.choice(["", "00", "00", "-"])), str(rng.choice([".", ",", " "]))
        whole = (n + len(sign[:1]) + len(cents) + 1) * step
        columns = min(int(place.w / (whole + 8)), 1 + int(rng.random() < 0.5))
        if rows < 1 or columns < 1:
            return 0.0
        self._panel(Rect(place.x, place.y, place.w, rows * pitch))
        for row, column in np.ndindex(rows, columns):
            x, y = place.x + column * place.w / 2, place.y + row * pitch
            self._text(x, y, place.w / columns - 4)
            y += above
            printed: dict[Rect, str] = {}
            if sign:
                (cell,) = draw_row(sheet, Rect(x, y, w, h), 1, style, rng)
                printed[cell] = sign
                x += step
            cells = draw_row(sheet, Rect(x, y, w, h), n, style, rng)
            self._filling.comb(cells, list(range(n)))
            x = cells[-1].right
            sheet.text(x + 0.3 * step, y + 0.6 * h, point, 0.15 * h, colour=shade)
            if cents:
                last = draw_row(sheet, Rect(x + step, y, w, h), len(cents), style, rng)
                printed |= dict(zip(last, cents, strict=True))
            if printed:
                self._filling.comb(list(printed), [])
                print_into(sheet, printed, shade, share)
        return rows * pitch

    def _combs(self, place: Rect) -> float:
        """Rows of digit boxes, with print between groups and in some boxes."""
        rng, sheet = self._rng, self._sheet
        h = float(np.exp(rng.uniform(np.log(3.9), np.log(10))))
        w, above = h * float(rng.uniform(0.6, 1.15)), self._label * 1.5
        if h + above > place.h:
            return 0.0
        style = self._comb_style()
        x, y = place.x, place.y + above
        self._panel(Rect(x, place.y, place.w, h + above))
        while True:
            if self._tagged:
                x += self._tag(x, y, h)
            n = int(rng.integers(1, 13))
            step = w * (1 + style.gap) if style.shape == "separate" else w
            if x + n * step > place.right:
                return h + above
            self._text(x, place.y, n * step)
            cells = draw_row(sheet, Rect(x, y, w, h), n, style, rng)
            free = list(range(n))
            if n > 2 and rng.random() < 0.2:
                free = preprint(sheet, cells, free, self._shade(), rng, self._tint)
            self._filling.comb(cells, free)
            x = cells[-1].right
            if rng.random() < 0.4:
                sign, below = str(rng.choice(["-", "/", ".", ","])), float(rng.uniform(0.4, 0.8))
                size, shade = float(rng.uniform(0.15, 0.6)) * h, self._shade()
                x += float(rng.uniform(0.5, 3))
                x += sheet.text(x, y + below * h, sign, size, colour=shade)
                x += float(rng.uniform(0, 2))
                if sign in ".," and x + 2 * step < place.right:  # hundredths, mostly printed
                    cells = draw_row(sheet, Rect(x, y, w, h), 2, style, rng)
                    free = []
                    if rng.random() < 0.3:
                        free = [0, 1]
                    elif rng.random() < 0.8:
                        print_into(sheet, dict(zip(cells, "00", strict=True)), self._shade(), 0.5)
                    self._filling.comb(cells, free)
                    x = cells[-1].right
            x += float(rng.choice([1.0, rng.uniform(2, 20)]))


def landmarks(sheet: Sheet, place: Rect, rng: np.random.Generator) -> float:
    """Letters of sections, marks of registration, boxes to tick between words."""
    x, h = place.x, float(rng.uniform(3, 8))
    dark = tuple(rng.integers(0, 120, size=3).tolist())
    while x + 15 < place.right:
        kind, y = rng.random(), place.y + float(rng.uniform(0, 0.3)) * h
        if kind < 0.35:
            letter = str(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")))
            sheet.text(x, y, letter, h, colour=dark, bold=rng.random() < 0.7)
        elif kind < 0.45:
            sheet.ellipse(x + h / 2, y + h / 2, h / 2, h / 2, 0, dark)
        elif kind < 0.55:
            sheet.fill(Rect(x, y, h, h / 4), dark)
            sheet.fill(Rect(x, y, h / 4, h), dark)
        else:
            side = float(rng.uniform(0.5, 1)) * min(h, 5.5)
            x += 1 + sheet.text(x, y, caption(rng).split()[0], 0.5 * h, limit=0.8 * h * 3)
            box = Rect(x, y, side, side)
            sheet.frame(box, float(rng.uniform(0.1, 0.5)), dark)
            if rng.random() < 0.2:
                cross(sheet, box)
        x += h + float(rng.choice([1.0, rng.uniform(2, 40)]))
    return 1.4 * h


def preprint(
    sheet: Sheet,
    cells: list[Rect],
    free: list[int],
    shade: Colour,
    rng: np.random.Generator,
    tint: Colour | None = None,
) -> list[int]:
    """Print signs into some of the `free` boxes of a row: its last digits, a currency's sign.

    Half of the time these boxes have a `tint`. Returns those that stay free.
    """
    last = int(rng.integers(1, 4)) if rng.random() < 0.7 else 0
    signs = {i: str(rng.choice(["0", "0", "0", "X", "1", "2"])) for i in free[1:][-last:] if last}
    if rng.random() < 0.5:
        signs[free[0]] = str(rng.choice(["$", "£", "€", "E", "S", "C", "-", "2", "1"]))
    if tint is not None and rng.random() < 0.5:
        for i in signs:
            edge = 0.06 * cells[i].h
            left, top = cells[i].x + edge, cells[i].y + edge
            sheet.fill(Rect(left, top, cells[i].w - 2 * edge, cells[i].h - 2 * edge), tint)
    print_into(sheet, {cells[i]: sign for i, sign in signs.items()}, shade, rng.uniform(0.3, 0.75))
    return [i for i in free if i not in signs]


def print_into(sheet: Sheet, signs: dict[Rect, str], shade: Colour, share: float) -> None:
    """Print a sign into the middle of each box, `share` of the box high."""
    for cell, sign in signs.items():
        tall = share * cell.h
        at = cell.x + (cell.w - 0.6 * tall) / 2
        sheet.text(at, cell.y + (cell.h - tall) / 2, sign, tall, colour=shade, limit=0.9 * cell.w)


def frame_form(book: HandBook, dpi: float, faint: bool, rng: np.random.Generator) -> Form:
    """A form of frames, tables, rules and combs, filled in by one hand."""
    writer, pen = sample_writer(book, dpi, faint, rng)
    width, height = _PAPERS_MM[int(rng.integers(len(_PAPERS_MM)))]
    form = Form(Sheet(width, height, dpi), writer, rng)
    form.sheet.typeface = Typeface.sample(rng) if rng.random() < 0.25 else TrueType.sample(rng)
    FrameForm(form, Filling(form, pen, rng), rng).draw()
    return form
