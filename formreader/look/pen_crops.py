"""Cut what is written in the boxes of a page into normalised crops."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.crop.digit_ink import histograms
from formreader.crop.normaliser import MIN_INK_GREY, WHITE_QUANTILE, normalise_all
from formreader.crop.patches import (
    PATCH_SIDE,
    Corners,
    Patches,
    cut_patches,
    patch_maps,
    proportions,
)
from formreader.look.box_pen import separate_ink
from formreader.look.page_look import PageLook


def crop_boxes(
    page: Pyramid, boxes: Sequence[DigitBox], look: PageLook
) -> tuple[Crops, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Cut the boxes of a page into normalised crops of their digits.

    Args:
        page: the page as stored, dark ink on bright paper.
        boxes: n boxes in pixels of that page.
        look: what is written on the page.

    Returns:
        Crops, (n, 28, 28) uint8, which of the boxes are blank, (n,) bool, and which have strokes
        in them that are not their digit's, (n,) bool.
    """
    if not boxes:
        return np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8), *np.zeros((2, 0), np.bool_)
    corners = np.array([box.corners for box in boxes], np.float64)
    return _normalised(cut_patches(page, corners), _pen_patches(look, corners), corners)


def _pen_patches(look: PageLook, corners: Corners) -> Patches:
    """What was written in the patches of n boxes, probabilities times 255."""
    shape = (PATCH_SIDE, PATCH_SIDE)
    return np.stack([look.view(look.pen, to_page, shape) for to_page in _homographies(corners)])


def _homographies(corners: Corners) -> npt.NDArray[np.float64]:
    """The maps from the patches of n boxes to the page, (n, 3, 3)."""
    maps = patch_maps(corners)
    last = np.broadcast_to([0.0, 0.0, 1.0], (len(maps), 1, 3))
    return np.concatenate([maps, last], axis=1)


def _normalised(
    patches: Patches, pen: Patches | None, corners: Corners
) -> tuple[Crops, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return normalised digits of n boxes, (n, 28, 28), which are blank, which have loose ink."""
    ink, blank, loose = separate_ink(patches, pen)
    crops = np.zeros((len(ink), CROP_SIDE, CROP_SIDE), np.uint8)
    tones, aspects = _full_tones(_ink_levels(ink)), proportions(corners)
    bright = [np.asarray(cv2.LUT(ink[i], tones[i]), np.uint8) for i in np.flatnonzero(~blank)]
    crops[~blank] = normalise_all(bright, aspects[~blank].tolist())
    return crops, blank, loose


def _full_tones(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return lookup tables, (n, 256), that make ink of these levels (n,) white and traces black."""
    tones = np.minimum(np.arange(256) * (255 / np.maximum(levels, 1))[:, None], 255)
    return np.where(tones < MIN_INK_GREY, 0, np.rint(tones)).astype(np.uint8)


def _ink_levels(ink: Patches) -> npt.NDArray[np.int64]:
    """Return the `WHITE_QUANTILE` of the darkness of each patch's ink, (n,)."""
    sums = histograms(ink).cumsum(axis=1)
    return np.asarray((sums < np.ceil(WHITE_QUANTILE * sums[:, -1:])).sum(axis=1), np.int64)
