"""Make a copy of a page that is upright, evenly lit, and small enough to search for boxes.

Boxes are found on this reduced copy. Crops are cut from the page as stored, by the transform that
comes with the copy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.geometry import Transform, map_points, scaling
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.preprocess.deskew import estimate_skew
from formreader.preprocess.illumination import even_illumination
from formreader.preprocess.sheet import sheet_corners

WORKING_SIDE = 1170
"""Longest side of the copy in pixels: A4 at 100 dpi. Larger pages are reduced to it."""

_MIN_SHARE_OF_WORKING_SIDE = 0.9
"""A page may be reduced to this share of `WORKING_SIDE` if that allows a simple ratio. A4 at 200
dpi is one pixel short of twice the working side. No record of a measurement."""

_COMMON_REDUCTION = 1.5
"""The ratio for A4 and Letter at 300 dpi, after one halving. At this ratio interpolation gives all
pixels of a line nearly the same weight."""

_MIN_CORRECTED_SKEW = 0.04
"""Least corrected skew in degrees. A smaller one moves a point by less than a pixel over
`WORKING_SIDE`."""

_MIN_SMOOTHED_REDUCTION, _BLUR_SIGMA_OF_REDUCTION = 1.2, 0.5
"""Least reduction at which pixels are blurred before interpolation, and the standard deviation of
the blur in pixels of the source, as a share of the reduction. No record of a measurement."""

_SHEET_MARGIN = 0.015
"""Margin around a photographed sheet, as a share of its sides, as its corners are not exact. No
record of a measurement."""


@dataclass(frozen=True, slots=True, eq=False)
class StraightPage:
    """An upright, evenly lit, reduced copy of a page.

    `image` is grey, (height, width) uint8, with paper near 255. `to_page` maps its pixels to
    those of the stored page. `skew` is the angle in degrees, clockwise positive, that was
    corrected in addition to quarter turns and perspective.
    """

    image: GreyImage
    to_page: Transform
    skew: float


@dataclass(frozen=True, slots=True, eq=False)
class _Turned:
    """A level of a page's pyramid, turned upright, and its transform to the page."""

    image: GreyImage
    to_page: Transform


@dataclass(frozen=True, slots=True)
class _View:
    """A warp: the (height, width) of its result, and the transform from that to its source."""

    shape: tuple[int, int]
    to_source: Transform

    def shows_all_of(self, shape: tuple[int, ...]) -> bool:
        """Whether the result is a source of this (height, width), whole, at another scale."""
        by_y, by_x = np.divide(shape, self.shape)
        return bool(np.array_equal(self.to_source, scaling(by_x, by_y)))


def straighten(page: Pyramid, quarters: int = 0) -> StraightPage:
    """Reduce, rectify and deskew a page, and correct its illumination.

    Sheet and skew are searched for on a small level of the pyramid. The level that is just
    large enough is then interpolated once, whatever the page needs.

    Args:
        quarters: quarter turns clockwise that bring the stored page upright.
    """
    fine, draft = (_turned(page, halvings, quarters) for halvings in _levels(page.shape))
    corners = sheet_corners(draft.image)
    if corners is None:
        skew = estimate_skew(draft.image)
        view = _scaled(fine.image.shape)
    else:
        view = _rectified(map_points(np.linalg.inv(fine.to_page) @ draft.to_page, corners))
        skew = estimate_skew(_warp(fine.image, view))
    if abs(skew) < _MIN_CORRECTED_SKEW:
        skew = 0.0
    else:
        view = _rotated(view, skew)
    image = even_illumination(_warp(fine.image, view))
    return StraightPage(image, fine.to_page @ view.to_source, skew)


def _levels(shape: tuple[int, ...]) -> tuple[int, int]:
    """Numbers of halvings of a page: for its copy, and for the draft, nearest to the copy's size.

    The first leaves it large enough for the copy. A narrow strip cannot be halved so often; it
    is reduced later.
    """
    max_halvings = int(math.log2(min(shape)))
    ratio = max(max(shape) / WORKING_SIDE, 1.0)
    fine = int(math.log2(ratio / _MIN_SHARE_OF_WORKING_SIDE))
    draft = round(math.log2(ratio))
    return min(fine, max_halvings), min(draft, max_halvings)


def _turned(page: Pyramid, halvings: int, quarters: int) -> _Turned:
    """A level of the pyramid, turned clockwise by quarter turns."""
    image, step = _turn(page.level(halvings), quarters)
    return _Turned(image, scaling(2**halvings, 2**halvings) @ step)


