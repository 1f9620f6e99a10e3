"""Small pictures of fields with what is around them, for the people who review."""

from __future__ import annotations

import math
import statistics

import cv2

from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldCrops, GreyImage, Thumbnail

MAX_BYTES = 8 * 1024
"""Largest picture: a report with thousands of fields must still open quickly."""

_TALLEST_BOX = 64
_MAX_WIDTH = 900

_QUALITY, _LOW_QUALITY = 60, 35
_LOW_QUALITY_SAVES = 1.4
"""A picture that is at most so many times too large may fit at the low quality."""


def draw_thumbnail(page: Pyramid, field: FieldCrops) -> Thumbnail:
    """A picture of `field` and about one box of margin, cut from its page.

    A box is 32 to 64 px high in it, or as high as on a page of a lower resolution, or less
    where the picture would be too large.

    Raises:
        ValueError: the field lies outside the page.
    """
    height = statistics.median(box.box.height for box in field.boxes)
    around = _with_margin(field.box, height, page.level(0).shape)
    too_large = max(height / _TALLEST_BOX, around.width / _MAX_WIDTH, 1.0)
    halvings = math.ceil(math.log2(too_large))
    area, picture = _cut(page, around, halvings)
    while len(jpeg := _encoded(picture)) > MAX_BYTES:
        halvings += 1
        area, picture = _cut(page, around, halvings)
    return Thumbnail(jpeg, area, 0.5**halvings)


def _with_margin(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    """`box` with a margin, as far as it lies on a page of `shape`."""
    left, top = max(0.0, box.left - margin), max(0.0, box.top - margin)
    right, bottom = min(shape[1], box.right + margin), min(shape[0], box.bottom + margin)
    return Box(left, top, right - left, bottom - top)


def _cut(page: Pyramid, around: Box, halvings: int) -> tuple[Box, GreyImage]:
    """What is in and `around` a box on a halved page, in whole pixels, and where that is."""
    image, pixel = page.level(halvings), 2**halvings
    top, bottom = _whole_pixels(around.top / pixel, around.bottom / pixel, image.shape[0])
    left, right = _whole_pixels(around.left / pixel, around.right / pixel, image.shape[1])
    area = Box(left * pixel, top * pixel, (right - left) * pixel, (bottom - top) * pixel)
    return area, image[top:bottom, left:right]


def _whole_pixels(start: float, stop: float, side: int) -> tuple[int, int]:
    """The first pixel that a part of a side lies on, and the one after the last."""
    first = min(int(start), side - 1)
    return first, max(min(math.ceil(stop), side), first + 1)


def _encoded(picture: GreyImage) -> bytes:
    """The picture as JPEG, at the low quality where that may spare reducing it further."""
    jpeg = b""
    for quality in (_QUALITY, _LOW_QUALITY):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= MAX_BYTES or len(jpeg) > _LOW_QUALITY_SAVES * MAX_BYTES:
            break
    return jpeg
