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
