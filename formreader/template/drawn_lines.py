"""Move the places of fields onto the lines that a PDF draws, which are exact."""

from __future__ import annotations

import numpy as np

from formreader.template.page_map import Floats

OF_FOUND, OF_FORM_FIELDS = 2.0, 6.0
"""Largest distance of a side from its line, in pixels at 100 dpi: for places found on a picture,
and for fields of a PDF, which lie inside of their printed frame."""

_REACH_OF_SIDES = 0.25
"""The same distance, in shorter sides of the box."""

_BEYOND_COSTS = 2.0
"""Factor of the distance of a line that is outside of the box."""

_MIN_SIDE_COVERED = 0.3
"""Least share of a side that its line covers. Lines between the boxes of a comb are short."""


def on_drawn_lines(boxes: Floats, lines: Floats, most: float) -> Floats:
    """Boxes (n, 4) left, top, right, bottom with their sides on lines (m, 4) x, y, x, y.

    A side without a line within `most` pixels is not moved.
    """
    starts, ends = np.minimum(lines[:, :2], lines[:, 2:]), np.maximum(lines[:, :2], lines[:, 2:])
    level = ends[:, 0] - starts[:, 0] > ends[:, 1] - starts[:, 1]
    moved = boxes.copy()
    for axis in (0, 1):  # sides at an x are on vertical lines, which run along y
        chosen = level if axis else ~level
        at = (starts[chosen, axis] + ends[chosen, axis]) / 2
        first, last = starts[chosen, 1 - axis], ends[chosen, 1 - axis]
        for box, new in zip(boxes, moved, strict=True):
            low, high = box[1 - axis], box[3 - axis]
            reach = min(_REACH_OF_SIDES * min(box[2] - box[0], box[3] - box[1]), most)
            along = np.minimum(last, high) - np.maximum(first, low) >= _MIN_SIDE_COVERED * (
                high - low
            )
            for side, outwards in ((axis, -1), (axis + 2, 1)):
                beyond = (at - box[side]) * outwards  # there may be two lines between two boxes
                cost = np.where(
                    along, np.where(beyond > 0, _BEYOND_COSTS * beyond, -beyond), np.inf
                )
                best = int(cost.argmin()) if len(cost) else -1
                if best >= 0 and along[best] and abs(beyond[best]) <= reach:
                    new[side] = at[best]
    return moved
