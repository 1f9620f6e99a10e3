"""What pens, paper and scanners do to a digit, one function for each.

Every function takes ink bright on black, uint8 of any size, and returns a new
image, of the same size unless it says otherwise. Widths are in pixels of the image given.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.training.augment.pen_strokes import stroke_width

Ink: TypeAlias = npt.NDArray[np.uint8]

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))


def change_thickness(ink: Ink, amount: float) -> Ink:
    """Strokes wider (`amount` > 0) or thinner (< 0) by about 2 * |amount| pixels.

    Thinning keeps strokes that are already hairlines: what an opening would remove
    stays as it is, so no stroke is lost.
    """
    whole, part = divmod(abs(amount), 1.0)
    step = _thicker if amount > 0 else _thinner
    for _ in range(int(whole)):
        ink = step(ink)
    return cv2.addWeighted(step(ink), part, ink, 1 - part, 0)  # type: ignore[return-value]


def write_with_felt(ink: Ink, rng: np.random.Generator) -> Ink:
    """Strokes of a felt pen, a seventh to a fifth of the canvas wide: small loops fill."""
    target = len(ink) * rng.uniform(0.13, 0.2)
    return change_thickness(ink, float(np.clip((target - stroke_width(ink)) / 2, 0, 2.8)))


def _thicker(ink: Ink) -> Ink:
    return cv2.dilate(ink, _DISC)  # type: ignore[return-value]


def _thinner(ink: Ink) -> Ink:
    eroded = cv2.erode(ink, _CROSS)
    hairlines = cv2.subtract(ink, cv2.dilate(eroded, _CROSS))
    return cv2.max(eroded, hairlines)  # type: ignore[return-value]


def cut_gap(ink: Ink, rng: np.random.Generator) -> Ink:
    """A stroke interrupted where the pen skipped: a thin cut through some ink."""
    y, x = np.nonzero(ink > 128)
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
    """What is left of a box line beside the digit, on any side, touching it or not.

    Thinner than a stroke; a lying line may be as long as the box, an upright one at
    most 60 % of the digit, so that it cannot be taken for a one beside it.
    """
    left, top, wide, high = cv2.boundingRect((ink > 64).view(np.uint8))
    if wide == 0:
        return ink
    gap = int(rng.integers(-1, 8))
    if rng.random() < 0.5:
        x = left - gap if rng.random() < 0.5 else left + wide - 1 + gap
        y = int(rng.integers(top - 2, top + high))
        end = x + int(rng.integers(-1, 2)), y + int(rng.uniform(0.1, 0.6) * high)
    else:
        gap = max(gap, 3)  # a line that touches a one at its tip makes it a seven
        y = top - gap if rng.random() < 0.5 else top + high - 1 + gap
        x = int(rng.integers(left - 8, left + wide))
        end = x + int(rng.uniform(0.1, 1.2) * max(wide, high // 2)), y + int(rng.integers(-1, 2))
    return _line(ink, (x, y), end, int(rng.integers(90, 256)), int(rng.integers(1, 3)))


def add_neighbour(ink: Ink, rng: np.random.Generator) -> Ink:
    """The end of a straight or round stroke of the next box, coming in from either side."""
    height = len(ink)
    left, _, ink_width, _ = cv2.boundingRect((ink > 64).view(np.uint8))
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
    """A copy of `ink` with a line, drawn from inside the image so that some is seen."""
    height, width = ink.shape
    start = min(max(start[0], 0), width - 1), min(max(start[1], 0), height - 1)
    return cv2.line(ink.copy(), start, end, grey, pen, cv2.LINE_AA)  # type: ignore[return-value]


def cut_off(ink: Ink, rng: np.random.Generator) -> Ink:
    """One side missing, as where the digit runs out of its box.

    At most 12 % of the digit, and never the whole width of a stroke: a seven without
    its bar would be a one.
    """
    left, top, width, height = cv2.boundingRect((ink > 64).view(np.uint8))
    share = min(0.12 * rng.uniform(0.3, 1.0), 0.7 * stroke_width(ink) / max(width, height, 1))
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
    """A thin gap all through the digit, where a line was taken out together with its ink."""
    left, top, width, height = cv2.boundingRect((ink > 64).view(np.uint8))
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
    """Strokes that break up where the pen or the copier ran dry: up to a quarter of the ink."""
    knots = int(rng.integers(12, 24))
    grain = rng.standard_normal((knots, knots), np.float32)
    wet = cv2.resize(grain, ink.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(wet > rng.uniform(-1.6, -0.6), ink, np.uint8(0))


def halftone(ink: Ink, rng: np.random.Generator) -> Ink:
    """A grey copy of the ink, printed again in dots of black."""
    pitch = int(rng.integers(3, 7))
    y, x = (np.cos(np.arange(n, dtype=np.float32) * (2 * np.pi / pitch)) for n in ink.shape)
    screen = 127 + 63 * (y[:, None] + x)  # 1..253: where paper shows unless the ink is darker
    return np.where(ink * rng.uniform(0.5, 0.9) > screen, np.uint8(255), np.uint8(0))


def roughen(ink: Ink, rng: np.random.Generator) -> Ink:
    """Black and white alone, with ragged edges, at any threshold."""
    grain = cv2.GaussianBlur(rng.standard_normal(ink.shape, np.float32), (3, 3), 0.8)
    level = rng.uniform(60, 190) + rng.uniform(20, 160) * grain
    darkest = max(int(ink.max()), 1) / 255
    return np.where(ink > darkest * np.maximum(level, 30), np.uint8(255), np.uint8(0))


def add_specks(ink: Ink, rng: np.random.Generator) -> Ink:
    """One to four specks of dirt, much smaller than a stroke is long."""
    height, width = ink.shape
    dirty = ink.copy()
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(width // 6, 5 * width // 6)), int(rng.integers(0, height))
        grey = int(rng.integers(80, 256))
        cv2.circle(dirty, at, int(rng.integers(0, 2)), grey, cv2.FILLED, cv2.LINE_AA)
    return dirty


def sample_coarsely(ink: Ink, long_side: int, threshold: float | None = None) -> Ink:
    """The ink as a poor scanner saw it, tightly cut: `long_side` pixels along its longer side.

    Its darkest ink becomes 255. With a `threshold` (share of the darkest ink, 0..1) the
    scanner knew only black and white.
    Unlike its siblings this returns another size.
    """
    left, top, width, height = cv2.boundingRect((ink > 64).view(np.uint8))
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
    """Blur, faint or uneven ink, and noise, as a poor scan has them."""
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
