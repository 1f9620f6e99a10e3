"""A stroke model of handwriting: seeded hands that write digits, marks and letters.

A hand prefers certain allographs and bends each of them in its own lasting way;
every instance then varies a little around that, as in the kinematic and
affine-plus-noise models of handwriting synthesis (Plamondon and Guerfali 1998).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

ControlPoints: TypeAlias = tuple[tuple[float, float], ...]
Allograph: TypeAlias = tuple[ControlPoints, ...]
"""Strokes in the order in which they are written."""


def parse_strokes(text: str) -> Allograph:
    """Read strokes separated by `;`, points as `x,y` in hundredths, corners as `x,y!`."""
    strokes = []
    for part in text.split(";"):
        points: list[tuple[float, float]] = []
        for word in part.split():
            x, y = word.rstrip("!").split(",")
            point = (int(x) / 100, int(y) / 100)
            points += [point, point] if word.endswith("!") else [point]
        strokes.append(tuple(points))
    return tuple(strokes)


STROKES: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("strokes.toml").read_text(encoding="utf-8")
)
"""The tables of `strokes.toml`, whose texts `parse_strokes` reads."""

DIGIT_STROKES: dict[str, dict[str, Allograph]] = {
    digit: {name: parse_strokes(text) for name, text in allographs.items()}
    for digit, allographs in STROKES["digits"].items()
}
"""Digit -> allograph name -> strokes."""

MARK_STROKES: dict[str, Allograph] = {
    symbol: parse_strokes(text) for symbol, text in (STROKES["marks"] | STROKES["letters"]).items()
}
"""Cross, dash, slash, tick (v), block capitals and small letters -> strokes."""

COMMONNESS: dict[str, float] = {"slashed": 0.06, "flag and foot": 0.6, "serif crossed": 0.5}
"""How often an allograph is drawn among those of its digit; 1 where it is not named."""

SCRIBBLE = "#"
"""A box scribbled over."""

STRUCK_OUT = "~"
"""A digit that its writer struck out."""


Mask: TypeAlias = npt.NDArray[np.float32]
"""(height, width) float32, share of each pixel that ink covers, 0..1."""

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2) float64, x and y."""

PenKind: TypeAlias = Literal["ball", "gel", "pencil", "felt"]

_PEN_WIDTHS_MM: dict[PenKind, tuple[float, float]] = {
    "ball": (0.4, 0.62), "gel": (0.5, 0.8), "pencil": (0.45, 0.7), "felt": (0.8, 1.2),
}  # fmt: skip
"""Range of a pen's line width, mm."""

SUBPIXEL_BITS = 4
SUBPIXELS = 1 << SUBPIXEL_BITS
"""OpenCV draws with whole coordinates in 1/16 px: with 4 binary places (its `shift`)."""

_CURVE_STEPS = 10
"""Points of the curve between two control points."""

_STROKE_OVERSAMPLING = 4
"""Strokes are drawn this many times larger and then averaged, for smooth edges."""

_GLYPH_MIDDLE = (0.28, 0.5)
"""The middle of a digit, in digit heights; hands slant and bend around it."""

