"""Digits as the paths of a pen, by many writers: they can be drawn with any pen, at any size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.errors import NoInputError
from formreader.synth.strokes import SUBPIXEL_BITS, SUBPIXELS, Mask
from formreader.training.data.examples import DAMAGED, read_arrays

STROKE_ARRAYS = ("points", "stroke_starts", "digit_strokes", "labels", "writer")
"""Names of the arrays in a file of strokes."""

STROKE_UNIT = 1000.0
"""Length of the longer side of a digit in the file."""

_EVEN_STEP, _KNOT_DISTANCE = 0.025 * STROKE_UNIT, 0.22 * STROKE_UNIT
"""Distances along a stroke, of the points that it is bent at, and of those that random changes are
drawn for."""
_TURN_SIGMA, _STRETCH_SIGMA, _TAIL_SIGMA = 0.2, 0.25, 0.55
"""Standard deviations of the change of a stroke's direction in radians, of the logarithm of the
change of its length, and of the further turn at its end. Set by eye: stronger ones make digits that
nobody can name."""
_TAIL_START = 0.6
"""Share of a stroke from which on its end turns."""

Path2D = npt.NDArray[np.float64]
"""(n, 2) x and y of the points of a stroke, y down."""


@dataclass(frozen=True, slots=True, eq=False)
class PenStrokes:
    """Digits of many writers.

    `paths[i]` are the strokes of digit i, in `STROKE_UNIT`; `labels` and `writer` are (n,).
    """

    paths: list[list[Path2D]]
    labels: npt.NDArray[np.uint8]
    writer: npt.NDArray[np.int64]

    @classmethod
    def load(cls, file: Path) -> PenStrokes:
        """Read an .npz with `STROKE_ARRAYS`.

        `points` are (p, 2); stroke i has those from `stroke_starts[i]` on, digit k the strokes from
        `digit_strokes[k]` on, each up to where the next begins; both end with the count of all.

        Raises:
            NoInputError: the file is missing or damaged.
        """
        try:
            points, starts, digits, labels, writer = read_arrays(file, *STROKE_ARRAYS)
            strokes = np.split(points.astype(np.float64), starts[1:-1])
            paths = [strokes[a:b] for a, b in itertools.pairwise(digits)]
        except DAMAGED as error:
            raise NoInputError(f"{file}: no digits as pen strokes ({error})") from error
        if not len(paths) == len(labels) == len(writer) or not all(paths):
            raise NoInputError(f"{file}: strokes, labels and writers do not fit")
        return cls(paths, labels.astype(np.uint8), writer.astype(np.int64))

    def save(self, file: Path) -> None:
        """Write an .npz as `load` reads it; coordinates are rounded down to whole numbers."""
        strokes = [stroke for digit in self.paths for stroke in digit]
        np.savez_compressed(
            file,
            points=np.concatenate(strokes).astype(np.int16),
            stroke_starts=np.cumsum([0, *map(len, strokes)]),
            digit_strokes=np.cumsum([0, *map(len, self.paths)]),
            labels=self.labels,
            writer=self.writer,
        )

    def by_writer(self) -> list[npt.NDArray[np.intp]]:
        """The numbers of each writer's digits."""
        return [np.flatnonzero(self.writer == one) for one in np.unique(self.writer)]


def bent(paths: Sequence[Path2D], rng: np.random.Generator) -> list[Path2D]:
    """The strokes as another hand may write them: each turns and stretches smoothly on its way.

    Ends of strokes turn furthest: tails of nines and sevens, flags and feet are what hands differ
    by most. Changes direction and length of the pen's way as the sigma-lognormal model of
    handwriting changes its strokes (Plamondon et al., "Recent developments in the study of rapid
    human movements with the kinematic theory", 2014).
    """
    return [_bent(path, rng) for path in paths]


def _bent(path: Path2D, rng: np.random.Generator) -> Path2D:
    along = np.concatenate([[0], np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum()])
    if along[-1] < 3 * _EVEN_STEP:  # a dot
        return path
    n = int(along[-1] / _EVEN_STEP) + 1
    at = np.linspace(0, along[-1], n)
    even = np.column_stack([np.interp(at, along, side) for side in path.T])
    knots = int(along[-1] / _KNOT_DISTANCE) + 2
    share = np.linspace(0, 1, n - 1)
    turn, stretch = (
        np.interp((knots - 1) * share, np.arange(knots), rng.normal(0, sigma, knots))
        for sigma in (_TURN_SIGMA, _STRETCH_SIGMA)
    )
    tail = np.clip((share - _TAIL_START) / (1 - _TAIL_START), 0, 1)
    turn += float(rng.normal(0, _TAIL_SIGMA)) * tail
    steps = np.diff(even, axis=0) @ np.array([1, 1j]) * np.exp(stretch + 1j * turn)
    way = np.concatenate([[0], steps.cumsum()])
    moved: Path2D = even[0] + np.column_stack([way.real, way.imag])
    return moved


def draw_paths(paths: Sequence[Path2D], pen: float) -> Mask:
    """Draw paths in pixels with a round pen, `pen` px wide; a tight (h, w) mask with a margin."""
    points = np.concatenate(paths)
    origin = points.min(axis=0) - pen - 1
    width, height = np.ceil(points.max(axis=0) - origin + pen + 1).astype(int)
    mask = np.zeros((height, width), np.uint8)
    for path in paths:
        fixed = np.rint((path - origin) * SUBPIXELS).astype(np.int32)
        cv2.polylines(mask, [fixed], False, (255,), max(1, round(pen)), cv2.LINE_AA, SUBPIXEL_BITS)
    return mask.astype(np.float32) * np.float32(min(pen, 1.0) / 255)
