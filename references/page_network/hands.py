"""Hands that fill in training pages: digits of real writers, letters of the stroke model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from formreader.core.geometry import MM_PER_INCH
from formreader.synth import ArraySource, DigitSource, Hand, HandSource
from formreader.synth.strokes import Mask
from formreader.training.data.digit_sets import STROKE_UNIT, Path2D, PenStrokes, draw_paths

_PEN_WIDTHS_MM = (0.2, 0.95)
"""Range of the width of a pen's line, mm; the geometric mean of both is the most frequent."""

_MAX_PEN_OF_HEIGHT = 0.17
"""Widest line as a share of a digit's height: people write small with a fine pen."""

_BENT_SHARE = 0.6
"""Share of a writer's digits that are bent: 232 writers do not know all shapes of a digit."""

_EVEN_STEP, _KNOT_DISTANCE = 0.025 * STROKE_UNIT, 0.22 * STROKE_UNIT
"""Distances along a stroke, of the points that it is bent at, and of those that random changes are
drawn for."""
_TURN_SIGMA, _STRETCH_SIGMA, _TAIL_SIGMA = 0.2, 0.25, 0.55
"""Standard deviations of the change of a stroke's direction in radians, of the logarithm of the
change of its length, and of the further turn at its end. Set by eye: stronger ones make digits that
nobody can name."""
_TAIL_START = 0.6
"""Share of a stroke from which on its end turns."""

_SHARES = {"strokes": 0.5, "images": 0.4, "model": 0.1}
"""How often a page's digits are pen strokes of a real writer, images, or drawn by the model."""


@dataclass(frozen=True, slots=True, eq=False)
class StrokeSource:
    """Digits of one writer of `PenStrokes`, drawn with a pen `pen` px wide.

    Other symbols come from `others`. `size` is a digit's height as a share of its box's, `slant`
    a shift to the right over it.
    """

    strokes: PenStrokes
    digits: npt.NDArray[np.intp]
    others: DigitSource
    pen: float
    size: float = 0.72
    slant: float = 0.0

    def draw(self, symbol: str, box_w: float, box_h: float, rng: np.random.Generator) -> Mask:
        """See `DigitSource.draw`."""
        known = (
            self.digits[self.strokes.labels[self.digits] == int(symbol)]
            if (symbol.isdecimal())
            else ()
        )
        if not len(known):
            return self.others.draw(symbol, box_w, box_h, rng)
        paths = self.strokes.paths[int(rng.choice(known))]
        if rng.random() < _BENT_SHARE:
            paths = bent(paths, rng)
        height = box_h * self.size * float(rng.uniform(0.9, 1.1))
        scale = height / max(float(np.concatenate(paths)[:, 1].max()), 0.3 * STROKE_UNIT)
        lean = np.array([[1.0, -self.slant], [0.0, 1.0]])
        pen = min(self.pen, _MAX_PEN_OF_HEIGHT * height)
        return draw_paths([path @ lean.T * scale for path in paths], pen)


def bent(paths: Sequence[Path2D], rng: np.random.Generator) -> list[Path2D]:
    """The strokes as another hand may write them: each turns and stretches smoothly on its way.

    Ends of strokes turn furthest: tails of nines and sevens, flags and feet are what hands differ
    by most. Changes direction and length of the pen's way as the sigma-lognormal model of
    handwriting changes its strokes (Plamondon et al., "Recent developments in the study of rapid
    human movements with the kinematic theory", 2014).
    """
    return [_bent(path, rng) for path in paths]


