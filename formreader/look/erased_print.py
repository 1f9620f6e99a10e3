"""Erase print from a page: paint paper over what is printed in and around its boxes and cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import map_points
from formreader.core.image_pyramid import Pyramid
from formreader.core.paper import paper_under_ink
from formreader.core.records import DigitBox
from formreader.look.page_look import PageLook

_PAINTED_MARGIN = 0.3
"""Margin around a place in which print is erased too, in heights of the place. Crops show this
margin. Measured with the room."""

_PAPER_CLOSING = 0.6
"""Side of the morphological closing that estimates the paper, as a share of the shorter side of the
painted rectangle. It is wider than any stroke. Measured with the room."""

_SQUARE = np.ones((3, 3), np.uint8)


def without_print(page: Pyramid, look: PageLook, places: Sequence[DigitBox]) -> Pyramid:
    """Paint paper over pixels in and around places that are printed, but not written or ruled.

    Args:
        page: the page as stored, dark ink on bright paper.
        look: the layers of the page.
        places: boxes and cells in pixels of the page.

    Returns:
        The painted page; `page` itself if there is nothing to paint over.
    """
    printed = np.where(cv2.dilate(look.printed.view(np.uint8), _SQUARE), 255, 0).astype(np.uint8)
    printed[look.pen] = 0
    image = page.level(0)
    painted = image
    corners = np.array([place.corners for place in places], np.float64).reshape(-1, 4, 2)
    margin = _PAINTED_MARGIN * np.ptp(corners[..., 1], axis=1)[:, None]
    low, high = corners.min(axis=1) - margin, corners.max(axis=1) + margin
    for box in _in_image(np.hstack([low, high]), image.shape):
        mask = _seen(printed, look, box)
        if mask is None:
            continue
        if painted is image:
            painted = image.copy()
        left, top, right, bottom = box
        part = painted[top:bottom, left:right]
        reach = int(_PAPER_CLOSING * min(part.shape)) | 1
        part[mask] = cv2.blur(paper_under_ink(part, reach), (reach, reach))[mask]
    return page if painted is image else Pyramid(painted)


def _in_image(
    boxes: npt.NDArray[np.float64], shape: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of boxes in whole pixels of an image; empty boxes are left out."""
    bounds = np.tile([shape[1], shape[0]], 2)
    sides = np.clip(np.rint(boxes), 0, bounds).astype(int)
    return [(a, b, c, d) for a, b, c, d in sides.tolist() if c > a and d > b]


def _seen(
    printed: npt.NDArray[np.uint8], look: PageLook, box: tuple[int, int, int, int]
) -> npt.NDArray[np.bool_] | None:
    """The printed pixels in a box of the page, (height, width) bool; None if there are none."""
    left, top, right, bottom = box
    around = map_points(
        look.to_layers, [(left, top), (right, top), (right, bottom), (left, bottom)]
    )
    x0, y0 = (max(math.floor(side), 0) for side in around.min(axis=0).tolist())
    x1, y1 = (max(math.ceil(side) + 1, 0) for side in around.max(axis=0).tolist())
    if not printed[y0:y1, x0:x1].any():
        return None
    to_page = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
    seen = cv2.warpPerspective(
        printed, look.to_layers @ to_page, (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=(0,),
    )  # fmt: skip
    return np.asarray(seen > 127)
