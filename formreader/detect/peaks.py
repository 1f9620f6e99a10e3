"""Candidates for digit boxes: the peaks in the maps that the box network makes of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

STRIDE = 4
"""Page pixels per place of the networks' maps, along each axis; fixed by their layers."""

SIDE_MULTIPLE = 32
"""Both networks take images whose height and width are multiples of this, in pixels."""

REFERENCE_SIDE = 16.0
"""Unit of lengths in the maps, in pixels. A side is stored as log(side / unit)."""

Maps: TypeAlias = npt.NDArray[np.float32]
"""(10, h, w): the logit that a box has its centre in this place; the centre's offset from the
middle of the place in x and y, in places; log width and log height in units of `REFERENCE_SIDE`;
then the channels of cells for whole numbers, see `cell_maps`."""

_MIN_PEAK_LOGIT = -1.75
"""Logit above which a peak is a candidate, a score of 0.15. Weaker peaks once linked the groups of
a date across their gap. No record of a measurement."""

_MAX_PEAKS = 1500
"""Largest number of candidates of a page, to limit time and memory."""

_MAX_PEAK_OVERLAP = 0.15
"""Intersection over union above which the weaker of two candidates is suppressed. No record of a
measurement."""

_MIN_LOG_SIDE, _MAX_LOG_SIDE = -2, 3
"""Range of log sides, 2 to 321 pixels, to which outputs of the network are clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Candidates for digit boxes, best first, in page pixels.

    `centres` and `sizes` are (n, 2) x, y and width, height; `scores` (n,) in 0..1.
    """

    centres: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Detections:
        """The chosen candidates, given by index or by flag."""
        return Detections(self.centres[chosen], self.sizes[chosen], self.scores[chosen])


def find_peaks(maps: Maps) -> Detections:
    """The peaks of the network's maps after non-maximum suppression."""
    logit = np.ascontiguousarray(maps[0])
    is_peak = (logit >= cv2.dilate(logit, np.ones((3, 3), np.uint8))) & (logit > _MIN_PEAK_LOGIT)
    y, x = np.nonzero(is_peak)
    order = np.argsort(-logit[y, x], kind="stable")[:_MAX_PEAKS]
    y, x = y[order], x[order]
    at = maps[:, y, x].astype(np.float64)
    centres = (np.column_stack([x, y]) + at[1:3].T + 0.5) * STRIDE - 0.5
    sizes = REFERENCE_SIDE * np.exp(np.clip(at[3:5].T, _MIN_LOG_SIDE, _MAX_LOG_SIDE))
    return _without_overlapping(Detections(centres, sizes, 1 / (1 + np.exp(-at[0]))))


def score_at(maps: Maps, point: npt.NDArray[np.float64]) -> float:
    """The highest score within one place of a point (x, y) in page pixels; 0 off the page."""
    x, y = np.rint((point + 0.5) / STRIDE - 0.5).astype(np.int64)
    near = maps[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    return float(1 / (1 + np.exp(-near.max()))) if near.size else 0.0


def _without_overlapping(found: Detections) -> Detections:
    """Apply non-maximum suppression; `found` is sorted, best first."""
    boxes = np.hstack([found.centres - found.sizes / 2, found.sizes])
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), found.scores.tolist(), 0.0, _MAX_PEAK_OVERLAP)
    return found.select(np.sort(np.asarray(kept, np.int64).ravel()))
