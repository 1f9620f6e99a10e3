"""Pages made upright, evenly lit, and small enough to search for boxes.

The finder works on this reduced copy; crops are cut from the page as it was
stored, through the transform that is returned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from formreader.types import GreyImage, Point

Transform: TypeAlias = npt.NDArray[np.float64]
"""(3, 3) projective transform of homogeneous pixel coordinates."""

WORKING_SIDE = 2400
"""Longest side in pixels of the copy that is searched; larger pages are reduced."""

MAX_SKEW = 6.0
"""Largest skew in degrees that is looked for."""

_BACKGROUND_REDUCTION = 8
_BACKGROUND_REACH = 11
_SKEW_SIDE = 1000
_MIN_SKEW = 0.04
_PAPER_SHARE = 0.2
_MIN_OUTSIDE = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class StraightPage:
    """An upright, evenly lit, reduced copy of a page.

    `image` is grey, (height, width) uint8 with the paper near 255. `to_page` maps
    its pixels to pixels of the stored page. `skew` is the angle in degrees that was
    taken out, clockwise positive.
    """

    image: GreyImage
    to_page: Transform
    skew: float


def straighten(image: GreyImage) -> StraightPage:
    """Reduce, rectify, deskew and even out the light of a page, (h, w) uint8."""
    reduced, to_page = _reduce(image)
    paper = _paper_corners(reduced)
    if paper is not None:
        reduced, step = _rectify(reduced, paper)
        to_page = to_page @ step
    even = even_light(reduced)
    skew = estimate_skew(even)
    if abs(skew) >= _MIN_SKEW:
        even, step = _rotate(even, skew)
        to_page = to_page @ step
    return StraightPage(even, to_page, skew)


def map_points(transform: Transform, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Send (n, 2) points through a projective transform."""
    xy = np.asarray(points, np.float64).reshape(-1, 2)
    mapped = np.column_stack([xy, np.ones(len(xy))]) @ transform.T
    return mapped[:, :2] / mapped[:, 2:]


