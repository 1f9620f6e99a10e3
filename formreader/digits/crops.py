"""From a box on a page to a 28x28 digit as MNIST has them: the only such code there is.

Training, evaluation, prediction and scanning all come through `normalise`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.digits.ink import BoxPatch, measure_patch, separate_ink
from formreader.types import Crops, DigitBox, GreyImage

CROP_SIDE = 28
DIGIT_SIDE = 20
"""Sides in pixels of a crop, and of the box that the digit in it fills (LeCun et al. 1998)."""

MARGIN = 0.22
"""How far a crop looks beyond its box, as a share of the box's shorter side."""

_LARGEST_BOX = 96
_SMALLEST_BOX = 24
_FAINTEST = 26
_FAINTEST_SHARE = 0.25
_LEVEL_PERCENTILE = 80


def normalise(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make a digit look as in MNIST.

    The bounding box is scaled, aspect ratio kept, so that its longer side is 20
    pixels, and placed so that its centre of mass is that of a 28x28 image.

    Args:
        ink: (h, w) uint8, bright ink on pure black.

    Returns:
        (28, 28) uint8; all black where there is no ink.
    """
    crop = np.zeros((CROP_SIDE, CROP_SIDE), np.uint8)
    left, top, width, height = cv2.boundingRect(ink)
    if width == 0 or height == 0:
        return crop
    digit = ink[top : top + height, left : left + width]
    scale = DIGIT_SIDE / max(width, height)
    if scale != 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        digit = np.asarray(cv2.resize(digit, size, interpolation=method), np.uint8)
    x, y = (_place(digit, axis) for axis in (1, 0))
    crop[y : y + digit.shape[0], x : x + digit.shape[1]] = digit
    return crop


def _place(digit: npt.NDArray[np.uint8], axis: int) -> int:
    """Where a digit starts along an axis so that its centre of mass is in the middle."""
    mass = digit.sum(axis=1 - axis, dtype=np.float64)
    centre = float(mass @ np.arange(len(mass))) / max(float(mass.sum()), 1.0)
    return int(np.clip(round(CROP_SIDE / 2 - centre), 0, CROP_SIDE - len(mass)))


def crop_boxes(image: GreyImage, boxes: Sequence[DigitBox]) -> tuple[Crops, npt.NDArray[np.bool_]]:
    """Cut the digits out of the boxes of a page.

    Args:
        image: the page as stored, (h, w) uint8, dark ink on bright paper.
        boxes: n boxes in pixels of that page.

    Returns:
        Crops, (n, 28, 28) uint8, and which of the boxes are blank, (n,) bool.
    """
    crops = np.zeros((len(boxes), CROP_SIDE, CROP_SIDE), np.uint8)
    blank = np.ones(len(boxes), np.bool_)
    patches = [measure_patch(*_cut(image, np.array(box.corners, np.float32))) for box in boxes]
    faintest = _faintest_ink(patches)
    for i, patch in enumerate(patches):
        crop = _crop(patch, faintest)
        if crop is not None:
            crops[i], blank[i] = crop, False
    return crops, blank


def _faintest_ink(patches: list[BoxPatch]) -> float:
    """Darkness that ink has on a page at least, from that of its darker strokes.

    One hand fills a form with one pen: what is far fainter is a watermark or shines
    through from the other side.
    """
    levels = np.sort([patch.level for patch in patches if patch.level > 0])
    return _FAINTEST_SHARE * float(levels[3 * len(levels) // 4]) if len(levels) else 0.0


def crop_single(image: GreyImage) -> tuple[npt.NDArray[np.uint8], bool]:
    """Cut the digit out of a picture of one digit.

    Args:
        image: (h, w) uint8, dark on bright or bright on dark, with or without its box.

    Returns:
        The crop, (28, 28) uint8, and whether the picture is blank.
    """
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    if np.median(border) < (float(image.min()) + float(image.max())) / 2:
        image = np.asarray(255 - image, np.uint8)
    height, width = image.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    crop = _crop(measure_patch(*_cut(image, corners)))
    return (np.zeros((CROP_SIDE,) * 2, np.uint8), True) if crop is None else (crop, False)


def _crop(patch: BoxPatch, faintest: float = 0.0) -> npt.NDArray[np.uint8] | None:
    """The normalised digit of a box, or None where there is none."""
    ink = separate_ink(patch, faintest)
    if ink is None:
        return None
    level = float(np.percentile(ink[ink > 0], _LEVEL_PERCENTILE))
    bright = cv2.convertScaleAbs(ink, alpha=255.0 / max(level, 1.0))
    bright[bright < _FAINTEST] = 0
    return normalise(np.asarray(bright, np.uint8))


def _cut(image: GreyImage, corners: npt.NDArray[np.float32]) -> tuple[GreyImage, int]:
    """The upright patch of a box with its margin, and the margin in patch pixels."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = (float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2)
    scale = min(_LARGEST_BOX / max(width, height), 1.0)
    scale = max(scale, min(_SMALLEST_BOX / min(width, height), 4.0))
    if scale < 0.6:
        image, corners = _reduced(image, corners, scale)
    box_width, box_height = max(round(width * scale), 4), max(round(height * scale), 4)
    margin = round(MARGIN * min(box_width, box_height))
    right, bottom = margin + box_width, margin + box_height
    target = np.array(
        [[margin, margin], [right, margin], [right, bottom], [margin, bottom]], np.float32
    )
    size = (box_width + 2 * margin, box_height + 2 * margin)
    forward = cv2.getPerspectiveTransform(corners, target - 0.5)
    patch = cv2.warpPerspective(
        image, forward, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(patch, np.uint8), margin


def _reduced(
    image: GreyImage, corners: npt.NDArray[np.float32], scale: float
) -> tuple[GreyImage, npt.NDArray[np.float32]]:
    """The surroundings of a large box, reduced by averaging, and its corners in them."""
    reach = 0.5 * float(np.ptp(corners, axis=0).max())
    low = np.maximum(np.floor(corners.min(axis=0) - reach), 0).astype(int)
    high = np.ceil(corners.max(axis=0) + reach).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    factor = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
    moved = (corners + 0.5 - low) * factor - 0.5
    return np.asarray(small, np.uint8), np.asarray(moved, np.float32)
