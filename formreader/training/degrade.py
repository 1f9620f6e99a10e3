"""What pens, paper and scanners do to a digit, one function for each.

Every function takes ink bright on black, uint8 of any size, and returns a new
image, of the same size unless it says otherwise. Widths are in pixels of the image given.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

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
    """A piece of a box line beside the digit.

    Thinner than a stroke and at most 60 % of a side, so that a digit with residue
    cannot be taken for two digits.
    """
    height, width = ink.shape
    left, top, ink_width, ink_height = cv2.boundingRect((ink > 64).view(np.uint8))
    if ink_width == 0:
        return ink
    gap = int(rng.integers(1, 7))
    if rng.random() < 0.5:
        x = left - gap if rng.random() < 0.5 else left + ink_width - 1 + gap
        y = int(rng.integers(top - 2, top + ink_height))
        end = x + int(rng.integers(-1, 2)), y + int(rng.uniform(0.1, 0.6) * ink_height)
    else:
        y = top - gap if rng.random() < 0.5 else top + ink_height - 1 + gap
        x = int(rng.integers(left - 2, left + ink_width))
        end = x + int(rng.uniform(0.1, 0.6) * ink_width), y + int(rng.integers(-1, 2))
    grey = int(rng.integers(90, 256))
    x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    return cv2.line(ink.copy(), (x, y), end, grey, int(rng.integers(1, 3)), cv2.LINE_AA)  # type: ignore[return-value]


def add_neighbour(ink: Ink, rng: np.random.Generator) -> Ink:
    """The end of a stroke of the next box, coming in from the left or right."""
    height, width = ink.shape
    left, _, ink_width, _ = cv2.boundingRect((ink > 64).view(np.uint8))
    if ink_width == 0:
        return ink
    reach = int(rng.integers(2, 7))
    if rng.random() < 0.5:
        x, edge = max(left - reach, 0), max(left - 3 * reach, 0)
    else:
        x = min(left + ink_width + reach, width - 1)
        edge = min(left + ink_width + 3 * reach, width - 1)
    y = int(rng.uniform(0.2, 0.8) * height)
    end = edge, y + int(rng.integers(-8, 9))
    return cv2.line(ink.copy(), (x, y), end, 255, int(rng.integers(2, 5)), cv2.LINE_AA)  # type: ignore[return-value]


def add_specks(ink: Ink, rng: np.random.Generator) -> Ink:
    """One to four specks of dirt, much smaller than a stroke is long."""
    height, width = ink.shape
    dirty = ink.copy()
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(width // 6, 5 * width // 6)), int(rng.integers(0, height))
        grey = int(rng.integers(80, 256))
        cv2.circle(dirty, at, int(rng.integers(0, 2)), grey, cv2.FILLED, cv2.LINE_AA)
    return dirty


def sample_coarsely(ink: Ink, long_side: int, binary: bool) -> Ink:
    """The ink as a poor scanner saw it, tightly cut: `long_side` pixels along its longer side.

    Its darkest ink becomes 255; `binary`: the scanner knew only black and white.
    Unlike its siblings this returns another size.
    """
    left, top, width, height = cv2.boundingRect((ink > 64).view(np.uint8))
    if width == 0:
        return ink
    scale = long_side / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tight = ink[top : top + height, left : left + width]
    coarse = cv2.resize(tight, size, interpolation=cv2.INTER_AREA)
    if binary:
        return np.where(coarse > 0.4 * coarse.max(), np.uint8(255), np.uint8(0))
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