def _reduce(image: GreyImage) -> tuple[GreyImage, Transform]:
    factor = math.ceil(max(image.shape) / WORKING_SIDE)
    if factor <= 1:
        return image, np.eye(3)
    height, width = (max(side // factor, 1) for side in image.shape)
    reduced = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    # Pixel centres, not corners, correspond: the half pixel matters for thin lines.
    scale_x, scale_y = image.shape[1] / width, image.shape[0] / height
    to_page = np.array(
        [[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2], [0, 0, 1]]
    )
    return np.asarray(reduced, np.uint8), to_page


def even_light(image: GreyImage) -> GreyImage:
    """Divide a page by its paper's brightness, so that paper is 255 everywhere.

    The paper's brightness is the brightest of the surroundings on a much reduced
    copy, smoothed; lines and strokes are too thin to count on it.
    """
    height, width = image.shape
    size = tuple(max(side // _BACKGROUND_REDUCTION, 1) for side in (width, height))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    reach = cv2.getStructuringElement(cv2.MORPH_RECT, (_BACKGROUND_REACH,) * 2)
    small = cv2.morphologyEx(small, cv2.MORPH_CLOSE, reach, borderType=cv2.BORDER_REPLICATE)
    small = cv2.GaussianBlur(small, (0, 0), 3)
    background = cv2.resize(np.maximum(small, 16), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(image, background, scale=255), np.uint8)


def estimate_skew(even: GreyImage) -> float:
    """The page's skew in degrees, clockwise positive, from an evenly lit page.

    The angle at which rows and columns of edge pixels are most unevenly filled:
    the projection profile method (Postl 1986), over horizontal and vertical edges.
    """
    factor = max(max(even.shape) / _SKEW_SIDE, 1.0)
    size = (max(int(even.shape[1] / factor), 1), max(int(even.shape[0] / factor), 1))
    small = cv2.resize(even, size, interpolation=cv2.INTER_AREA)
    rows = _edge_points(cv2.Sobel(small, cv2.CV_16S, 0, 1, ksize=3))
    columns = _edge_points(cv2.Sobel(small, cv2.CV_16S, 1, 0, ksize=3))
    if len(rows) + len(columns) < 50:
        return 0.0
    lines = [(rows[:, 1], rows[:, 0]), (columns[:, 0], -columns[:, 1])]

    def unevenness(angle: float) -> float:
        slope, total = math.tan(math.radians(angle)), 0.0
        for across, along in lines:
            if len(across):
                position = across - slope * along
                bins = np.bincount((position - position.min()).astype(np.int64))
                total += float(np.square(bins.astype(np.float64)).sum())
        return total

    best = 0.0
    for span, step in ((MAX_SKEW, 0.5), (0.5, 0.1), (0.1, 0.02)):
        angles = best + np.arange(-span, span + step / 2, step)
        scores = [unevenness(float(angle)) for angle in angles]
        best = float(angles[int(np.argmax(scores))])
    return best


def _edge_points(gradient: npt.NDArray[np.number]) -> npt.NDArray[np.float32]:
    """(n, 2) x, y of the strong edges, at most 20,000 of them."""
    strength = np.abs(gradient)
    y, x = np.nonzero(strength > max(120.0, 0.35 * float(strength.max(initial=0))))
    stride = max(len(x) // 20_000, 1)
    return np.column_stack([x[::stride], y[::stride]]).astype(np.float32)


def _rotate(image: GreyImage, skew: float) -> tuple[GreyImage, Transform]:
    """Take a skew out, on a canvas that keeps the whole page."""
    height, width = image.shape
    cosine, sine = abs(math.cos(math.radians(skew))), abs(math.sin(math.radians(skew)))
    new_width = int(width * cosine + height * sine + 0.5)
    new_height = int(width * sine + height * cosine + 0.5)
    forward = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1.0), [0, 0, 1]])
    forward[0, 2] += (new_width - width) / 2
    forward[1, 2] += (new_height - height) / 2
    turned = cv2.warpAffine(
        image, forward[:2], (new_width, new_height), flags=cv2.INTER_LINEAR, borderValue=(255,)
    )
    return np.asarray(turned, np.uint8), np.linalg.inv(forward)


def _paper_corners(image: GreyImage) -> npt.NDArray[np.float32] | None:
    """The four corners of a sheet photographed on darker surroundings, or None.

    Clockwise from the top left, (4, 2) pixels. None where the page fills the
    picture, as in every scan, or where its outline is no quadrilateral.
    """
    factor = max(max(image.shape) / 500, 1.0)
    size = (max(int(image.shape[1] / factor), 1), max(int(image.shape[0] / factor), 1))
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 2)
    bright = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]
    bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    if _border_is_bright(bright):
        return None
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    area = cv2.contourArea(hull)
    if not _PAPER_SHARE * bright.size < area < (1 - _MIN_OUTSIDE) * bright.size:
        return None
    corners = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, True), True).reshape(-1, 2)
    if len(corners) != 4 or cv2.contourArea(corners) < 0.93 * area:
        return None
    ordered = _clockwise_from_top_left(corners.astype(np.float32))
    return np.asarray((ordered + 0.5) * factor - 0.5, np.float32)


def _border_is_bright(bright: npt.NDArray[np.number]) -> bool:
    """Whether paper reaches most of the picture's border: then it is a scan."""
    edge = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    return float((edge > 0).mean()) > 0.5


def _clockwise_from_top_left(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centre = corners.mean(axis=0)
    order = np.argsort(np.arctan2(corners[:, 1] - centre[1], corners[:, 0] - centre[0]))
    ring = corners[order]
    return np.roll(ring, -int(np.argmin(ring.sum(axis=1))), axis=0)


def _rectify(image: GreyImage, corners: npt.NDArray[np.float32]) -> tuple[GreyImage, Transform]:
    """Undo the perspective of a sheet of which the corners are known."""
    top, right, bottom, left = (
        float(np.linalg.norm(corners[(i + 1) % 4] - corners[i])) for i in range(4)
    )
    width, height = round(max(top, bottom)), round(max(left, right))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    forward = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(
        image, forward, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, np.uint8), np.linalg.inv(np.asarray(forward, np.float64))


def quad(points: npt.NDArray[np.float64]) -> tuple[Point, Point, Point, Point]:
    """(4, 2) points as the four corners of a DigitBox."""
    a, b, c, d = ((float(x), float(y)) for x, y in points)
    return a, b, c, d
