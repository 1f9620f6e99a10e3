"""Cut all boxes of a page as upright patches of one size, to process them in one batch.

Each box is warped to a square, whatever its size, aspect ratio and tilt. So its lines are on the
same rows and columns in every patch. The normaliser restores the aspect ratio.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.image_pyramid import Pyramid

Patches: TypeAlias = npt.NDArray[np.uint8]
"""(n, PATCH_SIDE, PATCH_SIDE) uint8, C-contiguous."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(n, PATCH_SIDE, PATCH_SIDE) bool, C-contiguous."""

Corners: TypeAlias = npt.NDArray[np.float64]
"""(n, 4, 2), x and y, clockwise from the top left of the upright form."""

BOX_SIDE = 42
"""Side of a box in its patch, in pixels; a multiple of 3 for the thirds of its lines. A usual digit
then has at least the 20 pixels of its crop. With larger sides (48, 54) no more digits were read
right, and it took longer; on which pages is not on record."""

PATCH_MARGIN = 11
"""Margin around the box in its patch, in pixels. It shows strokes that leave the box, and the lines
of a box that was detected with an offset. Checked on rendered pages."""

PATCH_SIDE = BOX_SIDE + 2 * PATCH_MARGIN
BOX_START, BOX_STOP = PATCH_MARGIN, PATCH_MARGIN + BOX_SIDE
"""Side of a patch in pixels; the first row and column of the box in it, and the first ones after
the box."""

_MAX_SAMPLING_STEP, _MIN_SAMPLING_STEP = 1.6, 0.5
"""Range of the distance between samples, in pixels of the (halved) page. Wider steps miss fine
strokes, narrower ones show nothing more. Checked on rendered pages."""

_MIN_DIVISOR = 1e-6
"""Least length in pixels of a divisor."""


def cut_patches(page: Pyramid, corners: Corners) -> Patches:
    """Cut the patches of n boxes out of a page; its border pixels repeat outside of it."""
    patches = np.empty((len(corners), PATCH_SIDE, PATCH_SIDE), np.uint8)
    maps = patch_maps(corners)
    halvings = _halvings(maps)
    image = page.level(0)
    for times in range(int(halvings.max(initial=0)) + 1):
        if times > 0:
            finer, image = image, page.level(times)
            # Halving leaves a side of one pixel as it is.
            scale = np.where(np.array(finer.shape[::-1]) > 1, 0.5, 1.0)[:, None]
            maps *= scale
            maps[:, :, 2:] += 0.5 * scale - 0.5  # integer coordinates are pixel centres
        for i in np.flatnonzero(halvings == times):
            cv2.warpAffine(
                image,
                maps[i],
                (PATCH_SIDE, PATCH_SIDE),
                patches[i],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
    return patches


def proportions(corners: Corners) -> npt.NDArray[np.float64]:
    """Return the width of each box over its height, (n,)."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    return np.asarray(
        (sides[:, 0] + sides[:, 2]) / np.maximum(sides[:, 1] + sides[:, 3], _MIN_DIVISOR)
    )


def mosaic(patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Stack patches (n, h, w) one below the other, (n * h, w), as a view where possible."""
    return patches.reshape(-1, patches.shape[2])


def side_by_side(patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Put patches (n, h, w), each transposed, side by side in one wide image (w, n * h).

    OpenCV filters along rows. On these long rows it takes a third to a tenth of the time that it
    takes on the short rows of patches.
    """
    return np.asarray(cv2.transpose(mosaic(patches)), np.uint8)


def upright(wide: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """Undo `side_by_side`: return the n patches, (n, h, w)."""
    tall = np.asarray(cv2.transpose(wide), np.uint8)
    return tall.reshape(n, -1, tall.shape[1])


def patch_maps(corners: Corners) -> npt.NDArray[np.float64]:
    """Return affine maps from patch to page, (n, 2, 3), of the parallelograms nearest the boxes."""
    a, b, c, d = np.moveaxis(corners, 1, 0)
    right, down = (b - a + c - d) / (2 * BOX_SIDE), (c - b + d - a) / (2 * BOX_SIDE)
    # The centre of the box's first pixel is half a pixel inside the box.
    origin = corners.mean(axis=1) - (PATCH_SIDE - 1) / 2 * (right + down)
    return np.stack([right, down, origin], axis=2)


def _halvings(maps: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many times to halve the page before sampling each box, (n,)."""
    steps = np.linalg.norm(maps[:, :, :2], axis=1)  # (n, 2), across and down the box
    steps = np.maximum(steps, _MIN_DIVISOR)
    wanted = np.ceil(np.log2(steps.max(axis=1) / _MAX_SAMPLING_STEP))
    allowed = np.floor(np.log2(steps.min(axis=1) / _MIN_SAMPLING_STEP))
    return np.asarray(np.maximum(np.minimum(wanted, allowed), 0), np.int64)
