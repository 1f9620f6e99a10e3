"""Where the symbols on a rendered form come from: the stroke model, or images of digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import MM_PER_INCH
from formreader.synth.strokes import Hand, Mask, draw_strokes, extent

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
