"""All boxes of a page as upright patches of one size, so that they can be worked on at once.

Each box is stretched to a square, whatever its size, its proportions and its tilt. That its
lines lie on the same rows and columns in every patch is what makes batches possible; the
proportions come back when the digit is normalised.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.image_pyramid import Pyramid

Patches: TypeAlias = npt.NDArray[np.uint8]
"""(n, PATCH, PATCH) uint8, C-contiguous."""

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(n, PATCH, PATCH) bool, C-contiguous."""

Corners: TypeAlias = npt.NDArray[np.float64]
"""(n, 4, 2), x and y, clockwise from the top left of the upright form."""

SIDE = 42
"""Side of a box in its patch, in whole thirds: a usual digit has no less than the 20 pixels
it ends with. More (48, 54) read no more digits right and took longer."""

MARGIN_PIXELS = 11
"""What a patch shows around its box: a stroke that leaves it, a box found a little aside."""

PATCH = SIDE + 2 * MARGIN_PIXELS
LOW, HIGH = MARGIN_PIXELS, MARGIN_PIXELS + SIDE
"""Rows and columns of a patch on which the box begins and ends."""

_COARSEST_STEP, _FINEST_STEP = 1.6, 0.5
"""Pixels between samples: with more, fine strokes would be missed; with less, nothing is won."""

_SMALLEST = 1e-6
"""What a length is at least, so that it can be divided by."""


def cut_patches(page: Pyramid, corners: Corners) -> Patches:
    """The patches of n boxes of a page; beyond the page its border goes on."""
    patches = np.empty((len(corners), PATCH, PATCH), np.uint8)
    maps = _maps(corners)
    halvings = _halvings(maps)
    image = page.level(0)
    for times in range(int(halvings.max(initial=0)) + 1):
        if times > 0:
            finer, image = image, page.level(times)
            # A side of one pixel is not halved.
            scale = np.where(np.array(finer.shape[::-1]) > 1, 0.5, 1.0)[:, None]
            maps *= scale
            maps[:, :, 2:] += 0.5 * scale - 0.5  # whole numbers are centres of pixels
        for i in np.flatnonzero(halvings == times):
            cv2.warpAffine(
                image,
                maps[i],
                (PATCH, PATCH),
                patches[i],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
    return patches


def proportions(corners: Corners) -> npt.NDArray[np.float64]:
    """(n,) width of each box over its height."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    return np.asarray(
        (sides[:, 0] + sides[:, 2]) / np.maximum(sides[:, 1] + sides[:, 3], _SMALLEST)
    )


def mosaic(patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The patches (n, h, w) one below the other, (n * h, w), where possible on the same memory."""
    return patches.reshape(-1, patches.shape[2])


def side_by_side(patches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The patches (n, h, w), each mirrored at its diagonal, in one wide image (w, n * h).

    Filters work along rows: they take a third to a tenth of the time that they take on the
    rows of a patch.
    """
    return np.asarray(cv2.transpose(mosaic(patches)), np.uint8)


def upright(wide: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """The n patches, (n, h, w), of an image as `side_by_side` makes it."""
    tall = np.asarray(cv2.transpose(wide), np.uint8)
    return tall.reshape(n, -1, tall.shape[1])


def _maps(corners: Corners) -> npt.NDArray[np.float64]:
    """(n, 2, 3) maps from patch to page, for the parallelograms that fit the boxes best."""
    a, b, c, d = np.moveaxis(corners, 1, 0)
    right, down = (b - a + c - d) / (2 * SIDE), (c - b + d - a) / (2 * SIDE)
    # The first pixel of the box has its centre half a pixel inside.
    origin = corners.mean(axis=1) - (PATCH - 1) / 2 * (right + down)
    return np.stack([right, down, origin], axis=2)


def _halvings(maps: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(n,) how many times the page is halved before it is sampled."""
    steps = np.linalg.norm(maps[:, :, :2], axis=1)  # (n, 2), across and down the box
    steps = np.maximum(steps, _SMALLEST)
    wanted = np.ceil(np.log2(steps.max(axis=1) / _COARSEST_STEP))
    allowed = np.floor(np.log2(steps.min(axis=1) / _FINEST_STEP))
    return np.asarray(np.maximum(np.minimum(wanted, allowed), 0), np.int64)
