"""How wide the strokes of a digit are, and new strokes of such a width."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Point: TypeAlias = npt.NDArray[np.float64]
"""(2,) float64, x and y in pixels."""

_SHIFT = 4
"""Bits after the point of the coordinates handed to OpenCV."""


def stroke_width(ink: npt.NDArray[np.uint8]) -> float:
    """Mean width in pixels of the strokes in `ink`, (h, w) bright on black; 0 without ink.

    Across a stroke of width w the distance of the pixels from its edge is w / 4 on the mean,
    and the transform counts half a pixel more.
    """
    solid = (ink > 96).view(np.uint8)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    pixels = cv2.countNonZero(solid)
    return 4 * (float(depth.sum()) / pixels - 0.5) if pixels else 0.0


def draw_curve(ink: npt.NDArray[np.uint8], points: npt.ArrayLike, width: float) -> None:
    """Draw a polyline through `points` (m, 2), x and y in pixels, into `ink`, in place."""
    dots = np.rint(np.asarray(points, np.float64) * (1 << _SHIFT)).astype(np.int32)
    pen = max(1, round(width))
    cv2.polylines(ink, [dots], False, 255, pen, cv2.LINE_AA, shift=_SHIFT)


def rounded(points: npt.ArrayLike, times: int = 2) -> npt.NDArray[np.float64]:
    """A polyline (m, 2) with its corners cut off, ends kept (Chaikin 1974).

    A point that is written twice keeps its corner.
    """
    curve = np.asarray(points, np.float64)
    for _ in range(times):
        cuts = np.stack(
            [0.75 * curve[:-1] + 0.25 * curve[1:], 0.25 * curve[:-1] + 0.75 * curve[1:]]
        )
        middle = cuts.transpose(1, 0, 2).reshape(-1, 2)
        curve = np.concatenate([curve[:1], middle[1:-1], curve[-1:]])
    return curve