def _bent(path: Path2D, rng: np.random.Generator) -> Path2D:
    along = np.concatenate([[0], np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum()])
    if along[-1] < 3 * _EVEN_STEP:  # a dot
        return path
    n = int(along[-1] / _EVEN_STEP) + 1
    at = np.linspace(0, along[-1], n)
    even = np.column_stack([np.interp(at, along, side) for side in path.T])
    knots = int(along[-1] / _KNOT_DISTANCE) + 2
    share = np.linspace(0, 1, n - 1)
    turn, stretch = (
        np.interp((knots - 1) * share, np.arange(knots), rng.normal(0, sigma, knots))
        for sigma in (_TURN_SIGMA, _STRETCH_SIGMA)
    )
    tail = np.clip((share - _TAIL_START) / (1 - _TAIL_START), 0, 1)
    turn += float(rng.normal(0, _TAIL_SIGMA)) * tail
    steps = np.diff(even, axis=0) @ np.array([1, 1j]) * np.exp(stretch + 1j * turn)
    way = np.concatenate([[0], steps.cumsum()])
    moved: Path2D = even[0] + np.column_stack([way.real, way.imag])
    return moved


def scrawl(length: float, height: float, pen: float, rng: np.random.Generator) -> Mask:
    """Joined writing or a signature: loops that run to the right, `length` x about `height` px."""
    n = max(4, int(length / max(height, 1.0) * rng.uniform(0.8, 2.2)))
    t = np.linspace(0, n, 14 * n)
    bow = rng.uniform(0.25, 1.0, n + 2) * np.where(rng.random(n + 2) < 0.2, 1.8, 1.0)
    swing = np.interp(t, np.arange(n + 2), bow) * height / 2
    x = t / n * length + swing * float(rng.uniform(0.2, 0.7)) * np.cos(2 * np.pi * t)
    y = swing * np.sin(2 * np.pi * t + float(rng.uniform(0, 1))) + rng.normal(0, 0.1) * x
    return draw_paths([np.column_stack([x, y])], pen)


@dataclass(frozen=True, slots=True, eq=False)
class HandBook:
    """Who may write on training pages: writers of strokes, and images of digits by writer.

    `images` are (n, h, w) uint8, bright on black, with `labels` (n,); `by_writer` their numbers,
    `stroke_writers` those of the strokes.
    """

    strokes: PenStrokes
    stroke_writers: list[npt.NDArray[np.intp]]
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    by_writer: list[npt.NDArray[np.intp]]

    @classmethod
    def load(cls, digits: Path) -> HandBook:
        """Read the training parts of `strokes.npz`, `mnist.npz` and `mnist_writers.npz`."""
        with np.load(digits / "mnist.npz") as data:
            images, labels = data["x_train"], data["y_train"]
        with np.load(digits / "mnist_writers.npz") as data:
            writer = data["train"][:, list(data["columns"]).index("nist_writer_id")]
        strokes = PenStrokes.load(digits / "strokes.npz")
        return cls(
            strokes,
            by_writer(strokes),
            images,
            labels,
            [np.flatnonzero(writer == w) for w in np.unique(writer)],
        )

    def source(self, hand: Hand, dpi: float, rng: np.random.Generator) -> tuple[DigitSource, float]:
        """A random writer of digits at this resolution, and the width of the pen in pixels."""
        low, high = np.log(_PEN_WIDTHS_MM)
        pen = float(np.exp(rng.triangular(low, (low + high) / 2, high))) / MM_PER_INCH * dpi
        model = HandSource(hand, dpi)
        kind = rng.choice(list(_SHARES), p=list(_SHARES.values()))
        if kind == "strokes":
            own = self.stroke_writers[int(rng.integers(len(self.stroke_writers)))]
            size, slant = float(rng.uniform(0.6, 0.85)), float(rng.normal(0, 0.12))
            return StrokeSource(self.strokes, own, model, pen, size, slant), pen
        if kind == "images":
            own = self.by_writer[int(rng.integers(len(self.by_writer)))]
            return ArraySource(self.images[own], self.labels[own], model), pen
        return model, hand.width_mm * dpi / MM_PER_INCH


def by_writer(strokes: PenStrokes) -> list[npt.NDArray[np.intp]]:
    """The numbers of each writer's digits."""
    return [np.flatnonzero(strokes.writer == one) for one in np.unique(strokes.writer)]
