"""Small pictures of fields with what is around them, for the people who review."""

from __future__ import annotations

import math
import statistics

import cv2
import numpy as np

from formreader.types import Box, Field, GreyImage, Surroundings

MAX_BYTES = 8 * 1024
"""Largest picture: a report with thousands of fields must still open quickly."""

_TALLEST_BOX = 64
_MAX_WIDTH = 900

_QUALITY, _LOW_QUALITY = 60, 35
_LOW_QUALITY_SAVES = 1.4
"""A picture that is at most so many times too large may fit at the low quality."""


def picture_field(image: GreyImage, field: Field) -> Surroundings:
    """A picture of `field` and about one box of margin, cut from its page (h, w) uint8.

    A box is 32 to 64 px high in it, or as high as on a page of a lower resolution. Pages
    are reduced by whole factors only, which takes a small part of the time.

    Raises:
        ValueError: the field lies outside the page.
    """
    height = statistics.median(box.box.height for box in field.boxes)
    area = _area(field.box, height, image.shape)
    left, top = int(area.left), int(area.top)
    cut = image[top : top + int(area.height), left : left + int(area.width)]
    factor = math.ceil(max(height / _TALLEST_BOX, area.width / _MAX_WIDTH))
    while len(jpeg := _encoded(_reduced(cut, factor))) > MAX_BYTES:
        # Half as large across and down has about a quarter of the bytes.
        factor = max(factor + 1, round(factor * math.sqrt(len(jpeg) / MAX_BYTES)))
    return Surroundings(jpeg, area, 1 / factor)


def _reduced(cut: GreyImage, factor: int) -> GreyImage:
    """The means of each `factor` x `factor` pixels; what is left over at the end is cut off."""
    height, width = (max(side // factor, 1) for side in cut.shape)
    whole = cut[: height * factor, : width * factor]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _encoded(picture: GreyImage) -> bytes:
    """The picture as JPEG, at the low quality where that may spare reducing it further."""
    jpeg = b""
    for quality in (_QUALITY, _LOW_QUALITY):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= MAX_BYTES or len(jpeg) > _LOW_QUALITY_SAVES * MAX_BYTES:
            break
    return jpeg


def _area(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    """`box` with a margin, in whole pixels, as far as it lies on a page of `shape`."""
    left, top = max(0, math.floor(box.left - margin)), max(0, math.floor(box.top - margin))
    right = min(shape[1], math.ceil(box.right + margin))
    bottom = min(shape[0], math.ceil(box.bottom + margin))
    return Box(left, top, right - left, bottom - top)
