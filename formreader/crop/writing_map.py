"""Where something is written on a page, on a coarse grid: what tells the strips of cells apart."""

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
"""Darkness from which a place has ink, as a share of that of the darkest places."""

_DARKEST_PLACES, _LEAST_RANGE = 0.001, 60.0
"""Quantile of the grey values of a page that is taken for its darkest places, and grey values by
which they are darker than paper at least: the noise of blank paper is no ink."""

_IMAGE_HEIGHT = 24
"""Height of an image of one number on the grid: a cell of 12 mm has it."""

_MAX_SPAN = 0.85
"""What is wider or higher than this share of an image of one number is the frame around it."""


def dark_places(grey: GreyImage) -> _Flags:
    """Which pixels of an evenly lit picture, paper near 255, have ink."""
    darkest = 255 - float(np.quantile(grey, _DARKEST_PLACES))
    return np.asarray(grey < 255 - _INK_OF_DARKEST * max(darkest, _LEAST_RANGE), np.bool_)


@dataclass(frozen=True, eq=False)
class WritingMap:
    """Ink on a page.

    `ink`, (h, w) bool, is all ink that is not ruled, and `pen` that of it which was written;
    `to_page` maps pixels of these to the page's.
    """

    ink: _Flags
    pen: _Flags
    to_page: Transform

    @classmethod
    def of_image(cls, image: GreyImage) -> WritingMap:
        """The map of an image of one number, dark on bright, with or without a frame around it."""
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
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
        to_page = np.linalg.inv(half) @ scaling(width / size[0], 1 / scale) @ half
        return cls(ink, ink, to_page)

    @cached_property
    def parts(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The connected parts of the ink: labels (h, w), and OpenCV's statistics (n, 5) of each."""
        _, labels, stats, _ = cv2.connectedComponentsWithStats(self.ink.view(np.uint8))
        return np.asarray(labels, np.int32), np.asarray(stats, np.int32)
