"""Degrade small pieces of pages as scanners and copiers do, beyond what the renderer does.

There is no record of a measurement for the ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Darkness: TypeAlias = npt.NDArray[np.uint8]
"""(h, w) uint8: 0 is white paper, 255 is black."""


def degrade(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    """Swell, thin, blur, fade or binarise a piece, or add noise or specks, each at random."""
    for chance, change in _CHANGES:
        if rng.random() < chance:
            darkness = change(darkness, rng)
    return darkness


def _swell_or_thin(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    change = cv2.dilate if rng.random() < 0.6 else cv2.erode
    return np.asarray(change(darkness, np.ones((2, 2), np.uint8)), np.uint8)


def _soften(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    return _blurred(darkness, float(rng.uniform(0.3, 1.0)))


def _change_contrast(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    """Change gamma and gain; the result is seldom darker."""
    ramp = np.linspace(0, 1, 256) ** float(np.exp(rng.normal(0, 0.35)))
    table = np.clip(255 * ramp * float(rng.uniform(0.35, 1.15)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(darkness, table), np.uint8)


def _add_noise(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    """Add Gaussian noise of single pixels or, as after a reduction, of small patches."""
    noise = rng.normal(0, float(rng.uniform(2, 22)), darkness.shape).astype(np.float32)
    if rng.random() < 0.4:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32)
    return np.asarray(np.clip(darkness + noise, 0, 255), np.uint8)


def _add_speckles(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    speckled = rng.random(darkness.shape) < float(rng.uniform(0.001, 0.02))
    specks = rng.integers(0, 256, darkness.shape).astype(np.uint8)
    dirty = darkness.copy()
    dirty[speckled] = specks[speckled]
    return dirty


def _threshold(darkness: Darkness, rng: np.random.Generator) -> Darkness:
    """Binarise the piece like a fax or a copy; half of the time, blur it as a second scan does."""
    black = np.where(darkness > float(rng.uniform(30, 150)), 255, 0).astype(np.uint8)
    return _blurred(black, float(rng.uniform(0.3, 0.7))) if rng.random() < 0.5 else black


def _blurred(darkness: Darkness, sigma: float) -> Darkness:
    return np.asarray(cv2.GaussianBlur(darkness, (0, 0), sigma), np.uint8)


_CHANGES: tuple[tuple[float, Callable[[Darkness, np.random.Generator], Darkness]], ...] = (
    (0.15, _swell_or_thin),
    (0.3, _soften),
    (0.5, _change_contrast),
    (0.35, _add_noise),
    (0.08, _add_speckles),
    (0.12, _threshold),
)
"""Probability of each change, in the order of their application."""
