"""Writing that is in no place: what a pen wrote on one line becomes a place of its own.

Beside a row of boxes it may be a digit of that row, whose box was not seen: the row is for review.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.page_layers import Layer
from formreader.look.page_look import PageLook
from formreader.look.page_maps import LAYER_STRIDE, probabilities
from formreader.look.places import Places

_SURE_PEN = 0.5 * 255
"""Probability times 255 of having been written from which a place of the layers' grid counts."""

_MIN_STROKE_AREA, _MIN_HEIGHT, _MAX_HEIGHT = 3, 4, 26
"""Places of the layers' grid, of 0.5 mm at 100 dpi: area of the smallest stroke, and heights of
what may be a number."""

_MAX_STROKE_GAP, _MIN_SHARED_HEIGHT = 0.9, 0.35
"""Strokes are on one line whose gap is no wider than this share of the higher one's height, and
which share this part of the lower one's."""

_LINE_BETWEEN = 0.5
"""Mean probability of a ruled line between two strokes from which they are two numbers."""

_MAX_AWAY = 1.0
"""Widths of a box up to which the middle of a stroke is beside it: that of the next box."""

_MIN_BESIDE_HEIGHT = 0.3
"""Heights of a box that a stroke beside it is high at least: a lower one is no digit. Set by
eye."""

_FREE_MARGIN = 0.3
"""Margin around the writing, in its heights."""


def free_strokes(look: PageLook, places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Find the strokes outside of places, corners (n, 4, 2) px of the straightened page.

    Returns (m, 4) their left, top, right and bottom in the layers' grid, the last two exclusive.
    """
    inside = np.zeros_like(look.pen)
    for corners in (places + 0.5) / LAYER_STRIDE - 0.5:
        cv2.fillConvexPoly(inside, np.rint(corners).astype(np.int32), (1,))
    written = np.asarray(look.pen > _SURE_PEN).view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(written, connectivity=8)
    within = np.bincount(labels[inside.view(np.bool_)], minlength=count)
    area = stats[:, cv2.CC_STAT_AREA]
    free = (area >= _MIN_STROKE_AREA) & (2 * within < area)
    free[0] = False
    boxes = stats[free, : cv2.CC_STAT_AREA].astype(np.int64)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def beside_strokes(
    boxes: npt.NDArray[np.float64], strokes: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which of n boxes, corners (n, 4, 2) px, have a free stroke on their left or right, (n,)."""
    low, high = boxes.min(axis=1)[:, None], boxes.max(axis=1)[:, None]
    middle = LAYER_STRIDE * (strokes[:, :2] + strokes[:, 2:]) / 2
    away = np.maximum(low - middle, middle - high)  # (n, m, 2), below 0 between the sides
    level = away[..., 1] < 0
    near = away[..., 0] < _MAX_AWAY * (high - low)[..., 0]
    tall = LAYER_STRIDE * (strokes[:, 3] - strokes[:, 1])
    like_digits = tall >= _MIN_BESIDE_HEIGHT * (high - low)[..., 1]
    return np.asarray((level & near & like_digits).any(axis=1))


def free_lines(look: PageLook, strokes: npt.NDArray[np.int64]) -> Places:
    """Places around the strokes that follow one another on a line, where they may be numbers."""
    lines = _lines(strokes, probabilities(look.maps.layers[Layer.RULED_DOWN]))
    heights = lines[:, 3] - lines[:, 1]
    lines = lines[(heights >= _MIN_HEIGHT) & (heights <= _MAX_HEIGHT)]
    margin = _FREE_MARGIN * (lines[:, 3] - lines[:, 1])[:, None]
    low, high = lines[:, :2] - margin, lines[:, 2:] + margin
    corners = np.stack(
        [low, np.stack([high[:, 0], low[:, 1]], 1), high, np.stack([low[:, 0], high[:, 1]], 1)], 1
    )
    return Places(LAYER_STRIDE * corners - 0.5, np.full(len(lines), 0.5))


def _lines(boxes: npt.NDArray[np.int64], ruled: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Join strokes that follow one another on a line; (m, 4) the bounding boxes of the lines."""
    order = np.argsort(boxes[:, 0], kind="stable")
    lines: list[npt.NDArray[np.int64]] = []
    for box in boxes[order]:
        joined = box
        rest = []
        for line in lines:
            if _follows(line, joined, ruled):
                joined = np.concatenate([np.minimum(line[:2], joined[:2]),
                                         np.maximum(line[2:], joined[2:])])  # fmt: skip
            else:
                rest.append(line)
        lines = [*rest, joined]
    return np.array(lines, np.int64).reshape(-1, 4)


def _follows(
    line: npt.NDArray[np.int64], box: npt.NDArray[np.int64], ruled: npt.NDArray[np.float32]
) -> bool:
    """Whether a stroke follows those of a line, with no ruled line between."""
    tall, low = line[3] - line[1], box[3] - box[1]
    shared = min(line[3], box[3]) - max(line[1], box[1])
    if box[0] - line[2] > _MAX_STROKE_GAP * max(tall, low) or shared < _MIN_SHARED_HEIGHT * min(
        tall, low
    ):
        return False
    between = ruled[max(line[1], box[1]) : min(line[3], box[3]), line[2] : box[0]]
    return not between.size or float(between.mean(axis=0).max()) < _LINE_BETWEEN
