"""Paper, patterns and printed lines of a cell and its surroundings, to compose numbers on.

There is no record of a measurement for the ranges below; they were chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Box
from formreader.synth.strokes import SUBPIXEL_BITS, SUBPIXELS
from shared.patterns import Layer, draw_pattern


def paper(shape: tuple[int, int], cell: Box, rng: np.random.Generator) -> Layer:
    """Plain, tinted, patterned or printed paper, (h, w), as large as `shape`."""
    level = float(rng.uniform(185, 255))
    sheet = np.full(shape, level, np.float32)
    if rng.random() < 0.12:  # a tinted cell, or a bright one on tinted paper
        inside = _slices(cell, shape)
        sheet[inside] *= np.float32(rng.uniform(0.7, 1.12))
    if rng.random() < 0.2:
        strength = level * float(rng.uniform(0.04, 0.5) * rng.uniform(0.3, 1.0))
        for _ in range(1 if rng.random() < 0.7 else 2):
            sheet -= np.float32(strength) * draw_pattern(shape, cell.height, rng)
    return np.clip(sheet, 0, 255)


def _slices(cell: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    return (
        slice(max(int(cell.top), 0), min(int(cell.bottom), shape[0])),
        slice(max(int(cell.left), 0), min(int(cell.right), shape[1])),
    )


def draw_lines(shape: tuple[int, int], cell: Box, table: bool, rng: np.random.Generator) -> Layer:
    """Printed lines of a cell, (h, w) shares of ink: framed, ruled, open on some sides, or none.

    In a table they go on beyond the cell.
    """
    lines = np.zeros(shape, np.uint8)
    for start, end in _sides(cell, table, rng):
        _draw_line(lines, np.array(start), np.array(end), _LineKind.sample(cell.height, rng))
    return lines * np.float32(1 / 255)


def _sides(
    cell: Box, table: bool, rng: np.random.Generator
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    far = 0.6 * cell.height if table else 0.0
    left, right, top, bottom = cell.left, cell.right, cell.top, cell.bottom
    across = [((left - far, y), (right + far, y)) for y in (top, bottom)]
    down = [((x, top - far), (x, bottom + far)) for x in (left, right)]
    kind = rng.random()
    if kind < 0.62:
        return across + down
    if kind < 0.78:
        return across
    if kind < 0.88:
        return []
    return [side for side in across + down if rng.random() < 0.5]


@dataclass(frozen=True, slots=True)
class _LineKind:
    """`width` and `gap` of a double line in pixels, `ink` 0..255, `dash` as on and off pixels."""

    width: float
    ink: int
    gap: float
    dash: tuple[float, float]

    @classmethod
    def sample(cls, height: float, rng: np.random.Generator) -> _LineKind:
        thin = rng.random() < 0.35
        width = height * float(rng.uniform(0.006, 0.015) if thin else rng.uniform(0.012, 0.055))
        ink = int(rng.uniform(40, 160) if rng.random() < 0.35 else rng.uniform(150, 255))
        gap = width + height * float(rng.uniform(0.03, 0.07)) if rng.random() < 0.08 else 0.0
        dash = (0.0, 0.0)
        if rng.random() < 0.15:
            on = max(width, height * float(rng.uniform(0.01, 0.15)))
            dash = (on, max(1.5, on * float(rng.uniform(0.4, 2.0))))
        return cls(width, ink, gap, dash)


def _draw_line(
    layer: npt.NDArray[np.uint8],
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    kind: _LineKind,
) -> None:
    length = float(np.linalg.norm(end - start))
    along = (end - start) / max(length, 1e-6)
    normal = np.array([-along[1], along[0]])
    # Lines finer than a pixel are fainter ones.
    ink = round(kind.ink * min(1.0, kind.width)) if kind.width < 1 else kind.ink
    for offset in (0.0, kind.gap) if kind.gap else (0.0,):
        on, off = kind.dash if kind.dash[0] else (length, 1.0)
        for at in np.arange(0, length, on + off):
            a = start + along * at + normal * offset
            b = start + along * min(at + on, length) + normal * offset
            points = [tuple(np.rint(p * SUBPIXELS).astype(int).tolist()) for p in (a, b)]
            cv2.line(
                layer, points[0], points[1], ink, max(1, round(kind.width)), cv2.LINE_AA,
                SUBPIXEL_BITS,
            )  # fmt: skip
