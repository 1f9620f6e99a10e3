"""The ink of a page on a coarse grid, from which the strips of cells are cut.

The constants were measured together with those of `number_strips`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, scaling
from formreader.core.records import GreyImage

_Flags = npt.NDArray[np.bool_]

_INK_OF_DARKEST = 0.15
"""Least darkness of ink, as a share of that of the darkest pixels."""

_DARKEST_PLACES, _LEAST_RANGE = 0.001, 60.0
"""Quantile of the grey values of a page that is taken for its darkest pixels, and their least
contrast with paper in grey values, so that the noise of blank paper is no ink."""

_IMAGE_HEIGHT = 24
"""Height of an image of one number on the grid, in pixels: that of a cell of 12 mm."""

_MAX_SPAN = 0.85
"""A part wider or higher than this share of an image of one number is the frame around it."""


def dark_places(grey: GreyImage) -> _Flags:
    """(h, w) bool: the pixels with ink of an evenly lit picture with paper near 255."""
    darkest = 255 - float(np.quantile(grey, _DARKEST_PLACES))
    return np.asarray(grey < 255 - _INK_OF_DARKEST * max(darkest, _LEAST_RANGE), np.bool_)


@dataclass(frozen=True, eq=False)
class WritingMap:
    """Ink on a page.

    `ink`, (h, w) bool, is all ink that is not ruled. `pen`, (h, w) bool, is the part of it that was
    written. `to_page` maps pixels of both to those of the page.
    """

    ink: _Flags
    pen: _Flags
    to_page: Transform

    @classmethod
    def of_image(cls, image: GreyImage) -> WritingMap:
        """The map of an image of one number, dark on bright, with or without a frame."""
        height, width = image.shape
        scale = _IMAGE_HEIGHT / height
        size = (max(round(width * scale), 1), _IMAGE_HEIGHT)
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        paper = int(np.quantile(small, 0.9))
        dark = dark_places(np.minimum(small, paper) + np.uint8(255 - paper))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(dark.view(np.uint8))
        wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
        own = (wide <= _MAX_SPAN * size[0]) | (high <= _MAX_SPAN * size[1] / 2)
        own[0] = False
        ink = own[labels] if count > 1 else dark
        return cls(ink, ink, scaling(width / size[0], 1 / scale))

    def pixels(self, parts: npt.NDArray[np.integer]) -> _Flags:
        """(h, w) bool: the pixels of some parts, given by their labels."""
        labels, stats = self.parts
        chosen = np.zeros(len(stats), np.bool_)
        chosen[parts] = True
        return np.asarray(chosen[labels])

    def mean(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """(n,) the mean of values, (h, w), in each part."""
        labels, stats = self.parts
        sums = np.bincount(labels.ravel(), values.ravel(), len(stats))
        return np.asarray(sums / stats[:, cv2.CC_STAT_AREA])

    @cached_property
    def parts(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The connected components of the ink: labels (h, w), and OpenCV's statistics (n, 5)."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(self.ink.view(np.uint8))
        return np.asarray(labels, np.int32), np.asarray(stats, np.int32)
