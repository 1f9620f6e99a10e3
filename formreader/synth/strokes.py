"""A stroke model of handwriting: seeded hands that write digits, marks and letters.

A hand prefers certain allographs and bends each of them in its own lasting way;
every instance then varies a little around that, as in the kinematic and
affine-plus-noise models of handwriting synthesis (Plamondon and Guerfali 1998).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

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


_DIGIT_POINTS: dict[str, dict[str, str]] = {
    "0": {
        "overlapped": "40,4 24,1 7,22 2,52 10,86 30,100 50,86 58,50 50,14 33,2 22,8",
        "closed": "30,1 10,14 2,50 12,88 31,99 50,86 57,50 48,12 31,1",
        "from the right": "48,12 28,0 7,16 1,54 14,92 34,99 53,80 57,42 46,10 40,6",
        "clockwise": "22,4 40,2 55,28 56,64 42,96 24,99 7,80 2,42 12,10 26,3",
        "slashed": "32,1 10,14 2,50 12,88 31,99 50,86 57,50 48,12 31,1; 60,4 4,96",
    },
    "1": {
        "plain": "12,0 11,50 10,100",
        "flagged": "0,29 13,17 24,0! 24,50 23,100",
        "long flag": "0,40 18,22 33,0! 33,50 32,100",
        "flag and foot": "2,28 14,16 24,0! 24,50 24,100; 2,100 26,99 50,100",
    },
    "2": {
        "plain": "3,22 12,5 30,0 48,10 48,32 30,64 1,98! 26,98 57,97",
        "looped": "5,20 16,3 34,0 49,14 46,36 28,68 10,91 0,90 4,80 18,83 36,96 50,99 62,90",
        "swan": "5,24 14,5 33,0 48,14 44,38 26,68 2,97! 16,90 36,96 58,94",
        "hooked": "9,27 5,14 22,0 44,6 50,26 34,58 3,97! 30,96 59,98",
    },
    "3": {
        "round": "4,12 22,0 44,8 44,32 17,46! 44,50 54,72 42,95 18,100 0,88",
        "flat top": "3,3 27,3 51,2! 36,20 21,40! 44,44 55,66 46,92 22,100 0,90",
        "looped": "5,11 24,0 45,10 42,34 22,48 14,45 20,40 42,49 54,70 42,95 20,100 0,89",
        "smooth": "3,14 20,0 43,6 46,28 26,45! 46,52 54,74 38,97 16,100 0,90",
    },
    "4": {
        "open": "15,0 10,28 1,58! 26,58 60,55; 44,28 42,64 40,100",
        "open square": "7,2 6,30 6,55! 30,55 58,54; 47,2 46,50 45,100",
        "open round": "9,2 4,34 8,52 26,55 47,46; 49,2 46,50 44,100",
        "closed": "42,0 20,32 0,67! 30,66 60,65; 43,1 42,50 42,100",
        "closed in one": "43,100 43,50 43,0! 20,33 0,68! 30,67 62,64",
    },
    "5": {
        "detached bar": "10,8 8,26 5,44! 26,37 47,47 53,69 40,94 18,100 0,90; 12,5 32,4 56,2",
        "gap": "8,14 7,30 5,46! 26,40 48,50 53,71 40,94 18,100 0,91; 14,1 34,1 58,-2",
        "in one": "55,3 32,4 11,4! 8,24 5,43! 26,37 48,49 53,70 40,94 18,100 0,91",
        "square": "52,2 30,2 7,2! 6,22 5,42! 30,38 50,52 52,74 40,95 20,100 2,95",
    },
    "6": {
        "curved": "44,2 22,18 6,46 3,74 14,96 34,99 50,86 48,64 32,55 14,64 5,80",
        "straight stem": "38,0 20,28 4,64 6,88 24,100 44,92 50,74 40,58 22,58 8,72",
        "from the loop": "5,70 16,57 36,55 50,70 44,92 25,100 8,88 3,64 12,32 30,8 42,2",
        "tall loop": "46,6 28,4 9,32 2,68 12,95 32,100 50,84 47,58 30,48 10,60 4,72",
    },
    "7": {
        "plain": "0,4 26,4 55,3! 38,42 22,100",
        "curved": "0,5 14,3 36,5 56,1! 40,32 28,64 24,100",
        "crossed": "0,4 26,4 55,3! 40,42 24,100; 14,52 32,50 52,49",
        "serif": "3,20 2,4! 28,5 56,3! 40,38 26,100",
        "serif crossed": "3,18 2,5! 28,6 56,3! 40,40 25,100; 13,54 32,52 51,50",
    },
    "8": {
        "s first": "46,13 29,1 10,9 10,29 28,46 50,66 47,90 26,100 5,88 6,67 28,47 46,28 44,9",
        "other way": "14,8 32,0 47,14 41,34 23,48 5,68 7,92 28,100 49,88 48,66 27,48 9,30 11,10",
        "from middle": "27,47 9,32 12,8 30,0 45,14 42,34 26,48 6,66 6,90 28,99 50,88 48,66 27,47",
        "rings": "28,1 11,10 12,34 28,45 44,34 44,9 28,1; 28,46 7,58 5,86 27,99 50,86 48,58 28,46",
    },
    "9": {
        "straight tail": "47,15 32,1 12,6 2,27 11,46 29,48 44,34 49,6! 48,50 46,100",
        "curled tail": "47,16 32,1 12,6 2,27 11,46 29,48 45,32 49,10! 50,46 47,80 32,99 8,95",
        "slanted tail": "48,18 34,1 13,5 2,26 10,45 28,47 46,28 50,8! 42,50 28,100",
        "in one curve": "48,14 30,0 9,9 3,32 16,49 36,44 48,22 49,40 46,74 36,100",
    },
}

_MARK_POINTS: dict[str, str] = {
    "X": "4,4 56,96; 55,3 5,97",
    "-": "0,50 30,49 60,50",
    "/": "56,2 30,50 4,98",
    "v": "2,56 20,92! 34,52 62,4",
}

_LETTER_POINTS: dict[str, str] = {
    "A": "0,100 14,50 29,0! 44,50 58,100; 10,62 30,61 48,62",
    "B": "5,0 4,50 4,100; 3,3 34,2 42,22 28,46 5,47; 6,47 40,52 48,76 32,97 3,99",
    "C": "52,18 34,1 10,16 1,50 10,86 34,99 54,84",
    "D": "5,1 5,50 4,99; 2,2 34,8 54,46 36,90 2,99",
    "E": "50,2 4,2! 4,50 4,99! 52,98; 4,48 42,48",
    "F": "6,2 5,50 4,100; 4,3 52,2; 4,48 40,47",
    "G": "52,18 34,1 10,16 1,50 10,86 34,99 53,82 54,56! 32,56",
    "H": "3,0 3,100; 52,0 52,100; 3,50 52,49",
    "J": "42,0 42,60 34,94 16,100 1,84; 22,1 60,0",
    "K": "4,0 4,100; 50,2 28,34 5,56! 28,74 54,100",
    "L": "4,0 4,50 3,98! 28,98 50,98",
    "M": "0,100 4,50 6,0! 20,36 34,62! 50,32 62,0! 65,50 68,100",
    "N": "3,100 3,50 4,0! 28,50 52,100! 52,50 53,0",
    "P": "5,0 5,50 4,100; 3,4 34,2 48,24 34,50 5,52",
    "Q": "30,1 10,14 2,50 12,88 31,99 50,86 57,50 48,12 31,1; 36,70 62,108",
    "R": "5,0 5,50 4,100; 3,4 34,2 46,24 32,48 6,50! 30,72 52,100",
    "T": "0,3 28,2 58,3; 29,3 29,50 28,100",
    "U": "3,0 3,60 14,94 30,99 46,92 54,60 54,0",
    "V": "0,0 14,50 28,100! 42,50 56,0",
    "W": "0,0 8,50 16,100! 26,66 34,36! 44,66 54,100! 62,50 70,0",
    "Y": "0,0 14,26 28,48! 42,26 56,0; 28,48 27,74 26,100",
    "a": "46,44 30,36 8,50 2,74 12,97 32,94 46,64 48,42! 47,70 52,99",
    "d": "44,50 28,42 6,56 3,82 18,100 36,90 46,60 49,0! 47,60 52,99",
    "e": "4,70 28,66 46,58 36,42 16,46 3,68 10,94 30,100 50,90",
    "f": "46,6 32,0 20,18 18,60 16,102; 2,46 40,45",
    "h": "5,0 4,50 3,100! 6,66 22,44 40,52 42,80 43,100",
    "k": "5,0 4,50 3,100; 42,44 22,62 6,72! 24,84 44,100",
    "m": "3,44 3,100! 6,62 18,44 28,56 28,100! 32,62 46,44 56,56 57,100",
    "n": "4,44 3,100! 8,64 24,44 42,54 42,80 43,100",
    "r": "4,44 4,70 3,100! 8,66 22,46 38,46",
    "t": "18,10 17,50 18,86 30,100 44,92; 0,40 38,39",
    "u": "3,44 3,76 12,98 30,94 44,66 45,44! 45,70 49,100",
    "w": "0,44 8,72 15,100! 24,76 31,56! 38,78 47,100! 54,72 62,44",
}

DIGIT_STROKES: dict[str, dict[str, Allograph]] = {
    digit: {name: parse_strokes(text) for name, text in allographs.items()}
    for digit, allographs in _DIGIT_POINTS.items()
}
"""Digit -> allograph name -> strokes."""

MARK_STROKES: dict[str, Allograph] = {
    symbol: parse_strokes(text) for symbol, text in (_MARK_POINTS | _LETTER_POINTS).items()
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
    "ball": (0.4, 0.62),
    "gel": (0.5, 0.8),
    "pencil": (0.45, 0.7),
    "felt": (0.8, 1.2),
}
"""Range of a pen's line width, mm."""

SUBPIXEL_BITS = 4
SUBPIXELS = 1 << SUBPIXEL_BITS
"""OpenCV draws with whole coordinates in 1/16 px: with 4 binary places (its `shift`)."""

_CURVE_STEPS = 10
"""Points of the curve between two control points."""

_STROKE_OVERSAMPLING = 4
"""Strokes are drawn this many times larger and then averaged, for smooth edges."""

_GLYPH_MIDDLE = (0.28, 0.5)
"""The middle of a digit in the units of `synth.strokes`; hands slant and bend around it."""

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
    share of that in `synth.strokes`. `size`: height as a share of the box's. `width_mm`: width of
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
