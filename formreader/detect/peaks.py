"""Where single digit boxes seem to be: a small trained network on an upright page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

STRIDE = 4
"""Page pixels a side of one cell of the maps."""

DEPTH = 32
"""Height and width of what the network is given are multiples of this."""

REFERENCE_SIDE = 16.0
"""Sides are given as the logarithm of their share of this, in pixels."""

Maps: TypeAlias = npt.NDArray[np.float32]
"""(5, h, w): the logit that a box's centre lies here; the centre's offset from the middle of
the map's cell in x and y, in cells; log width and log height in `REFERENCE_SIDE`."""

# Peaks below this are no boxes even where a row of boxes asks for one.
_LEAST_LOGIT = -1.75
_MOST_PEAKS = 1500

# The higher one of two that share more than this part of their union is the box.
_SAME_BOX = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Places that may be digit boxes, best first, in page pixels.

    `centres` and `sizes` are (n, 2) x, y and width, height; `scores` (n,) in 0..1.
    """

    centres: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Detections:
        """Some of them, by index or by flag."""
        return Detections(self.centres[chosen], self.sizes[chosen], self.scores[chosen])


def find_peaks(maps: Maps) -> Detections:
    """The peaks of the network's maps, without those that are in a better one's place."""
    logit = np.ascontiguousarray(maps[0])
    crest = (logit >= cv2.dilate(logit, np.ones((3, 3), np.uint8))) & (logit > _LEAST_LOGIT)
    y, x = np.nonzero(crest)
    order = np.argsort(-logit[y, x], kind="stable")[:_MOST_PEAKS]
    y, x = y[order], x[order]
    at = maps[:, y, x].astype(np.float64)
    centres = (np.column_stack([x, y]) + at[1:3].T + 0.5) * STRIDE - 0.5
    sizes = REFERENCE_SIDE * np.exp(np.clip(at[3:5].T, -2, 3))
    return _without_doubles(Detections(centres, sizes, 1 / (1 + np.exp(-at[0]))))


def score_at(maps: Maps, point: npt.NDArray[np.float64]) -> float:
    """The network's highest score about a point (x, y) in page pixels, 0 beyond the page."""
    x, y = np.rint((point + 0.5) / STRIDE - 0.5).astype(np.int64)
    near = maps[0, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    return float(1 / (1 + np.exp(-near.max()))) if near.size else 0.0


def _without_doubles(found: Detections) -> Detections:
    """Non-maximum suppression; `found` is sorted, best first."""
    boxes = np.hstack([found.centres - found.sizes / 2, found.sizes])
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), found.scores.tolist(), 0.0, _SAME_BOX)
    return found.select(np.sort(np.asarray(kept, np.int64).ravel()))
