"""Draw small pictures of fields and their surroundings, for review."""

from __future__ import annotations

import math
import statistics

import cv2

from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldCrops, GreyImage, Thumbnail

MAX_THUMBNAIL_BYTES = 8 * 1024
"""Limit of the file size: a report with thousands of fields must still open quickly."""

_MAX_THUMBNAIL_BOX_HEIGHT = 64
_MAX_THUMBNAIL_WIDTH = 900
"""Size of a box and of the picture in pixels, at most. No measurement on record."""

_JPEG_QUALITY, _LOW_JPEG_QUALITY = 60, 35
_MAX_OVERSIZE_FOR_LOW_QUALITY = 1.4
"""JPEG qualities, and how many times too large a file may be for another try at the low one before
the picture is halved. No measurement on record."""


def draw_thumbnail(page: Pyramid, field: FieldCrops) -> Thumbnail:
    """Draw a field with a margin of about one box, cut from its page.

    A box is 32 to 64 pixels high in the picture. It is smaller where the page shows it smaller,
    or where the picture would be too large. Of a field off the page it shows the page's edge.
    """
    boxes = [box.box for box in field.boxes]
    height = statistics.median([box.height for box in boxes])
    outline = Box.around(boxes) if field.cell is None else field.cell.box
    around = _with_margin(outline, height, page.shape)
    too_large = max(height / _MAX_THUMBNAIL_BOX_HEIGHT, around.width / _MAX_THUMBNAIL_WIDTH, 1.0)
    halvings = math.ceil(math.log2(too_large))
    area, picture = _cut(page, around, halvings)
    while len(jpeg := _encoded(picture)) > MAX_THUMBNAIL_BYTES:
        halvings += 1
        area, picture = _cut(page, around, halvings)
    return Thumbnail(jpeg, area, 0.5**halvings)


def _with_margin(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    """Return the box with a margin, clipped to a page of `shape`; at least a pixel of it."""
    left, right = _clipped(box.left - margin, box.right + margin, shape[1])
    top, bottom = _clipped(box.top - margin, box.bottom + margin, shape[0])
    return Box(left, top, right - left, bottom - top)


def _clipped(start: float, stop: float, side: int) -> tuple[float, float]:
    start = min(max(start, 0.0), side - 1)
    return start, max(min(stop, side), start + 1)


def _cut(page: Pyramid, around: Box, halvings: int) -> tuple[Box, GreyImage]:
    """Cut a part out of a halved page; return its whole-pixel area on the page, and the picture."""
    image, pixel = page.level(halvings), 2**halvings
    top, bottom = _whole_pixels(around.top / pixel, around.bottom / pixel, image.shape[0])
    left, right = _whole_pixels(around.left / pixel, around.right / pixel, image.shape[1])
    area = Box(left * pixel, top * pixel, (right - left) * pixel, (bottom - top) * pixel)
    return area, image[top:bottom, left:right]


def _whole_pixels(start: float, stop: float, side: int) -> tuple[int, int]:
    """Return the first pixel of a part of a side, and the one after its last."""
    first = min(int(start), side - 1)
    return first, max(min(math.ceil(stop), side), first + 1)


def _encoded(picture: GreyImage) -> bytes:
    """Encode a picture as JPEG, at the low quality where that may make it small enough."""
    jpeg = b""
    for quality in (_JPEG_QUALITY, _LOW_JPEG_QUALITY):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if (
            len(jpeg) <= MAX_THUMBNAIL_BYTES
            or len(jpeg) > _MAX_OVERSIZE_FOR_LOW_QUALITY * MAX_THUMBNAIL_BYTES
        ):
            break
    return jpeg
