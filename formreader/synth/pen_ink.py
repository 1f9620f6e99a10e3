"""Writers, their pens, and where the symbols that they write come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import MM_PER_INCH
from formreader.core.page_layers import Layer
from formreader.synth.paper_sheet import Colour, Rect, Sheet
from formreader.synth.strokes import Hand, Mask, PenKind, draw_strokes, extent

_MAX_STROKES_WIDTH, _MAX_DIGIT_IMAGE_WIDTH = 0.86, 0.9
"""Widest symbol as a share of its box: of the stroke model, and of an image of a digit."""

_MAX_PEN_OF_HEIGHT = 0.16
"""Widest line as a share of the symbol's height: small symbols are written with a finer line."""


class DigitSource(Protocol):
    """Anything that can write a symbol into a box."""

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """Ink of one symbol, as large as it is written into a box of `box_w` x `box_h` pixels.

        Returns a (h, w) float32 mask in 0..1, to be centred in the box; it may be larger than
        the box.
        """
        ...


@dataclass(frozen=True, slots=True)
class HandSource:
    """Symbols by one hand of the stroke model, in the width of its pen at `dpi`."""

    hand: Hand
    dpi: float

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """See `DigitSource.draw`. Raises ValueError for a symbol without strokes."""
        strokes = self.hand.symbol(symbol, rng)
        width, _ = extent(strokes)
        height = box_h * self.hand.size * float(rng.normal(1, 0.03))
        squeeze = min(1.0, _MAX_STROKES_WIDTH * box_w / max(width * height, 1e-6))
        # In narrow boxes people write digits narrower, but also smaller.
        height *= float(np.sqrt(squeeze))
        pen = min(self.hand.width_mm * self.dpi / MM_PER_INCH, _MAX_PEN_OF_HEIGHT * height)
        return draw_strokes(strokes, height, float(np.sqrt(squeeze)), max(pen, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class RepeatingSource:
    """Symbols of another source, each written at most `variants` times in a size, then repeated.

    This saves much of the time that a full page takes.
    """

    source: DigitSource
    variants: int
    _drawn: dict[tuple[str, int, int], list[Mask]] = field(default_factory=dict)

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """See `DigitSource.draw`; boxes of the same size in whole pixels share their variants."""
        drawn = self._drawn.setdefault((symbol, round(box_w), round(box_h)), [])
        if len(drawn) == self.variants:
            return drawn[int(rng.integers(self.variants))]
        drawn.append(self.source.draw(symbol, box_w, box_h, rng))
        return drawn[-1]


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Digits from an array of images, such as MNIST; symbols without an image come from `marks`.

    `images` is (n, h, w) uint8, bright ink on black; `labels` are their digits, (n,). `size` is
    the ink's height as a share of the box's.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.integer]
    marks: DigitSource
    size: float = 0.72

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """See `DigitSource.draw`."""
        choices = np.flatnonzero(self.labels == int(symbol)) if symbol.isdecimal() else ()
        if not len(choices):
            return self.marks.draw(symbol, box_w, box_h, rng)
        image = self.images[int(rng.choice(choices))]
        ys, xs = np.nonzero(image)
        tight = image[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
        height = box_h * self.size * float(rng.uniform(0.88, 1.12))
        scale = min(height / tight.shape[0], _MAX_DIGIT_IMAGE_WIDTH * box_w / tight.shape[1])
        size = (max(2, round(tight.shape[1] * scale)), max(2, round(tight.shape[0] * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        ink = tight.astype(np.float32) / np.float32(255)
        scaled = cv2.resize(ink, size, interpolation=interpolation)
        return np.asarray(np.clip(scaled, 0, 1), np.float32)


_PEN_COLOURS: dict[PenKind, tuple[Colour, ...]] = {
    "ball": ((28, 42, 120), (20, 60, 150), (35, 35, 45), (20, 20, 25)),
    "gel": ((15, 15, 20), (20, 30, 110), (25, 25, 90)),
    "pencil": ((70, 70, 74), (90, 90, 95)),
    "felt": ((15, 15, 15), (20, 25, 80), (150, 25, 30)),
}
"""Colours that each kind of pen comes in."""

_WRITING_WIDTH = 0.94
"""Share of a cell's width that writing in it may take."""

_SPACE_WIDTH = 0.35
"""Width of a space between words, as a share of the cell's height."""


@dataclass(frozen=True, slots=True)
class Pen:
    """A pen with the ink it leaves.

    `darkness`: how much of the colour arrives, 0..1. `grain`: how patchy the line is, 0..1.
    """

    colour: Colour
    darkness: float = 1.0
    grain: float = 0.0

    @classmethod
    def sample(cls, kind: PenKind, rng: np.random.Generator) -> Pen:
        """A random pen of this kind."""
        colours = _PEN_COLOURS[kind]
        colour = colours[int(rng.integers(len(colours)))]
        if kind == "pencil":
            return cls(colour, float(rng.uniform(0.75, 0.95)), float(rng.uniform(0.25, 0.55)))
        return cls(colour, float(rng.uniform(0.88, 1.0)), float(rng.uniform(0.0, 0.12)))

    def faint(self, darkness: float) -> Pen:
        """The same pen, pressed so lightly that only `darkness` of its colour arrives."""
        return replace(self, darkness=darkness)

    def lay(self, mask: Mask, rng: np.random.Generator) -> Mask:
        """The ink that a stroke of this shape leaves, (h, w)."""
        if not self.grain:
            return mask * np.float32(self.darkness)
        texture = cv2.GaussianBlur(rng.random(mask.shape, dtype=np.float32), (0, 0), 0.8) - 0.5
        texture = np.clip(texture * 5, -1, 1)
        cover = mask * (1 + self.grain * (texture - np.float32(0.35)))
        return np.asarray(np.clip(cover * self.darkness, 0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Writer:
    """Someone who fills in a form: with symbols from `source`, written with `pen`.

    `wander`: how far symbols stray from the middle of their boxes, as a standard deviation in
    shares of the box's side. `own`: the writer's own random numbers, so that the form's are the
    same whoever fills it in; None to take those of the form.
    """

    source: DigitSource
    pen: Pen
    wander: float = 0.05
    own: np.random.Generator | None = None

    def write(self, sheet: Sheet, rect: Rect, symbol: str, rng: np.random.Generator) -> None:
        """Write one symbol into a box of the sheet."""
        rng = self.own or rng
        w, h = rect.w * sheet.scale, rect.h * sheet.scale
        mask = self.source.draw(symbol, w, h, rng)
        dx, dy = np.clip(rng.normal(0, self.wander, 2), -2 * self.wander, 2 * self.wander)
        left = rect.x * sheet.scale + w / 2 + dx * w - mask.shape[1] / 2
        top = rect.y * sheet.scale + h / 2 + dy * h - mask.shape[0] / 2
        ink = self.pen.lay(mask, rng)
        sheet.stain(Layer.PEN, ink, round(left), round(top), self.pen.colour)

    def write_line(self, sheet: Sheet, rect: Rect, text: str, rng: np.random.Generator) -> None:
        """Write a line of text into a rectangle, smaller where it would not fit.

        The letters stand on a common baseline; neighbours may touch.
        """
        if not text:
            return
        rng = self.own or rng
        height = rect.h * sheet.scale
        spacing = float(rng.uniform(-0.04, 0.16))
        parts = [self._letter(letter, height, rng) for letter in text]
        width = sum(part.shape[1] + spacing * height for part in parts)
        room = _WRITING_WIDTH * rect.w * sheet.scale
        if width > room:
            height *= room / width
            parts = [self._letter(letter, height, rng) for letter in text]
            width = sum(part.shape[1] + spacing * height for part in parts)
        x = rect.x * sheet.scale + max(0.0, room - width) * float(rng.uniform(0.05, 0.8)) + 1
        tallest = max(part.shape[0] for part in parts)
        baseline = (rect.y + rect.h / 2) * sheet.scale + tallest / 2
        for part in parts:
            rise = part.shape[0] + float(rng.normal(0, self.wander)) * height
            ink = self.pen.lay(part, rng)
            sheet.stain(Layer.PEN, ink, round(x), round(baseline - rise), self.pen.colour)
            x += part.shape[1] + spacing * height

    def _letter(self, letter: str, height: float, rng: np.random.Generator) -> Mask:
        if letter == " ":
            return np.zeros((1, max(1, round(_SPACE_WIDTH * height))), np.float32)
        return self.source.draw(letter, height, height, rng)