def _turn(image: GreyImage, quarters: int) -> tuple[GreyImage, Transform]:
    """Turn an image clockwise by quarter turns, without interpolation."""
    right, bottom = image.shape[1] - 1, image.shape[0] - 1
    to_source = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, 1, 0], [-1, 0, bottom]],
        2: [[-1, 0, right], [0, -1, bottom]],
        3: [[0, -1, right], [1, 0, 0]],
    }[quarters % 4]
    turned = np.ascontiguousarray(np.rot90(image, -quarters))
    return turned, np.array([*to_source, [0, 0, 1]], np.float64)


def _scaled(shape: tuple[int, ...]) -> _View:
    """The whole image, reduced to the working size if it is larger.

    A ratio just below `_COMMON_REDUCTION` becomes that.
    """
    factor = max(max(shape) / WORKING_SIDE, 1.0)
    if _MIN_SHARE_OF_WORKING_SIDE * _COMMON_REDUCTION <= factor <= _COMMON_REDUCTION:
        factor = _COMMON_REDUCTION
    height, width = (max(int(side / factor), 1) for side in shape)
    return _View((height, width), scaling(shape[1] / width, shape[0] / height))


def _rectified(corners: npt.NDArray[np.float64]) -> _View:
    """A photographed sheet as seen from above, with a margin, at most of the working size."""
    top, right, bottom, left = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    sides = np.array([(top + bottom) / 2, (left + right) / 2])
    sides *= min(WORKING_SIDE / (1 + 2 * _SHEET_MARGIN) / sides.max(), 1.0)
    margin = _SHEET_MARGIN * sides
    target = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * sides + margin - 0.5
    to_source = cv2.getPerspectiveTransform(target.astype(np.float32), corners.astype(np.float32))
    width, height = (int(side) for side in sides + 2 * margin)
    return _View((max(height, 1), max(width, 1)), np.asarray(to_source, np.float64))


def _rotated(view: _View, skew: float) -> _View:
    """The view with a skew corrected, on a canvas large enough for all of it."""
    height, width = view.shape
    cosine, sine = math.cos(math.radians(skew)), math.sin(math.radians(skew))
    new_width = int(width * cosine + height * abs(sine) + 0.5)
    new_height = int(width * abs(sine) + height * cosine + 0.5)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    to_centre, from_centre = np.eye(3), np.eye(3)
    to_centre[:2, 2] = -(new_width - 1) / 2, -(new_height - 1) / 2
    from_centre[:2, 2] = (width - 1) / 2, (height - 1) / 2
    return _View((new_height, new_width), view.to_source @ from_centre @ turn @ to_centre)


def _warp(image: GreyImage, view: _View) -> GreyImage:
    """Warp an image as `view` says; its border is replicated beyond it."""
    whole = view.shows_all_of(image.shape)
    if whole and view.shape == image.shape:
        return image
    # A large reduction by interpolation alone would drop every other hairline.
    reduction = _reduction(view)
    if reduction > _MIN_SMOOTHED_REDUCTION:
        sigma = _BLUR_SIGMA_OF_REDUCTION * reduction
        image = np.asarray(cv2.GaussianBlur(image, (3, 3), sigma), np.uint8)
    size, flags = view.shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if whole:  # four times as fast as a warp
        warped = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    elif np.array_equal(view.to_source[2], [0, 0, 1]):  # affine: faster without the division
        image, to_padded = _padded(image, view)
        warped = cv2.warpAffine(image, (to_padded @ view.to_source)[:2], size, flags=flags)
    else:
        warped = cv2.warpPerspective(
            image, view.to_source, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    return np.asarray(warped, np.uint8)


def _padded(image: GreyImage, view: _View) -> tuple[GreyImage, Transform]:
    """The image with its border replicated over all that an affine view shows, and its transform.

    The transform maps pixels of the image to the padded one. A warp that has to check for the
    border at each pixel takes twice the time.
    """
    bottom, right = np.subtract(view.shape, 1)
    corners = map_points(view.to_source, [(0, 0), (right, 0), (right, bottom), (0, bottom)])
    # One pixel more, as the last ones are interpolated with their neighbours.
    before = np.maximum(np.ceil(1 - corners.min(axis=0)), 0).astype(int)
    beyond = np.ceil(corners.max(axis=0) + 2 - image.shape[::-1])
    after = np.maximum(beyond, 0).astype(int)
    sides = (before[1], after[1], before[0], after[0])
    padded = cv2.copyMakeBorder(image, *sides, cv2.BORDER_REPLICATE)
    to_padded = np.eye(3)
    to_padded[:2, 2] = before
    return np.asarray(padded, np.uint8), to_padded


def _reduction(view: _View) -> float:
    """Pixels of the source per pixel of the result, in the middle of a view."""
    middle = np.array([view.shape[1], view.shape[0]]) / 2
    here, beside, below = map_points(view.to_source, [middle, middle + (1, 0), middle + (0, 1)])
    return float(np.linalg.norm(beside - here) + np.linalg.norm(below - here)) / 2
