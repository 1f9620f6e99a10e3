"""How training pages are filled in: as people write, in any size, anywhere in a place."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.classes import Layer
from formreader.synth import DIGITS, DigitSource, Form, Hand, Pen, Rect, Writer
from formreader.synth.stacks import handwriting
from formreader.synth.strokes import Mask
from formreader.synth.varied import overprint
from page_network.hands import HandBook, scrawl

_LETTERS = "ABCDEFGHJKLMNPQRTUVWYadefhkmnrtuw"
_SMALL = "00000111234"
"""Digits of small numbers, as boxes of counts hold them: many zeros and ones."""
_SEPARATORS = (".", ",", "-", " ", "/")


def sample_writer(
    book: HandBook, dpi: float, faint: bool, rng: np.random.Generator
) -> tuple[Writer, float]:
    """A writer, and the width of the pen in pixels. `faint`: with a pencil hardly pressed."""
    hand = Hand.sample(rng, "pencil" if faint else None)
    pen = Pen.sample(hand.pen, rng)
    if faint:
        pen = pen.faint(float(rng.uniform(0.3, 0.65)))
    source, width = book.source(hand, dpi, rng)
    wander = hand.wander * float(rng.uniform(0.5, 2))
    return Writer(_PointSource(source, width), pen, wander), width


class Filling:
    """How a page is filled in: by one hand, with one pen, in one size of writing."""

    def __init__(self, form: Form, pen: float, rng: np.random.Generator) -> None:
        self._form, self._rng, self._pen = form, rng, pen
        self._size = float(np.clip(np.exp(rng.normal(np.log(3.8), 0.3)), 2.2, 9))
        self._empty = float(rng.choice([0.05, 0.25, 0.6, 0.9], p=[0.3, 0.4, 0.2, 0.1]))
        self._letters = float(rng.choice([0.0, 0.2, 0.6]))

    def leave_marks(self) -> None:
        """Leave signatures and other scrawls, stamps and notes anywhere."""
        form, rng = self._form, self._rng
        for _ in range(int(rng.integers(0, 3))):
            self._scrawl(Rect(
                float(rng.uniform(5, max(form.sheet.width - 60, 6))),
                float(rng.uniform(5, max(form.sheet.height - 20, 6))),
                float(rng.uniform(25, 55)), float(rng.uniform(5, 14)),
            ))  # fmt: skip
        overprint(form)

    def tick(self, rect: Rect) -> None:
        """Tick a check box, or leave it."""
        if self._rng.random() < 0.3:
            mark = str(self._rng.choice(["X", "v", "/"]))
            self._form.writer.write(self._form.sheet, rect, mark, self._rng)

    def comb(self, cells: list[Rect], free: list[int]) -> None:
        """Write one symbol into each of some of the boxes, those in `free` at most."""
        form, rng = self._form, self._rng
        symbols = [""] * len(cells)
        if rng.random() > self._empty and free:
            n = len(free) if rng.random() < 0.5 else int(rng.integers(1, len(free) + 1))
            first = int(rng.choice([0, len(free) - n]))
            pool = DIGITS if rng.random() < 0.65 else _SMALL
            if rng.random() < self._letters:
                pool = _LETTERS
            if rng.random() < 0.04:
                pool = "-X/"
            for i in free[first : first + n]:
                symbols[i] = pool[int(rng.integers(len(pool)))]
        share = float(rng.uniform(0.75, 1.15))
        if rng.random() < 0.4:  # as large as elsewhere
            share = float(np.clip(self._size / 0.72 / cells[0].h, 0.4, 1.15))
        for cell, symbol in zip(cells, symbols, strict=True):
            if symbol:
                h = cell.h * share
                at = Rect(cell.x, cell.y + (cell.h - h) * float(rng.uniform(0.2, 0.8)), cell.w, h)
                form.writer.write(form.sheet, at, symbol, rng)
        self._note(cells, symbols, are_cells=len(cells) == 1 and cells[0].w > 1.6 * cells[0].h)

    def cell(self, cell: Rect, room: Rect | None = None) -> None:
        """Write a number or words into a cell, mostly into the `room` that print leaves in it."""
        written = self._write(cell, room)
        self._note([cell], [written], are_cells=True)

    def _write(self, cell: Rect, room: Rect | None) -> str:
        """Write into a cell; returns what is to be read there: "?" if it is no number."""
        form, rng = self._form, self._rng
        if rng.random() < self._empty or min(cell.w, cell.h) < 2:
            return ""
        if room is None or min(room.w, room.h) < 2 or rng.random() < 0.15:
            room = cell
        height = min(self._size * float(np.exp(rng.normal(0, 0.12))), 1.15 * cell.h)
        rise = float(np.clip(rng.normal(0.6, 0.25), 0, 1))
        y = room.y + max(room.h - height, -0.1 * height) * rise
        kind = rng.random()
        if kind < self._letters * 0.5:
            if rng.random() < 0.5:
                w = min(float(rng.uniform(8, 40)), 0.95 * room.w)
                self._scrawl(Rect(room.x + 0.05 * room.w, y, w, height))
                return "?"
            text, read = handwriting(int(rng.integers(1, 3)), rng), "?"
        elif kind < 0.93:
            text = read = self._number()
        else:
            text = read = str(rng.choice(["-", "X", "/", "--"]))
        width = min(len(text) * 0.9 * height + 0.5 * height, room.w)
        x = room.x + float(rng.choice([0.03, rng.uniform(0, 1), 0.98])) * (room.w - width)
        form.writer.write_line(form.sheet, Rect(x, y, width, height / 0.72), text.strip(), rng)
        if rng.random() < 0.03:  # struck out, or underlined
            self._scrawl(Rect(x, y + 0.5 * height, width, 0.3 * height))
            return "/"
        return read

    def _note(self, places: list[Rect], symbols: list[str], *, are_cells: bool) -> None:
        """Note places in the form's truth."""
        for i, (place, symbol) in enumerate(zip(places, symbols, strict=True)):
            self._form.record(i, place, symbol, is_number_cell=are_cells)

    def _number(self) -> str:
        rng = self._rng
        number = "".join(str(d) for d in rng.integers(10, size=int(rng.integers(1, 8))))
        if len(number) > 2 and rng.random() < 0.35:
            at = int(rng.integers(1, len(number)))
            number = number[:at] + str(rng.choice(_SEPARATORS)) + number[at:]
        return number

    def _scrawl(self, rect: Rect) -> None:
        form, rng = self._form, self._rng
        scale = form.sheet.scale
        ink = form.writer.pen.lay(scrawl(rect.w * scale, rect.h * scale, self._pen, rng), rng)
        at = round(rect.x * scale), round(rect.y * scale)
        form.sheet.stain(Layer.PEN, ink, *at, form.writer.pen.colour)


class _PointSource:
    """Adds points, commas and other separators to a source of symbols."""

    def __init__(self, source: DigitSource, pen: float) -> None:
        self._source, self._pen = source, pen

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """See `DigitSource.draw`."""
        if symbol not in ".,":
            return self._source.draw(symbol, box_w, box_h, rng)
        side = max(2, round(self._pen * float(rng.uniform(0.9, 1.8))))
        mask = np.zeros(
            (side + 2 + (round(1.5 * side) if symbol == "," else 0), side + 2), np.float32
        )
        cv2.line(
            mask,
            (side // 2 + 1, side // 2 + 1),
            (side // 2 + 1 - side // 4, mask.shape[0] - 2 - side // 2),
            (1.0,),
            side,
        )
        return mask
