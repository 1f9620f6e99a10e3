"""Compose a cell with a number, its printed lines and its neighbours' ink, as a scan shows it.

There is no record of a measurement for the ranges below; they were chosen by eye beside
development pages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from formreader.core.geometry import quads_of
from formreader.core.records import DigitBox, GreyImage
from formreader.synth.patterns import Layer, lay, print_mask
from formreader.training.number_network.cell_paper import Place, draw_lines, paper
from formreader.training.number_network.cell_scans import scanned
from formreader.training.number_network.number_hands import Glyph, HandSets
from formreader.training.number_network.number_texts import CellText, sample_text
from formreader.training.number_network.number_writing import (
    long_strokes,
    scribble,
    strike,
    tick,
    write_number,
    write_word,
)

_CELL_HEIGHTS = (20.0, 150.0)
"""Lowest and highest cell in pixels of its scan."""
_USUAL_CELL_HEIGHT, _CELL_HEIGHT_SPREAD = 58.0, 0.4
"""Usual height, and the standard deviation of its logarithm."""
_SURROUNDINGS = 0.45
"""What the picture shows around the cell, in heights of the cell: more than a patch does."""
_MAX_CELL_ASPECT = 14.0
"""Widest cell in heights."""
_NEIGHBOURS_KEPT = 40
"""Numbers that were composed before and are written into neighbouring cells."""
_CORNER_SPREAD, _MAX_CORNER_SHIFT = 0.028, 0.07
"""Standard deviation and limit of a found corner's distance from the printed one, in heights."""


@dataclass(frozen=True, slots=True, eq=False)
class ComposedCell:
    """A piece of a page, (h, w) uint8, a cell on it as it would be found, and what to read."""

    image: GreyImage
    cell: DigitBox
    target: str


class CellComposer:
    """Composes cells of the writing of some hands."""

    def __init__(self, hands: HandSets) -> None:
        self._hands = hands

    def compose(self, n: int, rng: np.random.Generator) -> list[ComposedCell]:
        """Compose `n` cells; they depend on `rng` alone."""
        others = deque[Glyph](maxlen=_NEIGHBOURS_KEPT)
        return [self._compose(sample_text(rng), others, rng) for _ in range(n)]

    def _compose(
        self, text: CellText, others: deque[Glyph], rng: np.random.Generator
    ) -> ComposedCell:
        high = _USUAL_CELL_HEIGHT * float(np.exp(_CELL_HEIGHT_SPREAD * rng.normal()))
        high = float(np.clip(high, *_CELL_HEIGHTS))
        ink = self._write(text, max(11.0, high * _digit_share(rng)), rng)
        around = round(_SURROUNDINGS * high)
        wide = _cell_width(ink, high, rng)
        cell = Place(around, around, wide, high)
        shape = (round(high) + 2 * around, round(wide) + 2 * around)
        table = bool(rng.random() < 0.6)
        sheet = paper(shape, cell, rng)
        _print_on(sheet, draw_lines(shape, cell, table, rng), float(rng.uniform(0, 110)))
        if rng.random() < 0.3:
            _print_on(sheet, _captions(shape, cell, rng), float(rng.uniform(0, 120)))
        written = np.zeros(shape, np.float32)
        if others and rng.random() < (0.75 if table else 0.2):
            _write_neighbours(written, cell, others, rng)
        if text.mark == "print":
            word = print_mask(high * float(rng.uniform(0.25, 0.6)), rng)
            _print_on(sheet, _placed(word, shape, cell, rng), float(rng.uniform(0, 90)))
        elif ink is not None:
            np.maximum(written, _placed(ink, shape, cell, rng), out=written)
            others.append(ink)
        _ink_on(sheet, written, rng)
        image, corners = _turned(np.asarray(sheet, np.uint8), cell, rng)
        found = (
            corners
            + np.clip(rng.normal(0, _CORNER_SPREAD, (4, 2)), -_MAX_CORNER_SHIFT, _MAX_CORNER_SHIFT)
            * high
        )
        return ComposedCell(scanned(image, rng), DigitBox(quads_of(found[None])[0]), text.target)

    def _write(self, text: CellText, height: float, rng: np.random.Generator) -> Glyph | None:
        """The ink of what a cell holds; None if it is blank or printed."""
        hand = self._hands.pick(rng)
        match text.mark:
            case "word":
                word = write_word(int(rng.integers(1, 7)), height, rng)
                if not text.text:
                    return word
                return _beside(write_number(text.text, hand, height, rng), word, height, rng)
            case "scribble":
                return scribble(height, rng)
            case "line" | "cross":
                return long_strokes(1 if text.mark == "line" else 2, height, rng)
            case "tick":
                return tick(height, rng)
            case "struck":
                return strike(write_number(text.text, hand, height, rng), height, rng)
            case "struck, then written":
                first, second = text.text.split(" ")
                struck = strike(write_number(first, hand, height, rng), height, rng)
                return _beside(struck, write_number(second, hand, height, rng), height, rng)
        return write_number(text.text, hand, height, rng) if text.text else None


def _digit_share(rng: np.random.Generator) -> float:
    """Height of the digits in heights of the cell."""
    return float(np.clip(rng.normal(0.58, 0.14), 0.24, 0.95))


