"""An image pyramid: a page at its own resolution and at halves of it."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.records import GreyImage


class Pyramid:
    """A page, (h, w) uint8, and its halvings, each the means of 2 x 2 pixels of the one before.

    Each is made when it is first asked for, and then kept: the crops and pictures of one page
    share them. An odd last row or column is left out: means of whole blocks are much faster.
    """

    def __init__(self, page: GreyImage) -> None:
        self._levels = [page]

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of the page itself, in pixels."""
        return self._levels[0].shape

    def level(self, halvings: int) -> GreyImage:
        """The page after `halvings` halvings; no side becomes less than a pixel."""
        while len(self._levels) <= halvings:
            self._levels.append(_halved(self._levels[-1]))
        return self._levels[halvings]


def _halved(image: GreyImage) -> GreyImage:
    height, width = (max(side // 2, 1) for side in image.shape)
    part = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
