"""Draw small pictures of fields and their surroundings, for review."""

from __future__ import annotations

import math
import statistics

import cv2
import numpy as np

from formreader.core.geometry import Box, quarters_to_upright
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldCrops, GreyImage, Thumbnail

MAX_THUMBNAIL_BYTES = 16 * 1024
"""Largest file size in bytes, so that a report with thousands of fields opens quickly."""

_MAX_THUMBNAIL_BOX_HEIGHT = 128
_MAX_THUMBNAIL_WIDTH = 1400
"""Largest height of a box and width of the picture, in pixels: a box of 10 mm, and a comb of ten
such boxes, at 300 dpi. At half of that a decimal point of 0.4 mm is two grey pixels. The report of
`samples/` has 137 kB with these pictures, and 125 kB with crops alone."""

_MARGIN_BESIDE = 2
"""Margin left and right of a field, in heights of its boxes. Above and below it is 1. With 3 the
files are a tenth larger."""

_JPEG_QUALITY, _LOW_JPEG_QUALITY = 50, 35
_MAX_OVERSIZE_FOR_LOW_QUALITY = 1.4
"""JPEG qualities. The low one is tried if a file is at most this many times too large; otherwise
the picture is halved. No measurement on record."""


def draw_thumbnail(page: Pyramid, field: FieldCrops) -> Thumbnail:
    """Draw a field with its surroundings, cut from its page.

    The picture is upright and has the page's resolution. It is halved if a box is higher than 128
    pixels, or if it would be too large. For a field off the page it shows the page's edge.
    """
    boxes = [box.box for box in field.boxes]
    height = statistics.median([box.height for box in boxes])
    outline = Box.around(boxes) if field.cell is None else field.cell.box
    turned = quarters_to_upright(np.array([box.corners for box in field.outer_boxes], np.float64))
    across, down = (1, _MARGIN_BESIDE) if turned % 2 else (_MARGIN_BESIDE, 1)
    around = _with_margin(outline, across * height, down * height, page.shape)
    too_large = max(height / _MAX_THUMBNAIL_BOX_HEIGHT, around.width / _MAX_THUMBNAIL_WIDTH, 1.0)
    halvings = math.ceil(math.log2(too_large))
    area, picture = _cut(page, around, halvings)
    while len(jpeg := _encoded(picture, turned)) > MAX_THUMBNAIL_BYTES:
        halvings += 1
        area, picture = _cut(page, around, halvings)
    return Thumbnail(jpeg, area, 0.5**halvings, turned)


def _with_margin(box: Box, across: float, down: float, shape: tuple[int, ...]) -> Box:
    """Return the box with margins, clipped to a page of `shape`; at least one pixel."""
    left, right = _clipped(box.left - across, box.right + across, shape[1])
    top, bottom = _clipped(box.top - down, box.bottom + down, shape[0])
    return Box(left, top, right - left, bottom - top)


def _clipped(start: float, stop: float, side: int) -> tuple[float, float]:
    start = min(max(start, 0.0), side - 1)
    return start, max(min(stop, side), start + 1)


def _cut(page: Pyramid, around: Box, halvings: int) -> tuple[Box, GreyImage]:
    """Cut a box out of a halved page; return its area in whole page pixels, and the picture."""
    image, pixel = page.level(halvings), 2**halvings
    top, bottom = _whole_pixels(around.top / pixel, around.bottom / pixel, image.shape[0])
    left, right = _whole_pixels(around.left / pixel, around.right / pixel, image.shape[1])
    area = Box(left * pixel, top * pixel, (right - left) * pixel, (bottom - top) * pixel)
    return area, image[top:bottom, left:right]


def _whole_pixels(start: float, stop: float, side: int) -> tuple[int, int]:
    """Return the first pixel of a part of a side, and the one after its last."""
    first = min(int(start), side - 1)
    return first, max(min(math.ceil(stop), side), first + 1)


def _encoded(picture: GreyImage, turned: int) -> bytes:
    """Encode a picture as JPEG, turned clockwise by quarters.

    The low quality is used if that may make the file small enough.
    """
    jpeg, picture = b"", np.ascontiguousarray(np.rot90(picture, -turned))
    for quality in (_JPEG_QUALITY, _LOW_JPEG_QUALITY):
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if (
            len(jpeg) <= MAX_THUMBNAIL_BYTES
            or len(jpeg) > _MAX_OVERSIZE_FOR_LOW_QUALITY * MAX_THUMBNAIL_BYTES
        ):
            break
    return jpeg
