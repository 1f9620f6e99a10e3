"""Cut what is written in the boxes of a page into normalised crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.crop.box_crops import crops_of_ink
from formreader.crop.patches import (
    PATCH_SIDE,
    Corners,
    Patches,
    cut_patches,
    patch_maps,
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
    ink, blank, loose = separate_ink(cut_patches(page, corners), _pen_patches(look, corners))
    return crops_of_ink(ink, blank, corners), blank, loose


def _pen_patches(look: PageLook, corners: Corners) -> Patches:
    """What was written in the patches of n boxes, probabilities times 255."""
    shape = (PATCH_SIDE, PATCH_SIDE)
    return np.stack([look.view(look.pen, to_page, shape) for to_page in _homographies(corners)])


def _homographies(corners: Corners) -> npt.NDArray[np.float64]:
    """The maps from the patches of n boxes to the page, (n, 3, 3)."""
    maps = patch_maps(corners)
    last = np.broadcast_to([0.0, 0.0, 1.0], (len(maps), 1, 3))
    return np.concatenate([maps, last], axis=1)
