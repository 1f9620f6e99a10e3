"""Damage to a digit by pens, paper and scanners, one function for each kind.

Every function takes ink bright on black, uint8 of any size, and returns a new image of the same
size unless its docstring says otherwise. Widths are in pixels of the image. There is no
record of a measurement for the ranges.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.training.augment.pen_strokes import stroke_width

Ink: TypeAlias = npt.NDArray[np.uint8]

_MIN_VISIBLE_GREY, _MIN_SOLID_GREY = 64, 128
"""Grey values above which a pixel counts as ink, and as the solid middle of a stroke."""
_FELT_WIDTHS, _MAX_FELT_THICKENING = (0.13, 0.2), 2.8
"""Width of a felt pen's strokes as a share of the canvas, and what is added to an edge at most,
in pixels."""
_MAX_RESIDUE_HEIGHT = 0.6
"""Height of an upright piece of a box line as a share of the digit: a longer one looks like a 1."""
_MAX_CUT, _MAX_CUT_STROKES = 0.12, 0.7
"""How much of a digit may be cut off, as a share of its larger side and in widths of a stroke: a
seven without its bar would be a one."""

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
"""Structuring elements for thinning and for thickening."""


def change_thickness(ink: Ink, amount: float) -> Ink:
    """Make strokes wider (`amount` > 0) or thinner (< 0) by about 2 * |amount| pixels.

    Thinning keeps hairlines: what a morphological opening would remove stays, so that no stroke
    is lost.
    """
    whole, part = divmod(abs(amount), 1.0)
    step = _thicker if amount > 0 else _thinner
    for _ in range(int(whole)):
        ink = step(ink)
    return cv2.addWeighted(step(ink), part, ink, 1 - part, 0)  # type: ignore[return-value]


def write_with_felt(ink: Ink, rng: np.random.Generator) -> Ink:
    """Widen the strokes to those of a felt pen; small loops fill."""
    target = len(ink) * rng.uniform(*_FELT_WIDTHS)
    missing = (target - stroke_width(ink)) / 2
    return change_thickness(ink, float(np.clip(missing, 0, _MAX_FELT_THICKENING)))


def ink_bounds(ink: Ink) -> tuple[int, int, int, int]:
    """Bounding box of the visible ink: left, top, width, height; zeros without ink."""
    left, top, width, height = cv2.boundingRect((ink > _MIN_VISIBLE_GREY).view(np.uint8))
    return left, top, width, height


def _thicker(ink: Ink) -> Ink:
    return cv2.dilate(ink, _DISC)  # type: ignore[return-value]


def _thinner(ink: Ink) -> Ink:
    eroded = cv2.erode(ink, _CROSS)
    hairlines = cv2.subtract(ink, cv2.dilate(eroded, _CROSS))
    return cv2.max(eroded, hairlines)  # type: ignore[return-value]


def cut_gap(ink: Ink, rng: np.random.Generator) -> Ink:
    """Interrupt a stroke by a thin cut, as where the pen skipped."""
    y, x = np.nonzero(ink > _MIN_SOLID_GREY)
    if len(x) == 0:
        return ink
    at = rng.integers(len(x))
    angle = rng.uniform(0, np.pi)
    reach = rng.uniform(0.06, 0.14) * len(ink)
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    ends = np.rint(np.array([x[at], y[at]]) + np.outer((-1, 1), step)).astype(int)
    start, end = ends.tolist()
    return cv2.line(ink.copy(), start, end, 0, int(rng.integers(1, 4)), cv2.LINE_AA)  # type: ignore[return-value]


def add_line_residue(ink: Ink, rng: np.random.Generator) -> Ink:
    """Draw the remains of a box line beside the digit, on any side, touching it or not.

    They are thinner than a stroke. A horizontal one may be as long as the box; an upright one is
    shorter than the digit, so that it does not look like a one.
    """
    left, top, wide, high = ink_bounds(ink)
    if wide == 0:
        return ink
    gap = int(rng.integers(-1, 8))
    if rng.random() < 0.5:
        x = left - gap if rng.random() < 0.5 else left + wide - 1 + gap
        y = int(rng.integers(top - 2, top + high))
        end = x + int(rng.integers(-1, 2)), y + int(rng.uniform(0.1, _MAX_RESIDUE_HEIGHT) * high)
    else:
        gap = max(gap, 3)  # a line that touches the tip of a one makes it a seven
        y = top - gap if rng.random() < 0.5 else top + high - 1 + gap
        x = int(rng.integers(left - 8, left + wide))
        end = x + int(rng.uniform(0.1, 1.2) * max(wide, high // 2)), y + int(rng.integers(-1, 2))
    return _line(ink, (x, y), end, int(rng.integers(90, 256)), int(rng.integers(1, 3)))


def add_neighbour(ink: Ink, rng: np.random.Generator) -> Ink:
    """Draw the end of a straight or round stroke that reaches in from the next box."""
    height = len(ink)
    left, _, ink_width, _ = ink_bounds(ink)
    if ink_width == 0:
        return ink
    reach, side = int(rng.integers(2, 7)), (-1 if rng.random() < 0.5 else 1)
    x = (left if side < 0 else left + ink_width) + side * reach
    y, pen = int(rng.uniform(0.2, 0.8) * height), int(rng.integers(2, 5))
    if rng.random() < 0.5:
        return _line(ink, (x, y), (x + 2 * side * reach, y + int(rng.integers(-8, 9))), 255, pen)
    radii = 3 * reach, int(rng.uniform(0.08, 0.18) * height)
    facing = 180.0 if side > 0 else 0.0
    reached = facing - 60, facing + rng.uniform(20, 60)
    middle = x + side * radii[0], y
    return cv2.ellipse(ink.copy(), middle, radii, 0, *reached, 255, pen, cv2.LINE_AA)  # type: ignore[return-value]


def _line(ink: Ink, start: tuple[int, int], end: tuple[int, int], grey: int, pen: int) -> Ink:
    """A copy of `ink` with a line that begins inside the image, so that some of it is visible."""
    height, width = ink.shape
    start = min(max(start[0], 0), width - 1), min(max(start[1], 0), height - 1)
    return cv2.line(ink.copy(), start, end, grey, pen, cv2.LINE_AA)  # type: ignore[return-value]


def cut_off(ink: Ink, rng: np.random.Generator) -> Ink:
    """Cut off a little at one side, as where the digit runs out of its box."""
    left, top, width, height = ink_bounds(ink)
    strokes = _MAX_CUT_STROKES * stroke_width(ink) / max(width, height, 1)
    share = min(_MAX_CUT * rng.uniform(0.3, 1.0), strokes)
    cut = ink.copy()
    match int(rng.integers(4)):
        case 0:
            cut[: top + round(share * height)] = 0
        case 1:
            cut[top + height - round(share * height) :] = 0
        case 2:
            cut[:, : left + round(share * width)] = 0
        case _:
            cut[:, left + width - round(share * width) :] = 0
    return cut


def erase_band(ink: Ink, rng: np.random.Generator) -> Ink:
    """Cut a thin gap through the digit, as where a line was removed together with the ink on it."""
    left, top, width, height = ink_bounds(ink)
    erased = ink.copy()
    gap, place = int(rng.integers(1, 4)), rng.uniform(0.15, 0.85)
    if rng.random() < 0.5:
        start = top + int(place * height)
        erased[start : start + gap] = 0
    else:
        start = left + int(place * width)
        erased[:, start : start + gap] = 0
    return erased


def starve(ink: Ink, rng: np.random.Generator) -> Ink:
    """Break up strokes, as where a pen or a copier ran dry; up to a quarter of the ink goes."""
    knots = int(rng.integers(12, 24))
    grain = rng.standard_normal((knots, knots), np.float32)
    wet = cv2.resize(grain, ink.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(wet > rng.uniform(-1.6, -0.6), ink, np.uint8(0))


def halftone(ink: Ink, rng: np.random.Generator) -> Ink:
    """Halftone the ink: print a grey copy of it in black dots."""
    pitch = int(rng.integers(3, 7))
    y, x = (np.cos(np.arange(n, dtype=np.float32) * (2 * np.pi / pitch)) for n in ink.shape)
    screen = 127 + 63 * (y[:, None] + x)  # 1..253: the threshold of each pixel
    return np.where(ink * rng.uniform(0.5, 0.9) > screen, np.uint8(255), np.uint8(0))


def roughen(ink: Ink, rng: np.random.Generator) -> Ink:
    """Binarise the ink at a random threshold, with ragged edges."""
    grain = cv2.GaussianBlur(rng.standard_normal(ink.shape, np.float32), (3, 3), 0.8)
    level = rng.uniform(60, 190) + rng.uniform(20, 160) * grain
    darkest = max(int(ink.max()), 1) / 255
    return np.where(ink > darkest * np.maximum(level, 30), np.uint8(255), np.uint8(0))


def add_specks(ink: Ink, rng: np.random.Generator) -> Ink:
    """Add one to four specks of dirt, much smaller than a stroke."""
    height, width = ink.shape
    dirty = ink.copy()
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(width // 6, 5 * width // 6)), int(rng.integers(0, height))
        grey = int(rng.integers(80, 256))
        cv2.circle(dirty, at, int(rng.integers(0, 2)), grey, cv2.FILLED, cv2.LINE_AA)
    return dirty


def sample_coarsely(ink: Ink, long_side: int, threshold: float | None = None) -> Ink:
    """Cut out the ink and reduce it, as a poor scanner does, to `long_side` pixels.

    That is its longer side: unlike the other functions this returns another size. The darkest
    ink becomes 255. With a `threshold`, a share 0..1 of the darkest ink, the result is black and
    white.
    """
    left, top, width, height = ink_bounds(ink)
    if width == 0:
        return ink
    scale = long_side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tight = ink[top : top + height, left : left + width]
    coarse = cv2.resize(tight, size, interpolation=cv2.INTER_AREA)
    if threshold is not None:
        return np.where(coarse > threshold * coarse.max(), np.uint8(255), np.uint8(0))
    return cv2.convertScaleAbs(coarse, alpha=255 / max(int(coarse.max()), 1))  # type: ignore[return-value]


def change_tone(ink: Ink, rng: np.random.Generator) -> Ink:
    """Add blur, faint or uneven ink, and noise, as in a poor scan."""
    chance = rng.random(3)
    if chance[0] < 0.25:
        ink = cv2.GaussianBlur(ink, (5, 5), rng.uniform(0.3, 0.9))  # type: ignore[assignment]
    values = ink.astype(np.float32)
    if chance[1] < 0.5:
        gamma, gain = float(np.exp(rng.uniform(-0.5, 0.5))), rng.uniform(0.55, 1.1)
        values = np.float32(255 * gain) * (values / np.float32(255)) ** np.float32(gamma)
    if chance[2] < 0.15:
        noise = rng.standard_normal(ink.shape, np.float32) * np.float32(rng.uniform(2, 14))
        values = values + noise
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
