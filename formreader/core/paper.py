"""The paper under the ink: what a closing leaves that is wider than any stroke."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.records import GreyImage

INK_OVER_NOISE = 7.4
"""Ink is darker than paper by this many median absolute deviations of the noise: 5 standard
deviations, each of which is 1.48 of these in normal noise."""


def paper_under_ink(image: GreyImage, reach: int) -> GreyImage:
    """A picture without its ink, of the same shape.

    Each pixel becomes the darkest of what is brightest in squares of `reach` pixels around it
    (a grey closing: Serra, "Image Analysis and Mathematical Morphology", 1982), so that ink
    thinner than `reach` is gone. Beyond the picture its border goes on.
    """
    square = np.ones((reach, reach), np.uint8)
    closed = cv2.morphologyEx(image, cv2.MORPH_CLOSE, square, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(closed, np.uint8)
