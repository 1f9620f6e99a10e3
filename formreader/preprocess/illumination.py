"""Correct uneven illumination, so that the paper of a page is white everywhere."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.paper import paper_under_ink
from formreader.core.records import GreyImage

_ILLUMINATION_HALVINGS = 3
_ILLUMINATION_KERNEL_SIDE = 11
_ILLUMINATION_BLUR_SIGMA = 3.0
"""The scale of the reduced copy. In its pixels: the side of the closing's kernel, which removes ink
up to 22 mm wide at 100 dpi, and the standard deviation of the blur. No record of a measurement."""

_MIN_ILLUMINATION = 16
"""Least grey level of paper that is made white. No record of a measurement."""

_MAX_EVEN_RANGE = 3
"""Largest difference in grey levels between the brightest and the darkest paper of an evenly lit
page. Such a page is divided by one number, to save time. No record of a measurement."""


def even_illumination(image: GreyImage) -> GreyImage:
    """Divide a page, (h, w) uint8, by the brightness of its paper, so that paper becomes 255.

    The brightness is estimated on a much reduced, smoothed copy. Lines and strokes are too thin to
    affect it.
    """
    small = Pyramid(image).level(_ILLUMINATION_HALVINGS)
    closed = paper_under_ink(small, _ILLUMINATION_KERNEL_SIDE)
    # OpenCV is quicker at floats than at bytes here.
    paper = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _ILLUMINATION_BLUR_SIGMA)
    paper = np.maximum(paper, _MIN_ILLUMINATION)
    darkest, brightest = float(paper.min()), float(paper.max())
    if brightest - darkest <= _MAX_EVEN_RANGE:
        level = (darkest + brightest) / 2
        return np.asarray(cv2.convertScaleAbs(image, alpha=255 / level), np.uint8)
    height, width = image.shape
    levels = np.rint(paper).astype(np.uint8)
    background = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, background, scale=255), np.uint8)
