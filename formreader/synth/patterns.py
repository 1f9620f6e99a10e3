"""Patterns of security paper: guilloche, dots, small print and soft shapes, as banks print them.

There is no record of a measurement for the ranges below; they were chosen by eye.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.synth.paper_sheet import overlap
from formreader.synth.typefaces import Typeface
from formreader.synth.words import caption

Layer: TypeAlias = npt.NDArray[np.float32]
"""(h, w) float32, grey 0..255, or a share 0..1."""

_PRINTS = 160
"""Printed words that are drawn once and then used again."""
_PRINT_HEIGHT = 22.0
"""Size in pixels in which they are drawn."""


def _waves(shape: tuple[int, int], height: float, rng: np.random.Generator) -> Layer:
    """Guilloche: families of parallel wavy lines at any angle."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = float(rng.uniform(0, np.pi))
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    across = y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle))
    period = max(2.5, height * float(rng.uniform(0.06, 0.35)))
    length = height * float(rng.uniform(0.4, 3.0))
    swing = period * float(rng.uniform(0, 1.2))
    phase = (across + swing * np.sin(2 * np.pi / length * along)) * np.float32(2 * np.pi / period)
    wave = np.cos(phase)
    sharp = float(rng.uniform(0.0, 0.85))
    return np.asarray(np.clip((wave - sharp) / (1 - sharp), 0, 1), np.float32)


def _dots(shape: tuple[int, int], height: float, rng: np.random.Generator) -> Layer:
    """A raster of dots."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    period = max(2.2, height * float(rng.uniform(0.04, 0.2)))
    turn = float(rng.uniform(0, np.pi / 2))
    u = (x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))) * np.float32(
        2 * np.pi / period
    )
    v = (y * np.float32(np.cos(turn)) - x * np.float32(np.sin(turn))) * np.float32(
        2 * np.pi / period
    )
    low = float(rng.uniform(-0.2, 0.6))
    return np.asarray(np.clip((np.cos(u) * np.cos(v) - low) / (1 - low), 0, 1), np.float32)


def _words(shape: tuple[int, int], height: float, rng: np.random.Generator) -> Layer:
    """Rows of small print, as a bank's name behind an amount."""
    layer = np.zeros(shape, np.float32)
    size = height * float(rng.uniform(0.12, 0.5))
    word = print_mask(size, rng)
    step_x = word.shape[1] + max(1, int(size * rng.uniform(0.2, 1.5)))
    step_y = word.shape[0] + max(1, int(size * rng.uniform(0.1, 1.0)))
    for i, top in enumerate(range(int(rng.integers(-step_y, 1)), shape[0], step_y)):
        for left in range(-(i * step_x // 3) % step_x - step_x, shape[1], step_x):
            lay(layer, word, left, top)
    return layer


def _shades(shape: tuple[int, int], height: float, rng: np.random.Generator) -> Layer:
    """Large soft shapes: a watermark, a gradient of the print."""
    small = (max(2, round(shape[0] / height * 2.5)), max(2, round(shape[1] / height * 2.5)))
    noise = rng.random(small).astype(np.float32)
    soft = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.4:  # with hard edges
        soft = (soft > 0.5).astype(np.float32)
    return np.clip(soft, 0, 1).astype(np.float32)


_PATTERNS = (_waves, _waves, _dots, _words, _shades)


def draw_pattern(shape: tuple[int, int], height: float, rng: np.random.Generator) -> Layer:
    """A random pattern, (h, w) shares of ink; `height` is that of a cell on it, in pixels."""
    return _PATTERNS[int(rng.integers(len(_PATTERNS)))](shape, height, rng)


@cache
def _prints() -> tuple[npt.NDArray[np.uint8], ...]:
    """Printed words, the same in every process, (h, w) uint8 bright ink."""
    rng = np.random.default_rng(7)
    masks = (
        Typeface.sample(rng).mask(caption(rng), _PRINT_HEIGHT, bool(rng.random() < 0.3))
        for _ in range(_PRINTS)
    )
    return tuple(np.asarray(255 * mask, np.uint8) for mask in masks if mask.size)


def print_mask(size: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A printed word with letters of about `size` pixels, (h, w) uint8 bright ink."""
    words = _prints()
    word = words[int(rng.integers(len(words)))]
    scale = size / _PRINT_HEIGHT
    wide = (max(1, round(word.shape[1] * scale)), max(1, round(word.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(word, wide, interpolation=method), np.uint8)


def lay(layer: Layer, ink: npt.NDArray[np.uint8], left: int, top: int) -> None:
    """Put ink, (h, w) uint8 bright, onto a layer of shares in place; what lies beyond is cut."""
    window, part = overlap(layer, ink, left, top)
    np.maximum(window, part / np.float32(255), out=window)
