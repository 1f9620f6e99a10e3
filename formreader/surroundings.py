"""Small pictures of fields with what is around them, for the people who review."""

from __future__ import annotations

import math

import cv2
import numpy as np

from formreader.types import Box, Field, GreyImage, Surroundings

MAX_BYTES = 8 * 1024
"""Largest picture: a report with thousands of fields must still open quickly."""

_BOX_HEIGHT = 48
_MAX_WIDTH = 900
_QUALITIES = (60, 45, 30)


def picture_field(image: GreyImage, field: Field) -> Surroundings:
    """A picture of `field` and about one box of margin, cut from its page (h, w) uint8.

    A box is some 48 px high in it; pages of a lower resolution are not enlarged.

    Raises:
        ValueError: the field lies outside the page.
    """
    height = float(np.median([box.box.height for box in field.boxes]))
    area = _area(field.box, height, image.shape)
    scale = min(1.0, _BOX_HEIGHT / height, _MAX_WIDTH / area.width)
    left, top = int(area.left), int(area.top)
    cut = image[top : top + int(area.height), left : left + int(area.width)]
    while True:
        size = max(1, round(area.width * scale)), max(1, round(area.height * scale))
        small = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
        for quality in _QUALITIES:
            jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            if len(jpeg) <= MAX_BYTES:
                return Surroundings(jpeg, area, scale)
        scale *= 0.75


def _area(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    """`box` with a margin, in whole pixels, as far as it lies on a page of `shape`."""
    left, top = max(0, math.floor(box.left - margin)), max(0, math.floor(box.top - margin))
    right = min(shape[1], math.ceil(box.right + margin))
    bottom = min(shape[0], math.ceil(box.bottom + margin))
    return Box(left, top, right - left, bottom - top)
