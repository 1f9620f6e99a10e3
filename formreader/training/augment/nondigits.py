"""Drawn examples of "not a digit": what people put into digit boxes besides digits.

Crosses, dashes, scribbles, struck-out digits, two digits in one box, letters, ticks, pieces of
box lines, blots and bits of print. Marks that could pass for a digit are left out: a single
upright stroke is a one, an O is a zero. Those made of digits pick one or two of the digits
(k, 28, 28), k > 0. Each function draws one mark, (h, w) uint8, bright ink.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from formreader.core.classes import Crops
from formreader.synth.strokes import Hand, draw_strokes
from formreader.training.augment.augmentation import CANVAS_SIDE, Canvas, enlarge, framed
from formreader.training.augment.pen_strokes import LETTERS, draw_curve, draw_letter
from formreader.training.augment.stroke_damage import ink_bounds

Sketch: TypeAlias = Callable[[Crops, np.random.Generator], npt.NDArray[np.uint8]]
"""Draws one mark, (h, w) uint8 bright ink, given digits to spoil and a random generator."""

WRITTEN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYadefhkmnrtuw"
"""Letters of the stroke model that do not look like a digit."""
PRINTED_LETTERS = "ABDEFGHJKLMNPRTUVWXYadefhkmnprtuwx%&@#+*=?$"
"""Printed letters and signs that do not look like a digit."""
_MARK_LETTER_HEIGHT = 44.0
"""Height in pixels of a letter of the stroke model."""
_WORDS = ("kg", "cm", "No", "Nr", "Name", "Date", "Form", "km/h", "EUR", "the", "and", "von")
"""Printed words beside or in boxes of forms."""


def draw_nondigits(n: int, digits: Crops, rng: np.random.Generator) -> Crops:
    """Draw `n` crops of non-digits, (n, 28, 28) uint8.

    Some of them are made of `digits` (k, 28, 28), k > 0: struck out, or two side by side.
    """
    sketches, shares = zip(*_SHARES, strict=True)
    chosen = rng.choice(len(sketches), n, p=np.array(shares) / sum(shares))
    crops = np.empty((n, 28, 28), np.uint8)
    for i, kind in enumerate(chosen):
        crops[i] = framed(sketches[kind](digits, rng))
    return crops


def _empty() -> Canvas:
    return np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)


def _pen(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 9))


def _cross(digits: Crops, rng: np.random.Generator) -> Canvas:
    """An X, some with a third stroke."""
    canvas, pen = _empty(), _pen(rng)
    shake = rng.normal(0, 4, (3, 2, 2))
    draw_curve(canvas, shake[0] + [(10, 10), (54, 54)], pen)
    draw_curve(canvas, shake[1] + [(54, 10), (10, 54)], pen)
    if rng.random() < 0.15:
        draw_curve(canvas, shake[2] + [(8, 32), (56, 32)], pen)
    return canvas


def _dash(digits: Crops, rng: np.random.Generator) -> Canvas:
    """One or two strokes at most 32 degrees off the horizontal."""
    canvas, pen = _empty(), _pen(rng)
    angle, half = np.radians(rng.uniform(-32, 32)), rng.uniform(12, 28)
    step = np.array([np.cos(angle), np.sin(angle)]) * half
    sag = rng.normal(0, 2, 2)
    for y in (32,) if rng.random() < 0.85 else (24, 42):
        middle = np.array([32.0, y])
        draw_curve(canvas, [middle - step, middle + sag, middle + step], pen)
    return canvas


def _scribble(digits: Crops, rng: np.random.Generator) -> Canvas:
    """A stroke to and fro, or between random points."""
    canvas, pen = _empty(), int(rng.integers(2, 6))
    turns = int(rng.integers(6, 18))
    if rng.random() < 0.5:
        across = np.linspace(8, 56, turns)
        along = np.where(np.arange(turns) % 2, 54, 10) + rng.normal(0, 5, turns)
        points = np.stack([across + rng.normal(0, 2, turns), along], axis=1)
    else:
        points = rng.uniform(8, 56, (turns, 2))
    turn = cv2.getRotationMatrix2D((32, 32), rng.uniform(0, 180), 0.9)
    draw_curve(canvas, points @ turn[:, :2].T + turn[:, 2], pen)
    return canvas


def _written_letter(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    letter = WRITTEN_LETTERS[rng.integers(len(WRITTEN_LETTERS))]
    height = _MARK_LETTER_HEIGHT
    strokes = Hand.sample(rng).symbol(letter, rng)
    mask = draw_strokes(strokes, height, rng.uniform(0.8, 1.3), height * rng.uniform(0.05, 0.17))
    return (mask * 255).astype(np.uint8)


def _letter(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return draw_letter(LETTERS[rng.integers(len(LETTERS))], rng)


def _printed_letter(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return _print(PRINTED_LETTERS[rng.integers(len(PRINTED_LETTERS))], 44, rng)


def _text(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    return _print(_WORDS[rng.integers(len(_WORDS))], 24, rng)


def _print(text: str, size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Print text in Pillow's own font, slanted like italics, with strokes of any width."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    margin = size // 2
    image = Image.new("L", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin))
    at = (margin - left, margin - top)
    ImageDraw.Draw(image).text(at, text, 255, font, stroke_width=int(rng.integers(0, 3)))
    shear = np.array([[1, rng.uniform(-0.35, 0.1), 0], [0, 1, 0]], np.float32)
    shear[0, 2] = -shear[0, 1] * image.height / 2
    return cv2.warpAffine(np.asarray(image), shear, image.size)  # type: ignore[return-value]


def _line_corner(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Box lines: a corner, a T or a crossing, or two long parallels."""
    canvas, pen = _empty(), int(rng.integers(1, 5))
    x, y = rng.uniform(4, 60), rng.uniform(4, 60)
    kind = rng.integers(4)
    if kind == 3:
        gap = rng.uniform(14, 50)
        draw_curve(canvas, [(x / 4, 2), (x / 4, 62)], pen)
        draw_curve(canvas, [(x / 4 + gap, 2), (x / 4 + gap, 62)], pen)
        return canvas
    x, y = (8 if x < 32 else 56, 8 if y < 32 else 56) if kind == 0 else (x, y)
    draw_curve(canvas, [(2 if x > 32 or kind else x, y), (62 if x < 32 or kind else x, y)], pen)
    draw_curve(
        canvas, [(x, 2 if y > 32 or kind == 2 else y), (x, 62 if y < 32 or kind else y)], pen
    )
    return canvas