_HABIT_DEVIATION, _INSTANCE_DEVIATION = 0.018, 0.014
"""Standard deviations by which control points move, in digit heights: by a hand's lasting habit,
and anew each time (times its `jitter`). Chosen by eye."""


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One movement of the pen without lifting it.

    `points` is (n, 2) float64 in units of the digit's height, y down; `widths` is
    (n,) float64, the line's width there as a multiple of the pen's.
    """

    points: Points
    widths: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hand:
    """How one person writes.

    `slant`: shift to the right over the height of a digit, in heights. `aspect`: width as a
    share of that in `strokes.toml`. `size`: height as a share of the box's. `width_mm`: width of
    the pen's line. `jitter`: how much instances of a symbol differ, about 1. `tremor`: shakiness
    of the line, in digit heights. `wander`: how far symbols stray from the middle of their
    boxes, as a share of the box. `pressure`: variation of the line's width, as a share of it.
    `angular`: lines between control points are round (0) to straight (1). `allographs`: digits
    with the preferred allograph of each; `faithful`: share of the digits written so. `habit`:
    seed of the lasting bends of the shapes.
    """

    slant: float
    aspect: float
    size: float
    width_mm: float
    pen: PenKind
    jitter: float
    tremor: float
    wander: float
    pressure: float
    angular: float
    allographs: tuple[tuple[str, str], ...]
    faithful: float
    habit: int

    @classmethod
    def sample(cls, rng: np.random.Generator, pen: PenKind | None = None) -> Hand:
        """A random hand; `pen` fixes the pen's kind."""
        kinds: tuple[PenKind, ...] = ("ball", "ball", "gel", "pencil", "felt")
        kind = pen or kinds[int(rng.integers(len(kinds)))]
        return cls(
            slant=float(np.clip(rng.normal(0.08, 0.13), -0.22, 0.4)),
            aspect=float(rng.uniform(0.8, 1.2)),
            size=float(rng.uniform(0.6, 0.84)),
            width_mm=float(rng.uniform(*_PEN_WIDTHS_MM[kind])),
            pen=kind,
            jitter=float(rng.uniform(0.4, 1.25)),
            tremor=float(rng.uniform(0.0, 0.01)),
            wander=float(rng.uniform(0.02, 0.07)),
            pressure=float(rng.uniform(0.03, 0.18)),
            angular=float(rng.uniform(0.0, 0.3)),
            allographs=tuple((digit, _pick(digit, rng)) for digit in DIGIT_STROKES),
            faithful=0.9,
            habit=int(rng.integers(2**31)),
        )

    def digit(self, digit: str, rng: np.random.Generator) -> list[Stroke]:
        """One instance of a digit, sometimes by another allograph than the preferred one."""
        name = dict(self.allographs)[digit] if rng.random() < self.faithful else _pick(digit, rng)
        return self.write(DIGIT_STROKES[digit][name], f"{digit} {name}", rng)

    def symbol(self, symbol: str, rng: np.random.Generator) -> list[Stroke]:
        """One instance of a digit, mark or letter.

        Raises:
            ValueError: there are no strokes for this symbol.
        """
        if symbol in DIGIT_STROKES:
            return self.digit(symbol, rng)
        if symbol == STRUCK_OUT:
            struck = self.digit(str(rng.integers(10)), rng)
            return struck + self.write(_strike(rng), "strike", rng)
        if symbol == SCRIBBLE:
            return self.write(_scribble(rng), "scribble", rng)
        if symbol not in MARK_STROKES:
            known = "".join((*DIGIT_STROKES, *MARK_STROKES, SCRIBBLE, STRUCK_OUT))
            raise ValueError(f"no strokes for {symbol!r}; known are {known}")
        return self.write(MARK_STROKES[symbol], symbol, rng)

    def write(self, strokes: Allograph, name: str, rng: np.random.Generator) -> list[Stroke]:
        """One instance of an allograph; its `name` tells the hand's habits of shapes apart."""
        habit = np.random.default_rng([self.habit, *name.encode()])
        bend = _affine(rng, 0.5 * self.jitter) @ _affine(habit, 1.0)
        slanted = np.array([[self.aspect, -self.slant], [0.0, 1.0]]) @ bend
        written = []
        for control in strokes:
            shifts = _vary(control, habit, _HABIT_DEVIATION)
            shifts = shifts + _vary(control, rng, _INSTANCE_DEVIATION * self.jitter)
            points = np.asarray(control) + shifts
            curve = _curve(points, self.angular)
            curve = curve + self.tremor * _wave(len(curve), 2 + len(curve) // 9, rng)
            curve = (curve - _GLYPH_MIDDLE) @ slanted.T + _GLYPH_MIDDLE
            written.append(Stroke(curve, self._widths(len(curve), rng)))
        return written

    def _widths(self, n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """The line's width at each of `n` points, thinner at both ends; (n,), about 1."""
        wave = _wave(n, 3 + n // 20, rng)[:, 0]
        swell = 1 + self.pressure * (wave - 0.7 * wave.mean())
        ends = np.minimum(np.arange(n), np.arange(n)[::-1]) / 5
        taper = 1 - min(2.0 * self.pressure, 0.4) * np.clip(1 - ends, 0, 1) ** 2
        return np.asarray(np.clip(swell * taper, 0.45, 1.6), np.float64)


def draw_strokes(strokes: list[Stroke], height: float, width_scale: float, pen: float) -> Mask:
    """Ink of strokes, drawn so that a height of 1 is `height` pixels.

    `width_scale` makes the shape narrower (below 1) or wider; `pen` is the line's width in
    pixels. Returns a tight (h, w) float32 mask; its margin is as wide as the line.
    """
    scale = np.array([height * width_scale, height])
    paths = [stroke.points * scale for stroke in strokes]
    all_points = np.concatenate(paths)
    margin = pen + 1.5
    origin = all_points.min(axis=0) - margin
    w, h = np.ceil(all_points.max(axis=0) - origin + margin).astype(int)
    fine = np.zeros((h * _STROKE_OVERSAMPLING, w * _STROKE_OVERSAMPLING), np.uint8)
    for path, stroke in zip(paths, strokes, strict=True):
        points = ((path - origin) * _STROKE_OVERSAMPLING * SUBPIXELS).round().astype(np.int32)
        widths = np.maximum((stroke.widths * pen * _STROKE_OVERSAMPLING).round(), 1).astype(int)
        ends = points.tolist()
        for start, end, width in zip(ends, ends[1:], widths[1:].tolist(), strict=False):
            cv2.line(fine, start, end, 255, width, cv2.LINE_8, shift=SUBPIXEL_BITS)
    small = cv2.resize(fine, (w, h), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255)


def extent(strokes: list[Stroke]) -> tuple[float, float]:
    """Width and height of strokes, in units of the digit's height."""
    spread = np.ptp(np.concatenate([stroke.points for stroke in strokes]), axis=0)
    return float(spread[0]), float(spread[1])


def _pick(digit: str, rng: np.random.Generator) -> str:
    """The name of a random allograph of a digit."""
    names = list(DIGIT_STROKES[digit])
    weights = np.array([COMMONNESS.get(name, 1.0) for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _affine(rng: np.random.Generator, amount: float) -> Points:
    """A small random stretch, turn and shear, (2, 2)."""
    stretch = np.diag(1 + amount * rng.normal(0, 0.035, 2))
    turn = amount * rng.normal(0, 0.035)
    return np.array([[1.0, -turn], [turn, 1.0]]) @ stretch


def _vary(control: ControlPoints, rng: np.random.Generator, amount: float) -> Points:
    """A random shift for each control point, the same for both of a corner; (n, 2)."""
    shifts = rng.normal(0, amount, (len(control), 2)).clip(-2.2 * amount, 2.2 * amount)
    for i in range(1, len(control)):
        if control[i] == control[i - 1]:
            shifts[i] = shifts[i - 1]
    return shifts


def _curve(points: Points, angular: float) -> Points:
    """Catmull-Rom spline through the points, with a corner where one stands twice; (m, 2)."""
    corners = np.flatnonzero((np.diff(points, axis=0) == 0).all(axis=1)) + 1
    pieces = [_spline(piece, angular) for piece in np.split(points, corners) if len(piece) > 1]
    return np.concatenate(pieces)


def _spline(points: Points, angular: float) -> Points:
    t = np.linspace(0, 1, _CURVE_STEPS, endpoint=False)[:, None]
    tangents = np.gradient(points, axis=0) * (1 - angular)
    if angular:
        tangents[[0, -1]] = points[[1, -1]] - points[[0, -2]]
    pieces = []
    for p, q, m, n in zip(points, points[1:], tangents, tangents[1:], strict=False):
        a, b = 2 * (p - q) + m + n, 3 * (q - p) - 2 * m - n
        pieces.append(((a * t + b) * t + m) * t + p)
    return np.concatenate([*pieces, points[-1:]])


def _wave(n: int, knots: int, rng: np.random.Generator) -> Points:
    """Smooth noise of unit size along a stroke, (n, 2)."""
    noise = rng.normal(0, 1, (knots, 2))
    at = np.linspace(0, knots - 1, n)
    return np.stack([np.interp(at, np.arange(knots), noise[:, i]) for i in (0, 1)], axis=1)


def _scribble(rng: np.random.Generator) -> Allograph:
    """A zigzag over the box."""
    n = int(rng.integers(7, 13))
    xs = np.linspace(-0.02, 0.58, n)
    ys = np.where(np.arange(n) % 2, 0.92, 0.06) + rng.normal(0, 0.06, n)
    return (tuple(zip(xs.tolist(), ys.tolist(), strict=True)),)


def _strike(rng: np.random.Generator) -> Allograph:
    """One to three lines through a digit."""
    lines = []
    for i in range(int(rng.integers(1, 4))):
        y = 0.35 + 0.18 * i
        lines.append(((-0.1, y + 0.12), (0.3, y), (0.7, y - 0.12)))
    return tuple(lines)