def _cell_width(ink: Glyph | None, high: float, rng: np.random.Generator) -> float:
    if ink is None:
        return high * float(np.exp(rng.uniform(np.log(0.6), np.log(8))))
    room = rng.uniform(0.05, 0.9) if rng.random() < 0.5 else rng.uniform(0.5, 5)
    wide = ink.shape[1] + high * float(room)
    return float(max(min(wide, _MAX_CELL_ASPECT * high), ink.shape[1], 0.45 * high))


def _beside(first: Glyph, second: Glyph, height: float, rng: np.random.Generator) -> Glyph:
    """Two pieces of writing side by side."""
    gap = round(height * float(rng.uniform(0.2, 0.9)))
    high = max(len(first), len(second))
    both = np.zeros((high, first.shape[1] + gap + second.shape[1]), np.uint8)
    for ink, left in ((first, 0), (second, first.shape[1] + gap)):
        top = (high - len(ink)) // 2
        both[top : top + len(ink), left : left + ink.shape[1]] = ink
    return both


def _placed(ink: Glyph, shape: tuple[int, int], cell: Place, rng: np.random.Generator) -> Layer:
    """The ink in the cell: left, right, in the middle or anywhere; it may lean over the lines."""
    layer = np.zeros(shape, np.float32)
    room = cell.width - ink.shape[1]
    kind = rng.random()
    if kind < 0.25:
        x = room / 2
    elif kind < 0.5:
        x = room - cell.height * float(rng.uniform(0.0, 0.25))
    elif kind < 0.75:
        x = cell.height * float(rng.uniform(0.02, 0.3))
    else:
        x = room * float(rng.random())
    reach = 0.1 * cell.height if rng.random() < 0.12 else 0.0
    x = float(np.clip(x, min(-reach, room / 2), max(room + reach, room / 2)))
    spare = cell.height - len(ink)
    y = spare / 2 + cell.height * float(rng.normal(0, 0.09))
    if rng.random() < 0.85:
        y = float(np.clip(y, min(0.0, spare), max(spare, 0.0)))
    lay(layer, ink, round(cell.left + x), round(cell.top + y))
    return layer


def _write_neighbours(
    layer: Layer, cell: Place, others: deque[Glyph], rng: np.random.Generator
) -> None:
    """Numbers in the cells above, below, left and right, which reach into this one now and then."""
    high = cell.height
    for side in range(4):
        if rng.random() < 0.45:
            continue
        ink = others[int(rng.integers(len(others)))]
        if len(ink) > 0.95 * high:
            continue
        # Deeper than this a stroke may well be one of this cell.
        apart = high * float(rng.uniform(-0.11, 0.3))
        if side < 2:
            x = cell.left + rng.uniform(-0.3, 1.0) * cell.width
            y = cell.top - apart - len(ink) if side == 0 else cell.bottom + apart
        else:
            x = cell.left - apart - ink.shape[1] if side == 2 else cell.right + apart
            y = cell.top + rng.uniform(0.0, 1.0) * (high - len(ink))
        lay(layer, ink, round(x), round(y))


def _captions(shape: tuple[int, int], cell: Place, rng: np.random.Generator) -> Layer:
    """Print around the cell, or small in its corner."""
    layer = np.zeros(shape, np.float32)
    size = cell.height * float(rng.uniform(0.15, 0.4))
    word = print_mask(size, rng)
    kind = rng.random()
    if kind < 0.45:
        lay(layer, word, round(cell.left), round(cell.top - len(word) - 0.05 * size))
    elif kind < 0.8:
        lay(
            layer,
            word,
            round(cell.left - word.shape[1] - 0.1 * size),
            round(cell.top + 0.3 * cell.height),
        )
    else:
        lay(layer, word, round(cell.left), round(cell.bottom + 0.1 * size))
    return layer


def _print_on(sheet: Layer, ink: Layer, grey: float) -> None:
    """Print ink of one grey onto paper, in place."""
    sheet += ink * (np.minimum(np.float32(grey), sheet) - sheet)


def _ink_on(sheet: Layer, ink: Layer, rng: np.random.Generator) -> None:
    """Write with a random pen onto paper, in place."""
    grey = float(rng.uniform(0, 90) if rng.random() < 0.7 else rng.uniform(60, 150))
    cover = ink * np.float32(rng.uniform(0.85, 1.0))
    if rng.random() < 0.2:  # the grain of a pencil
        grain = rng.standard_normal(ink.shape, dtype=np.float32)
        cover = np.clip(cover * (1 + np.float32(rng.uniform(0.1, 0.4)) * grain), 0, 1)
    _print_on(sheet, cover, grey)


def _turned(
    image: GreyImage, cell: Place, rng: np.random.Generator
) -> tuple[GreyImage, np.ndarray]:
    """The picture turned a little, half of the time, and the cell's corners on it, (4, 2)."""
    corners = np.array(
        [
            (cell.left, cell.top), (cell.right, cell.top),
            (cell.right, cell.bottom), (cell.left, cell.bottom),
        ]
    )  # fmt: skip
    if rng.random() < 0.5:
        return image, corners
    h, w = image.shape
    most = min(1.5, np.degrees(0.25 * cell.height / w) * 2)
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-most, most)), 1.0)
    turned = cv2.warpAffine(
        image, turn, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, np.uint8), corners @ turn[:, :2].T + turn[:, 2]
