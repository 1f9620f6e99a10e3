"""What scanners, faxes, copiers and cameras make of a small piece of a page.

There is no record of a measurement for the ranges below; they were chosen by eye.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.records import GreyImage
from formreader.synth import damage

Change: TypeAlias = Callable[[GreyImage, np.random.Generator], GreyImage]
"""Changes a grey picture; no pixel moves."""


def scanned(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    """The picture as a random device captures it; pixels keep their places."""
    for chance, change in _CHANGES:
        if rng.random() < chance:
            image = change(image, rng)
    if rng.random() < 0.13:
        return _black_and_white(image, rng)
    return _compressed(image, rng) if rng.random() < 0.3 else image


def _grey(values: npt.NDArray[np.floating]) -> GreyImage:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _soften(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    sigma = float(rng.uniform(0.3, 1.0)) * (1 if rng.random() < 0.85 else 1.7)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _fade(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    contrast = float(rng.uniform(0.13, 0.6))
    return _grey(float(image.max()) - (float(image.max()) - image) * contrast)


def _shade(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    corners = rng.uniform(0.45, 1.0, (2, 2)).astype(np.float32)
    light = cv2.resize(corners, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return _grey(image * light)


def _reduce(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    return damage.low_resolution(image, float(rng.uniform(0.35, 0.9)))


def _stir(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    """Add noise of single pixels, or of small patches."""
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(1, 14))
    if rng.random() < 0.3:
        noise = 1.6 * np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32)
    return _grey(image + noise)


def _speckle(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    dirty = image.copy()
    for _ in range(int(rng.integers(1, 12))):
        x, y = int(rng.integers(image.shape[1])), int(rng.integers(image.shape[0]))
        side = int(rng.integers(1, max(2, len(image) // 40) + 1))
        dirty[y : y + side, x : x + side] = int(rng.uniform(0, 180))
    return dirty


def _streak(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    """A line along or across the page from dirt on the glass, or a fold."""
    dirty = image.astype(np.float32)
    place = int(rng.integers(image.shape[1]))
    dirty[:, place : place + int(rng.integers(1, 3))] *= np.float32(rng.uniform(0.4, 1.2))
    return _grey(dirty)


def _black_and_white(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    """A fax or a copy: a hard threshold between ink and paper, uneven or dithered."""
    low, high = np.quantile(image, (0.02, 0.6)).tolist()
    if high - low < 25:
        return image
    if rng.random() < 0.1:
        return damage.dither(image, 4)
    size = image.shape[::-1]
    if rng.random() < 0.5:  # the coarse lines of a fax
        coarse = (image.shape[1], max(8, round(len(image) * float(rng.uniform(0.4, 1.0)))))
        image = np.asarray(cv2.resize(image, coarse, interpolation=cv2.INTER_AREA), np.uint8)
    level = high - (high - low) * float(rng.uniform(0.25, 0.72))
    rough = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
        (high - low) * rng.uniform(0, 0.14)
    )
    black = np.where(image + rough > level, 255, 0).astype(np.uint8)
    return np.asarray(cv2.resize(black, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _compressed(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    quality = int(rng.integers(22, 92))
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


_CHANGES: tuple[tuple[float, Change], ...] = (
    (0.18, _fade),
    (0.2, _shade),
    (0.65, _soften),
    (0.15, _reduce),
    (0.05, _streak),
    (0.55, _stir),
    (0.08, _speckle),
)
"""Probability of each change, in the order of their application."""
