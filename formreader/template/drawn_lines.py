"""Places on the lines that a PDF draws: exact, where those found on a picture are nearly."""

from __future__ import annotations

import numpy as np

from formreader.template.page_map import Floats

OF_FOUND, OF_FORM_FIELDS = 2.0, 6.0
"""How far a side may be from its line, in pixels at 100 dpi: of places found on a picture, and of
fields of a PDF, which lie in what is printed for them."""

_REACH_OF_SIDES = 0.25
"""The same in shorter sides of the box."""

_BEYOND_COSTS = 2.0
"""A line beyond a side counts as so many times farther away."""

_MIN_SIDE_COVERED = 0.3
"""Share of a side that its line covers at least: those between the boxes of a comb are short."""


def on_drawn_lines(boxes: Floats, lines: Floats, most: float) -> Floats:
    """Boxes (n, 4) left, top, right, bottom with their sides on lines (m, 4) x, y, x, y.

    A side without a line within `most` pixels stays.
    """
    starts, ends = np.minimum(lines[:, :2], lines[:, 2:]), np.maximum(lines[:, :2], lines[:, 2:])
    level = ends[:, 0] - starts[:, 0] > ends[:, 1] - starts[:, 1]
    moved = boxes.copy()
    for axis in (0, 1):  # sides at an x lie on upright lines, which run along y
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
                beyond = (at - box[side]) * outwards  # two lines may part a box from the next one
                cost = np.where(
                    along, np.where(beyond > 0, _BEYOND_COSTS * beyond, -beyond), np.inf
                )
                best = int(cost.argmin()) if len(cost) else -1
                if best >= 0 and along[best] and abs(beyond[best]) <= reach:
                    new[side] = at[best]
    return moved
