"""The light of a page made even, so that its paper is white everywhere."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.image_pyramid import Pyramid
from formreader.core.paper import paper_under_ink
from formreader.core.records import GreyImage

_HALVINGS = 3
_REACH = 11
"""Width, in pixels of the reduced copy, of what is too narrow to be paper: 22 mm at 100 dpi."""

_SMOOTHING = 3.0
_DARKEST_PAPER = 16

_EVEN = 3
"""Grey levels between the brightest and the darkest paper of a page that is lit evenly."""


def even_light(image: GreyImage) -> GreyImage:
    """Divide a page, (h, w) uint8, by its paper's brightness, so that paper is 255 everywhere.

    The paper's brightness is the brightest of the surroundings on a much reduced
    copy, smoothed; lines and strokes are too thin to count on it.
    """
    small = Pyramid(image).level(_HALVINGS)
    closed = paper_under_ink(small, _REACH)
    # OpenCV is quicker at floats than at bytes here.
    paper = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _SMOOTHING)
    paper = np.maximum(paper, _DARKEST_PAPER)
    darkest, brightest = float(paper.min()), float(paper.max())
    if brightest - darkest <= _EVEN:
        level = (darkest + brightest) / 2
        return np.asarray(cv2.convertScaleAbs(image, alpha=255 / level), np.uint8)
    height, width = image.shape
    levels = np.rint(paper).astype(np.uint8)
    background = cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, background, scale=255), np.uint8)
