"""Write a number by one hand: glyphs side by side that touch, overlap, wander and lean."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.training.augment.pen_strokes import LETTERS, draw_curve, draw_letter, stroke_width
from number_network.number_hands import Glyph, NumberHand

_MAX_GLYPH_WIDTH = 1.15
"""Widest digit, in heights."""
_RAISED_BELOW = 0.85
"""Height of small digits, in heights of the others, that may stand above the line."""
_NESTING = 0.3
"""How far a glyph may reach over or under the one before it, in heights."""
_REACH = 0.1
"""Glyphs keep their gap from ink so far above or below it, in heights."""


@dataclass(frozen=True, slots=True)
class Gait:
    """How one number is written, in heights of its digits.

    `gap` and `gap_spread`: mean and deviation of the gaps between strokes of neighbours; below 0
    they overlap. `size_spread`, `rise`: deviations of height and baseline. `slope` of the line,
    `slant` to the right. `width`: factor of the digits' width. `threshold`, `sharpness`: how
    thick and how hard strokes are drawn. `joined`: strokes lead from digit to digit. `last_zeros`:
    height of the zeros that a number ends with, as a share of the other digits'.
    """

    gap: float
    gap_spread: float
    size_spread: float
    rise: float
    slope: float
    slant: float
    width: float
    threshold: float
    sharpness: float
    joined: bool
    last_zeros: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Gait:
        kind = rng.random()
        if kind < 0.3:  # touching
            gap, spread = rng.normal(-0.01, 0.03), 0.05
        elif kind < 0.75:
            gap, spread = rng.uniform(0.05, 0.25), 0.06
        else:  # far apart
            gap, spread = rng.uniform(0.25, 0.8), 0.12
        return cls(
            float(gap),
            spread,
            float(rng.uniform(0.01, 0.13)),
            float(rng.uniform(0.0, 0.08)),
            float(rng.normal(0, 0.03)),
            float(rng.normal(0.02, 0.13)),
            float(np.exp(rng.normal(0, 0.12))),
            float(rng.uniform(0.25, 0.65)),
            float(np.exp(rng.uniform(0, 1.2))),
            bool(rng.random() < 0.14),
            float(rng.uniform(0.5, 0.9)) if rng.random() < 0.25 else 1.0,
        )


def write_number(text: str, hand: NumberHand, height: float, rng: np.random.Generator) -> Glyph:
    """Write `text` with digits of `height` pixels; returns its ink, (h, w), cut to it."""
    gait = Gait.sample(rng)
    line = _Line(height, gait, rng)
    pen = _pen(hand, height)
    small_from = len(text.rstrip("0.,-= "))
    for i, symbol in enumerate(text):
        share = gait.last_zeros if symbol == "0" and i >= max(small_from, 1) else 1.0
        line.add(symbol, _glyph(symbol, hand, share * height, pen, gait, rng))
    return leaned(line.ink(), gait, rng)


def write_word(letters: int, height: float, rng: np.random.Generator) -> Glyph:
    """Write some letters, one beside the other, each by the pen of `draw_letter`."""
    gait = Gait.sample(rng)
    line = _Line(height, gait, rng)
    for _ in range(letters):
        letter = draw_letter(LETTERS[int(rng.integers(len(LETTERS)))], rng)
        x, y, w, h = cv2.boundingRect(letter)
        line.add("A", _sized(letter[y : y + h, x : x + w], height, 1.0))
    return leaned(line.ink(), gait, rng)


def strike(ink: Glyph, height: float, rng: np.random.Generator) -> Glyph:
    """Strike out what is written: by one to three lines, a zigzag, or a cross over all of it.

    One stroke through one digit would make a slashed zero or a crossed seven.
    """
    margin = round(0.25 * height)
    canvas = np.pad(ink, margin)
    h, w = canvas.shape
    pen = max(1.0, height * float(rng.uniform(0.04, 0.13)))
    left, right = margin * rng.uniform(0, 1.0), w - margin * rng.uniform(0, 1.0)
    alone = w - 2 * margin < 1.2 * height
    kind = rng.random()
    if kind < 0.2:
        shake = rng.normal(0, 0.06 * height, (2, 2, 2))
        draw_curve(canvas, shake[0] + [(left, margin), (right, h - margin)], pen)
        draw_curve(canvas, shake[1] + [(right, margin), (left, h - margin)], pen)
    elif kind < 0.4:
        turns = max(4, round((right - left) / height * rng.uniform(3, 7)))
        x = np.linspace(left, right, turns)
        y = np.where(np.arange(turns) % 2, 0.25, 0.75) * h + rng.normal(0, 0.06 * h, turns)
        draw_curve(canvas, np.stack([x, y], axis=1), pen)
    else:
        lines = int(rng.integers(2 if alone else 1, 4))
        tilt = float(rng.normal(0, 0.12)) * height
        for y in np.linspace(0.4, 0.62, lines) + rng.normal(0, 0.05, lines):
            middle = (left + right) / 2, y * h + rng.normal(0, 0.03 * height)
            draw_curve(canvas, [(left, y * h + tilt), middle, (right, y * h - tilt)], pen)
    return canvas


def scribble(height: float, rng: np.random.Generator) -> Glyph:
    """A stroke to and fro."""
    canvas = np.zeros((round(1.2 * height), round(height * rng.uniform(0.8, 3.0))), np.uint8)
    turns = int(rng.integers(6, 22))
    points = rng.uniform(0.08, 0.92, (turns, 2))
    if rng.random() < 0.7:
        points[:, 0] = np.linspace(0.08, 0.92, turns)
        points[:, 1] = np.where(np.arange(turns) % 2, 0.15, 0.85) + rng.normal(0, 0.1, turns)
    draw_curve(canvas, points * canvas.shape[::-1], max(1.0, height * rng.uniform(0.04, 0.12)))
    return canvas


def long_strokes(n: int, height: float, rng: np.random.Generator) -> Glyph:
    """A long stroke through an empty cell, or two that cross."""
    wide = height * float(np.exp(rng.uniform(np.log(0.7), np.log(5))))
    tall = height * float(rng.uniform(0.02, 0.9) if n == 1 else rng.uniform(0.15, 1.1))
    if n == 1:  # one that is steep could be a one
        tall = min(tall, 0.7 * wide)
    pen = max(1.0, height * float(rng.uniform(0.04, 0.13)))
    canvas = np.zeros((round(tall + 4 * pen), round(wide + 4 * pen)), np.uint8)
    h, w = canvas.shape
    up = n == 2 or rng.random() < 0.6
    for i in range(n):
        shake = rng.normal(0, 0.3 * pen, (3, 2))
        start, end = (2 * pen, h - 2 * pen), (w - 2 * pen, 2 * pen)
        if bool(i) == up:
            start, end = (2 * pen, 2 * pen), (w - 2 * pen, h - 2 * pen)
        middle = (np.array(start) + end) / 2 + rng.normal(0, 0.02 * wide, 2) * (1, 0.5)
        draw_curve(canvas, shake + [start, middle, end], pen)
    return canvas


def tick(height: float, rng: np.random.Generator) -> Glyph:
    """A check mark: a short stroke down, a long one up to the right."""
    canvas = np.zeros((round(1.2 * height), round(1.6 * height)), np.uint8)
    foot = np.array([0.45, 1.05]) + rng.normal(0, 0.05, 2)
    short = foot - (rng.uniform(0.15, 0.35), rng.uniform(0.2, 0.45))
    long = foot + (rng.uniform(0.5, 1.0), -rng.uniform(0.6, 0.95))
    draw_curve(canvas, np.array([short, foot, long]) * height, height * rng.uniform(0.05, 0.13))
    return canvas


def leaned(ink: Glyph, gait: Gait, rng: np.random.Generator) -> Glyph:
    """Lean written ink over, tilt its line, and draw its strokes as thick and hard as asked."""
    h, w = ink.shape
    reach = abs(gait.slant) * h
    rise = abs(gait.slope) * w
    matrix = np.array(
        [
            [1, -gait.slant, (reach + gait.slant * h) / 2],
            [gait.slope, 1, (rise - gait.slope * w) / 2],
        ]
    )
    size = (int(np.ceil(w + reach)), int(np.ceil(h + rise)))
    moved = cv2.warpAffine(ink, matrix, size, flags=cv2.INTER_LINEAR)
    ramp = (np.arange(256) / 255 - gait.threshold) * gait.sharpness + 0.5
    ramp[:8] = 0
    drawn = cv2.LUT(moved, np.asarray(np.clip(ramp, 0, 1) * 255, np.uint8))
    x, y, w, h = cv2.boundingRect(drawn)
    return np.ascontiguousarray(drawn[y : y + max(h, 1), x : x + max(w, 1)])


def _pen(hand: NumberHand, height: float) -> float:
    """Width in pixels of the hand's strokes, when its digits are `height` high."""
    glyph = hand.glyphs["0"][0]
    return float(np.clip(stroke_width(glyph) / len(glyph) * height, 1.0, 0.22 * height))


