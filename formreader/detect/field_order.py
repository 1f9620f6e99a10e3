"""Sort the fields of a page into reading order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from formreader.core.geometry import map_points, reading_order
from formreader.core.records import FieldCrops
from formreader.preprocess.straighten import StraightPage


def in_reading_order(straight: StraightPage, fields: Sequence[FieldCrops]) -> list[FieldCrops]:
    """Sort fields from top to bottom, and those on one level from left to right."""
    if not fields:
        return []
    from_page = np.asarray(np.linalg.inv(straight.to_page), np.float64)
    corners = [[corner for box in field.outer_boxes for corner in box.corners] for field in fields]
    lengths = np.array([len(points) for points in corners])
    first = lengths.cumsum() - lengths
    x, y = map_points(from_page, [point for points in corners for point in points]).T
    left, top = np.minimum.reduceat(x, first), np.minimum.reduceat(y, first)
    bottom = np.maximum.reduceat(y, first)
    middle = (top + bottom) / 2
    return [fields[i] for i in reading_order(left.tolist(), middle.tolist(), bottom.tolist())]
