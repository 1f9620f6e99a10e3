"""Effects of what lies on the paper, shines through it or surrounds it."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.geometry import MM_PER_INCH
from formreader.synth.optics import Layer, to_grey
from formreader.synth.paper_sheet import Picture


def stains(image: Picture, amount: float, dpi: float, rng: np.random.Generator) -> Picture:
    """Rings and spots, as of cups and fingers, pale enough to read through. `amount`: 0..1."""
    h, w = image.shape[:2]
    mm, darkening = dpi / MM_PER_INCH, np.zeros((h, w), np.float32)
    for _ in range(1 + round(4 * amount)):
        centre = (int(rng.integers(w)), int(rng.integers(h)))
        radius, depth = float(rng.uniform(2, 40)) * mm, float(rng.uniform(0.05, 0.3))
        axes = (round(radius), round(radius * rng.uniform(0.6, 1)))
        turn = float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(darkening, centre, axes, turn, 0, 360, depth, max(1, round(1.5 * mm)))
        else:
            spot = np.zeros_like(darkening)
            cv2.ellipse(spot, centre, axes, turn, 0, 360, 0.6 * depth, -1)
            darkening = np.maximum(darkening, spot)
    soft = cv2.GaussianBlur(darkening, (0, 0), 0.5 * mm)
    return _illuminate(image, np.asarray(1 - soft, np.float32), (0.6, 0.85, 1.0))


def strips(image: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Shadows with straight edges, as of fingers or the stand of a lamp. `strength`: 0..1."""
    h, w = image.shape[:2]
    light = np.ones((h, w), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        x, y = float(rng.uniform(0, w)), float(rng.uniform(0, h))
        angle, width = float(rng.uniform(0, np.pi)), float(rng.uniform(0.05, 0.3)) * w
        dx, dy = (h + w) * np.cos(angle), (h + w) * np.sin(angle)
        start, end = (round(x - dx), round(y - dy)), (round(x + dx), round(y + dy))
        level = 1 - strength * float(rng.uniform(0.4, 1))
        cv2.line(light, start, end, level, max(1, min(round(width), 255)))
    soft = cv2.GaussianBlur(light, (0, 0), 0.01 * w)
    return _illuminate(image, np.asarray(soft, np.float32), (1.0, 1.0, 1.0))


def show_through(image: Picture, darkness: float, rng: np.random.Generator) -> Picture:
    """Print on the other side that shows through: the page itself, mirrored, shifted and pale."""
    h, w = image.shape[:2]
    grey = to_grey(image)
    paper = max(1.0, float(np.median(grey[::7, ::7])))
    dx, dy = (float(rng.normal(0, 0.05)) * side for side in (w, h))
    flip = np.array([[-1, 0, w - 1 + dx], [0, 1, dy]])
    other = cv2.warpAffine(grey, flip, (w, h), borderValue=(paper,))
    soft = cv2.GaussianBlur(other, (0, 0), 0.0015 * w).astype(np.float32) / np.float32(paper)
    light = 1 - np.float32(darkness) * np.clip(1 - soft, 0, 1)
    return _illuminate(image, np.asarray(light, np.float32), (1.0, 1.0, 1.0))


def desk(size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """A desk, RGB: wood, cloth, stone or tiles; `size` is its width and height in pixels."""
    w, h = size
    colour = rng.uniform(25, 190, 3) * np.array([1.0, 0.95, 0.88])
    kind = rng.random()
    if kind < 0.4:  # the grain of wood, across the picture
        shape = (max(2, h // 4), max(2, w // 90))
    elif kind < 0.7:  # cloth or stone
        shape = (max(2, h // 3), max(2, w // 3))
    else:  # tiles
        shape = (int(rng.integers(3, 12)), int(rng.integers(3, 9)))
    interpolation = cv2.INTER_NEAREST if kind >= 0.7 else cv2.INTER_LINEAR
    cells = rng.standard_normal(shape, np.float32)
    texture = cv2.resize(cells, (w, h), interpolation=interpolation)
    light = 1 + np.float32(rng.uniform(0.05, 0.35)) * np.clip(texture, -1.5, 1.5)
    return np.asarray(np.clip(light[:, :, None] * colour, 0, 255), np.uint8)


def _illuminate(image: Picture, light: Layer, share: tuple[float, float, float]) -> Picture:
    """Multiply an image by `light`, (h, w); of what it darkens, each channel loses its `share`."""
    if image.ndim == 2:
        return cv2.multiply(image, light, dtype=cv2.CV_8U).astype(np.uint8)
    # Brown stains take most of the blue and least of the red.
    layers = [1 - (1 - light) * np.float32(s) for s in share]
    return cv2.multiply(image, cv2.merge(layers), dtype=cv2.CV_8U).astype(np.uint8)
