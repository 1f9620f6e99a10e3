"""Parts of the ink in places, and how each looks beside its neighbours, at 150 dpi."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, map_points, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.crop.writing_map import WritingMap

Patches: TypeAlias = npt.NDArray[np.uint8]
"""(n, 2, *PATCH_SHAPE) uint8: the darkness of the page around each part of the ink, and 255 where
the part itself is."""

PATCH_SHAPE = (48, 120)
"""Height and width of a patch in pixels, 8 by 20 mm of a page. Neighbours are in it: a neat zero
looks printed until one sees what is written beside it."""

_ZOOM = 3
"""Pixels of a patch for each pixel of the map of writing."""

_MIN_PART = 3
"""Least area of a part, in pixels of the map. Smaller ones, such as points, go with others."""

_MIN_SHARE_IN_PLACES = 0.5
"""Least share of a part that lies inside places."""

_PAPER = 0.85
"""Quantile of the grey values of a patch that is taken for its paper."""

_INK, _GREYS = np.uint8(255), np.arange(256)


def parts_in_places(writing: WritingMap, places: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """(k,) the labels of the parts of the ink that lie in places, (n, 4, 2) on the map."""
    labels, stats = writing.parts
    area = stats[:, cv2.CC_STAT_AREA]
    count = np.bincount(labels[filled(writing.ink.shape, places)], minlength=len(area))
    chosen = (count >= _MIN_PART) & (count >= _MIN_SHARE_IN_PLACES * area)
    chosen[0] = False
    return np.asarray(np.flatnonzero(chosen), np.int32)


def filled(shape: tuple[int, ...], places: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """The pixels of a map of this shape, (h, w), that lie in places, (n, 4, 2)."""
    inside = np.zeros(shape, np.uint8)
    for corners in np.rint(places).astype(np.int32):
        cv2.fillConvexPoly(inside, corners, (1,))
    return inside.view(np.bool_)


def cut_patches(page: Pyramid, writing: WritingMap, parts: npt.NDArray[np.int32]) -> Patches:
    """Cut a patch around the middle of each of k parts, which are labels."""
    labels, stats = writing.parts
    high, wide = (side // _ZOOM for side in PATCH_SHAPE)
    around = cv2.copyMakeBorder(labels, high, high, wide, wide, cv2.BORDER_CONSTANT, value=(0,))
    from_patch = np.asarray(writing.to_page @ scaling(1 / _ZOOM, 1 / _ZOOM), np.float64)
    first, last = map_points(from_patch, [(0, 0), (0, _ZOOM * labels.shape[0])])
    pixels = float(np.linalg.norm(last - first)) / (_ZOOM * labels.shape[0])
    halvings = max(round(math.log2(max(pixels, 1.0))), 0)
    to_level = scaling(0.5**halvings, 0.5**halvings) @ from_patch
    level = page.level(halvings)
    patches = np.empty((len(parts), 2, *PATCH_SHAPE), np.uint8)
    for patch, part in zip(patches, parts.tolist(), strict=True):
        left, top, width, height, _ = stats[part].tolist()
        x, y = left + width // 2 - wide // 2, top + height // 2 - high // 2
        moved = to_level @ np.array([[1, 0, _ZOOM * x], [0, 1, _ZOOM * y], [0, 0, 1]])
        patch[0] = _darkness(level, moved)
        own = around[y + high : y + 2 * high, x + wide : x + 2 * wide] == part
        patch[1] = (own * _INK).repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
    return patches


def _darkness(page: GreyImage, from_patch: Transform) -> npt.NDArray[np.uint8]:
    """The darkness of the page in a patch, PATCH_SHAPE, relative to its paper."""
    grey = cv2.warpPerspective(
        page, from_patch, PATCH_SHAPE[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    some = grey[::2, ::2]
    rank = int(_PAPER * some.size)
    paper = max(int(np.partition(some, rank, axis=None)[rank]), 1)
    shades = np.clip(255 - 255 / paper * _GREYS, 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(grey, shades), np.uint8)