def _glyph(
    symbol: str, hand: NumberHand, height: float, pen: float, gait: Gait, rng: np.random.Generator
) -> Glyph:
    """One symbol in its final size."""
    if symbol == ".":
        return _dot(height, pen, rng)
    if symbol == ",":
        return _comma(height, pen, rng)
    if symbol in "-=":
        return _dashes(1 if symbol == "-" else 2, height, pen, rng)
    if symbol == "/":
        return _slash(height, pen, rng)
    if symbol == " ":
        return np.zeros((1, max(1, round(height * rng.uniform(0.3, 0.7)))), np.uint8)
    drawn = hand.glyphs.get(symbol)
    if drawn is None:  # a hand that is known by its digits only
        letter = draw_letter(symbol, rng)
        x, y, w, h = cv2.boundingRect(letter)
        drawn = [letter[y : y + h, x : x + w]]
    glyph = drawn[int(rng.integers(len(drawn)))]
    tall = height * max(0.6, 1 + gait.size_spread * float(rng.normal()))
    return _sized(glyph, tall, gait.width * float(np.exp(rng.normal(0, 0.05))))


def _sized(glyph: Glyph, height: float, width: float) -> Glyph:
    scale = height / len(glyph)
    wide = min(glyph.shape[1] * scale * width, _MAX_GLYPH_WIDTH * height)
    size = (max(2, round(wide)), max(3, round(height)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(glyph, size, interpolation=method), np.uint8)


def _dot(height: float, pen: float, rng: np.random.Generator) -> Glyph:
    """A dot, or a short stroke."""
    thick = max(1.5, pen * float(rng.uniform(0.9, 1.5)))
    shift = rng.normal(0, 0.025, 2) * height
    side = int(np.ceil(thick + 2 + np.abs(shift).max()))
    canvas = np.zeros((side, side), np.uint8)
    middle = np.array([side / 2, side / 2])
    draw_curve(canvas, [middle - shift / 2, middle + shift / 2], thick)
    return canvas


def _comma(height: float, pen: float, rng: np.random.Generator) -> Glyph:
    long, lean = height * rng.uniform(0.14, 0.3), height * rng.uniform(-0.02, 0.14)
    margin = pen / 2 + 1
    canvas = np.zeros(
        (int(np.ceil(long + 2 * margin)), int(np.ceil(abs(lean) + 2 * margin))), np.uint8
    )
    right = canvas.shape[1] - margin
    bend = rng.uniform(0, 0.04) * height
    draw_curve(
        canvas,
        [
            (right, margin),
            (right - lean / 2 + bend, margin + long / 2),
            (right - lean, margin + long),
        ],
        max(1.0, 0.9 * pen),
    )
    return canvas


def _dashes(n: int, height: float, pen: float, rng: np.random.Generator) -> Glyph:
    """One or two strokes across, one above the other."""
    long = height * float(np.exp(rng.uniform(np.log(0.25), np.log(1.3))))
    apart, margin = height * rng.uniform(0.15, 0.3), pen + 0.06 * height
    canvas = np.zeros((int((n - 1) * apart + 2 * margin) + 1, int(long + 2 * margin) + 1), np.uint8)
    for i in range(n):
        shake = rng.normal(0, 0.02 * height, (3, 2))
        y = margin + i * apart
        draw_curve(canvas, shake + [(margin, y), (margin + long / 2, y), (margin + long, y)], pen)
    return canvas


def _slash(height: float, pen: float, rng: np.random.Generator) -> Glyph:
    """A stroke between two numbers, as high as a digit or higher; slanted, as a one hardly is."""
    tall = height * float(rng.uniform(0.9, 1.6))
    wide, margin = tall * float(rng.uniform(0.25, 0.9)), pen / 2 + 0.06 * height
    canvas = np.zeros((int(tall + 2 * margin) + 1, int(wide + 2 * margin) + 1), np.uint8)
    shake = rng.normal(0, 0.02 * height, (3, 2))
    ends = np.array([(margin, margin + tall), (margin + wide, margin)])
    draw_curve(canvas, shake + [ends[0], ends.mean(axis=0), ends[1]], pen)
    return canvas


class _Line:
    """A line of writing that grows to the right."""

    def __init__(self, height: float, gait: Gait, rng: np.random.Generator) -> None:
        self._height, self._gait, self._rng = height, gait, rng
        self._rows = round(2.4 * height)
        self._right = np.full(self._rows, -np.inf)
        self._placed: list[tuple[int, int, Glyph]] = []

    def add(self, symbol: str, glyph: Glyph) -> None:
        h, w = glyph.shape
        top = int(np.clip(self._top(symbol, h), 0, self._rows - h))
        if symbol == " ":
            self._right = (
                np.maximum(
                    self._right, self._right.max(initial=0.0, where=np.isfinite(self._right))
                )
                + w
            )
            return
        ink = glyph > 80
        left_of = np.where(ink.any(axis=1), ink.argmax(axis=1), np.inf)
        right_of = np.where(ink.any(axis=1), w - ink[:, ::-1].argmax(axis=1), -np.inf)
        gap = self._gait.gap + self._gait.gap_spread * float(self._rng.normal())
        place = 0.0
        if self._placed:
            near = self._near()
            touching = float((near[top : top + h] - left_of).max(initial=-np.inf))
            end = float(self._right.max())
            place = max(touching + gap * self._height, end - _NESTING * self._height)
            if not np.isfinite(place):
                place = end + gap * self._height
        x = round(place)
        rows = slice(top, top + h)
        if self._gait.joined and self._placed and symbol.isdecimal():
            self._join(x, top, ink)
        self._right[rows] = np.maximum(self._right[rows], x + right_of)
        self._placed.append((x, top, glyph))

    def ink(self) -> Glyph:
        """All that is written, (h, w), cut to it."""
        if not self._placed:
            return np.zeros((1, 1), np.uint8)
        left = min(x for x, _, _ in self._placed)
        right = max(x + glyph.shape[1] for x, _, glyph in self._placed)
        canvas = np.zeros((self._rows, right - left), np.uint8)
        for x, top, glyph in self._placed:
            there = canvas[top : top + len(glyph), x - left : x - left + glyph.shape[1]]
            np.maximum(there, glyph, out=there)
        x, y, w, h = cv2.boundingRect(canvas)
        return canvas[y : y + max(h, 1), x : x + max(w, 1)]

    def _top(self, symbol: str, tall: int) -> float:
        """The row where a symbol starts; the digits' feet stand at 1.7 heights."""
        height, rng = self._height, self._rng
        base = 1.7 * height + self._gait.rise * height * float(rng.normal())
        if symbol == ".":
            return base - tall + height * rng.uniform(-0.06, 0.08)
        if symbol == ",":
            return base - height * rng.uniform(0.02, 0.14)
        if symbol in "-=":
            return base - height * rng.uniform(0.4, 0.6) - tall / 2
        if symbol == "/":
            return base - tall + float(rng.uniform(0, 1)) * max(tall - height, 0)
        if tall < _RAISED_BELOW * height and rng.random() < 0.4:
            base -= float(rng.uniform(0, 1)) * (height - tall)
        return base - tall

    def _near(self) -> npt.NDArray[np.float64]:
        """The right end of the ink in each row or near it."""
        reach = 2 * round(_REACH * self._height) + 1
        finite = np.where(np.isfinite(self._right), self._right, -1e6).astype(np.float32)
        wide = cv2.dilate(finite[:, None], np.ones((reach, 1), np.uint8))[:, 0]
        return np.where(wide > -1e5, wide, -np.inf)

    def _join(self, x: int, top: int, ink: npt.NDArray[np.bool_]) -> None:
        """A stroke from the last glyph's right end to the next one's left end, if they are near."""
        before_x, before_top, before = self._placed[-1]
        dark = before > 80
        start_x = int(np.flatnonzero(dark.any(axis=0))[-1])
        start = np.array(
            [before_x + start_x, before_top + int(np.flatnonzero(dark[:, start_x])[0])]
        )
        end_x = int(np.flatnonzero(ink.any(axis=0))[0])
        end = np.array([x + end_x, top + int(np.flatnonzero(ink[:, end_x])[0])])
        if np.abs(end - start).max() > 0.45 * self._height:
            return
        low, high = np.minimum(start, end) - 3, np.maximum(start, end) + 4
        canvas = np.zeros((high - low)[::-1], np.uint8)
        draw_curve(canvas, np.array([start, end]) - low, max(1.0, 0.06 * self._height))
        if low[1] >= 0 and high[1] <= self._rows:
            self._placed.append((int(low[0]), int(low[1]), canvas))
