"""Compose a cell with a number, its printed lines and its neighbours' ink, as a scan shows it.

There is no record of a measurement for the ranges below; they were chosen by eye beside
development pages.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box, quads_of, scaling
from formreader.core.image_pyramid import paper_under_ink
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.writing_map import WritingMap, dark_places
from formreader.synth.typefaces import Typeface
from number_network.cell_paper import draw_lines, paper
from number_network.cell_scans import scanned
from number_network.number_hands import Glyph, HandSets
from number_network.number_texts import CellText, sample_text
from number_network.number_writing import (
    long_strokes,
    scribble,
    strike,
    tick,
    write_number,
    write_word,
)
from shared.patterns import Layer, lay, print_mask

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
_PREPRINTED = (
    "00", "00", "0 0", ".00", ",00", ".", ",", "0", "20", "19", "%", "kg", "EUR", "CHF", "$", "£",
    "h", "min", "No.", "Total", "x", "/", "-", "(", ")", "C",
)  # fmt: skip
"""What forms print into their cells."""
_MAP_HEIGHTS = (7.0, 26.0)
"""Lowest and highest cell on the map of writing, on which a millimetre has two places."""
_SEEN_PAPER = 0.6
"""Side of the closing that evens the light, in heights of the cell."""
_SEEN_PEN, _SEEN_LINE = 0.25, 0.2
"""Shares of a place of that map from which the page network sees the pen and a line there."""
_CORNER_SPREAD, _MAX_CORNER_SHIFT = 0.028, 0.07
"""Standard deviation and limit of a found corner's distance from the printed one, in heights."""


@dataclass(frozen=True, slots=True, eq=False)
class ComposedCell:
    """A piece of a page, (h, w) uint8, and what is written where on it.

    `cell` is where a cell would be found, and `target` what is to be read in it.
    """

    image: GreyImage
    writing: WritingMap
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
        printed = _preprinted(text, high, rng)
        beside = 0.0 if printed is None or ink is None else printed.shape[1] + 0.3 * high
        wide = _cell_width(ink, high, rng) + beside
        cell = Box(around, around, wide, high)
        shape = (round(high) + 2 * around, round(wide) + 2 * around)
        table = bool(rng.random() < 0.6)
        sheet = paper(shape, cell, rng)
        lines = draw_lines(shape, cell, table, rng)
        _print_on(sheet, lines, float(rng.uniform(0, 110)))
        if rng.random() < 0.3:
            _print_on(sheet, _captions(shape, cell, rng), float(rng.uniform(0, 120)))
        written = np.zeros(shape, np.float32)
        if others and rng.random() < (0.75 if table else 0.2):
            _write_neighbours(written, cell, others, rng)
        room, own = cell, cell
        if printed is not None and ink is not None:
            rest = cell.width - beside
            if rng.random() < 0.5:
                room = Box(cell.left, cell.top, beside, high)
                own = Box(cell.left + beside, cell.top, rest, high)
            else:
                room = Box(cell.left + rest, cell.top, beside, high)
                own = Box(cell.left, cell.top, rest, high)
        if printed is not None:
            grey = float(rng.uniform(0, 90) if rng.random() < 0.7 else rng.uniform(90, 200))
            _print_on(sheet, _placed(printed, shape, room, rng), grey)
        if ink is not None:
            np.maximum(written, _placed(ink, shape, own, rng), out=written)
            others.append(ink)
        _ink_on(sheet, written, rng)
        turn, corners = _turn(shape, cell, rng)
        image, lines, written = (_turned(one, turn) for one in (sheet, lines, written))
        found = (
            corners
            + np.clip(rng.normal(0, _CORNER_SPREAD, (4, 2)), -_MAX_CORNER_SHIFT, _MAX_CORNER_SHIFT)
            * high
        )
        scan = scanned(np.asarray(image, np.uint8), rng)
        place = DigitBox(quads_of(found[None])[0])
        return ComposedCell(scan, _seen(scan, lines, written, high, rng), place, text.target)

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


def _placed(ink: Glyph, shape: tuple[int, int], cell: Box, rng: np.random.Generator) -> Layer:
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
    layer: Layer, cell: Box, others: deque[Glyph], rng: np.random.Generator
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


def _preprinted(
    text: CellText, high: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8] | None:
    """What is printed in a cell of this height; None for nothing."""
    if text.mark not in ("print", "beside print"):
        return None
    size = high * float(rng.uniform(0.25, 0.8))
    if rng.random() < 0.3:
        return print_mask(0.8 * size, rng)
    kind = rng.random()
    if kind < 0.6:
        said = _PREPRINTED[int(rng.integers(len(_PREPRINTED)))]
    else:
        said = "".join(map(str, rng.integers(0, 10, int(rng.integers(1, 5))).tolist()))
    mask = Typeface.sample(rng).mask(said, max(size, 8.0), bool(rng.random() < 0.3))
    return np.asarray(np.clip(255 * mask, 0, 255), np.uint8)


def _captions(shape: tuple[int, int], cell: Box, rng: np.random.Generator) -> Layer:
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


def _seen(
    scan: GreyImage, lines: Layer, written: Layer, high: float, rng: np.random.Generator
) -> WritingMap:
    """Where the page network would see ink and writing on a scan with these lines and this pen.

    Some of the writing it does not see, or takes for print.
    """
    scale = float(np.exp(rng.uniform(*np.log(_MAP_HEIGHTS)))) / high
    size = tuple(max(round(side * scale), 1) for side in scan.shape[::-1])
    small, ruled, pen = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (scan, lines, written)
    )
    paper = paper_under_ink(np.asarray(small, np.uint8), round(_SEEN_PAPER * high * scale) | 1)
    even = np.asarray(cv2.divide(small, paper, scale=255), np.uint8)
    seen = pen > _SEEN_PEN
    if rng.random() < 0.12:
        seen[:] = False
    elif rng.random() < 0.25:
        first = int(rng.integers(size[0]))
        seen[:, first : first + max(size[0] // 4, 1)] = False
    ink = (dark_places(even) & (ruled < _SEEN_LINE)) | seen
    return WritingMap(ink, seen, scaling(scan.shape[1] / size[0], scan.shape[0] / size[1]))


def _turn(
    shape: tuple[int, int], cell: Box, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64]]:
    """A small turn, (2, 3), half of the time, and the corners of the cell then, (4, 2)."""
    corners = np.array(
        [
            (cell.left, cell.top), (cell.right, cell.top),
            (cell.right, cell.bottom), (cell.left, cell.bottom),
        ]
    )  # fmt: skip
    if rng.random() < 0.5:
        return None, corners
    h, w = shape
    most = min(1.5, np.degrees(0.25 * cell.height / w) * 2)
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), float(rng.uniform(-most, most)), 1.0)
    moved = corners @ turn[:, :2].T + turn[:, 2]
    return np.asarray(turn, np.float64), np.asarray(moved, np.float64)


def _turned(image: Layer, turn: npt.NDArray[np.float64] | None) -> Layer:
    if turn is None:
        return image
    turned = cv2.warpAffine(
        image, turn, image.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, np.float32)