def _tick(digits: Crops, rng: np.random.Generator) -> Canvas:
    """A check mark: a short stroke down, a long one up to the right."""
    canvas = _empty()
    foot = rng.normal(0, 3, 2) + (24, 54)
    short = foot - (rng.uniform(8, 16), rng.uniform(10, 22))
    long = foot + (rng.uniform(18, 36), -rng.uniform(26, 50))
    draw_curve(canvas, [short, foot, (foot + long) / 2 + rng.normal(0, 2, 2), long], _pen(rng))
    return canvas


def _blot(digits: Crops, rng: np.random.Generator) -> Canvas:
    """A filled box, a blot, or dirt with a ragged edge."""
    canvas = _empty()
    if rng.random() < 0.4:
        half = rng.uniform(12, 26, 2).astype(int)
        low, high = (32 - half).tolist(), (32 + half).tolist()
        cv2.rectangle(canvas, low, high, 255, cv2.FILLED)
    else:
        corners = int(rng.integers(7, 16))
        angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        reach = rng.uniform(12, 26, 2) * np.exp(rng.normal(0, 0.25, (corners, 1)))
        points = 32 + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 255, cv2.LINE_AA)
    return canvas


def _dots(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Two to seven specks."""
    canvas = _empty()
    for x, y in rng.integers(8, 56, (int(rng.integers(2, 8)), 2)).tolist():
        cv2.circle(canvas, (x, y), int(rng.integers(1, 5)), 255, cv2.FILLED, cv2.LINE_AA)
    return canvas


_MAX_ONE_WIDTH = 9
"""Width in pixels below which a digit is most likely a one. No record of a measurement."""
_BIG_CROSS_SHARE = 0.3
"""Share of the struck-out digits that are under a big cross."""


def strike_out(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Strike out a digit by two to five strokes or a big cross; one stroke makes a slashed zero."""
    canvas = enlarge(digits[rng.integers(len(digits))])
    pen = int(rng.integers(2, 7))
    if rng.random() < _BIG_CROSS_SHARE:
        shake = rng.normal(0, 3, (2, 2, 2))
        draw_curve(canvas, shake[0] + [(8, 8), (56, 56)], pen)
        draw_curve(canvas, shake[1] + [(56, 8), (8, 56)], pen)
        return canvas
    angle = np.radians(rng.uniform(-40, 40))
    step = np.array([np.cos(angle), np.sin(angle)]) * 26
    strokes = int(rng.integers(2, 6))
    for y in np.linspace(20, 44, strokes) + rng.normal(0, 2, strokes):
        middle = np.array([32, y])
        draw_curve(canvas, [middle - step + rng.normal(0, 2, 2), middle + step], pen)
    return canvas


def set_side_by_side(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Squeeze two digits into one box; some touch."""
    first, second = (_tight(digits[i]) for i in rng.integers(len(digits), size=2))
    height = max(len(first), len(second))
    narrow = (
        min(first.shape[1], second.shape[1]) < _MAX_ONE_WIDTH
    )  # ones that touch are a thick one
    gap = int(rng.integers(2 if narrow else -2, 5))
    width = first.shape[1] + gap + second.shape[1]
    both = np.zeros((height, width), np.uint8)
    both[: len(first), : first.shape[1]] = first
    there = both[height - len(second) :, -second.shape[1] :]
    np.maximum(there, second, out=there)
    return cv2.resize(both, (round(width * 2 * rng.uniform(0.6, 1.0)), height * 2))  # type: ignore[return-value]


def cut_between_rows(digits: Crops, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Draw the lower part of one digit above the upper part of another: a box between two rows."""
    above, below = (_tight(digits[i]) for i in rng.integers(len(digits), size=2))
    if max(above.shape[1], below.shape[1]) < _MAX_ONE_WIDTH:  # one above the other: a broken one
        return set_side_by_side(digits, rng)
    foot = above[round(len(above) * rng.uniform(0.45, 0.65)) :]
    head = below[: round(len(below) * rng.uniform(0.35, 0.55))]
    gap = int(rng.integers(4, 9))
    both = np.zeros((len(foot) + gap + len(head), max(foot.shape[1], head.shape[1])), np.uint8)
    both[: len(foot), : foot.shape[1]] = foot
    both[len(both) - len(head) :, both.shape[1] - head.shape[1] :] = head
    return both


def encircle(digits: Crops, rng: np.random.Generator) -> Canvas:
    """Draw a ring around a digit, as one marks an answer."""
    canvas = np.zeros((CANVAS_SIDE, CANVAS_SIDE), np.uint8)
    small = _tight(digits[rng.integers(len(digits))])
    half = CANVAS_SIDE // 2
    y, x = half - len(small) // 2, half - small.shape[1] // 2
    canvas[y : y + len(small), x : x + small.shape[1]] = small
    axes = rng.uniform(19, 29, 2)
    angle = np.linspace(0, 2 * np.pi + rng.uniform(-0.6, 0.4), 24) - rng.uniform(0, np.pi)
    wobble = 1 + 0.06 * rng.standard_normal() * np.sin(2 * angle + rng.uniform(0, 6))
    ring = half + axes * wobble[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    draw_curve(canvas, ring, rng.uniform(1.5, 4.5))
    return canvas


def _tight(crop: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The part of a crop that holds its ink."""
    x, y, width, height = ink_bounds(crop)
    return crop[y : y + max(height, 1), x : x + max(width, 1)]


_SHARES: tuple[tuple[Sketch, float], ...] = (
    (_letter, 0.26),
    (_written_letter, 0.16),
    (_printed_letter, 0.11),
    (strike_out, 0.10),
    (_cross, 0.07),
    (_scribble, 0.06),
    (set_side_by_side, 0.06),
    (_dash, 0.04),
    (_line_corner, 0.04),
    (_tick, 0.03),
    (cut_between_rows, 0.02),
    (encircle, 0.02),
    (_text, 0.02),
    (_blot, 0.02),
    (_dots, 0.01),
)
"""Share of each kind; letters are the most frequent, as they are the most varied. No record of a
measurement."""
