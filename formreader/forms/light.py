"""The light of a page made even, so that its paper is white everywhere."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.types import GreyImage

_REDUCTION = 8
_REACH = 11
"""Width, in pixels of the reduced copy, of what is too narrow to be paper: 22 mm at 100 dpi."""

_SMOOTHING = 3.0
_DARKEST_PAPER = 16


def even_light(image: GreyImage) -> GreyImage:
    """Divide a page, (h, w) uint8, by its paper's brightness, so that paper is 255 everywhere.

    The paper's brightness is the brightest of the surroundings on a much reduced
    copy, smoothed; lines and strokes are too thin to count on it.
    """
    height, width = image.shape
    size = (max(width // _REDUCTION, 1), max(height // _REDUCTION, 1))
    small = cv2.resize(_whole(image, _REDUCTION), size, interpolation=cv2.INTER_AREA)
    reach = cv2.getStructuringElement(cv2.MORPH_RECT, (_REACH, _REACH))
    small = cv2.morphologyEx(small, cv2.MORPH_CLOSE, reach, borderType=cv2.BORDER_REPLICATE)
    small = cv2.GaussianBlur(small, (0, 0), _SMOOTHING)
    small = np.maximum(small, _DARKEST_PAPER)
    background = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, background, scale=255), np.uint8)


def _whole(image: GreyImage, factor: int) -> GreyImage:
    """The image without the rest that `factor` leaves: averaging whole blocks is far quicker."""
    height, width = (max(side // factor, 1) * factor for side in image.shape)
    return image[:height, :width]
