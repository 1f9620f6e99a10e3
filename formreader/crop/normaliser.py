"""From a box on a page to a 28x28 digit as MNIST has them: the only such code there is.

Training, evaluation, prediction and scanning all come through `normalise`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.digit_ink import MeasuredPatches, histograms, measure_patches, separate_ink
from formreader.crop.patches import (
    MARGIN_PIXELS,
    SIDE,
    Corners,
    Patches,
    cut_patches,
    proportions,
)

DIGIT_SIDE = 20
"""Longer side in pixels of the digit in a crop (LeCun et al. 1998)."""

MARGIN = MARGIN_PIXELS / SIDE
"""How far a crop looks beyond its box, as a share of the box's sides."""

_ROW, _COLUMN = np.indices((CROP_SIDE, CROP_SIDE), np.float32)
_MOMENTS = np.stack([np.ones_like(_ROW), _COLUMN, _ROW], axis=-1).reshape(-1, 3)
"""What the pixels of a crop count for its mass and for its first moments across and down."""

_FAINTEST = 26
"""Grey value of a crop below which a trace is black."""

_FAINTEST_SHARE, _OTHER_INK = 0.25, 0.04
"""Darkness of the faintest ink on a page as a share of the pen's, and share of the boxes that may
be darker than the pen: those with print or blots."""

_SURE_BOX = 0.6
"""Score from which what is taken for a box holds writing and no print."""

_LEVEL_SHARE = 0.8
"""Share of a digit's pixels that are less than white."""


def normalise(ink: npt.NDArray[np.uint8], aspect: float = 1.0) -> npt.NDArray[np.uint8]:
    """Make a digit look as in MNIST.

    The bounding box is scaled, aspect ratio kept, so that its longer side is 20
    pixels, and placed so that its centre of mass is that of a 28x28 image.

    Args:
        ink: (h, w) uint8, bright ink on pure black.
        aspect: width of a pixel of `ink` over its height.

    Returns:
        (28, 28) uint8; all black where there is no ink.
    """
    (crop,) = normalise_all([ink], [aspect])
    return np.asarray(crop, np.uint8)


def normalise_all(inks: Sequence[npt.NDArray[np.uint8]], aspects: Sequence[float]) -> Crops:
    """What `normalise` makes of each of n digits, (n, 28, 28), which it takes less time for."""
    digits = np.zeros((len(inks), CROP_SIDE, CROP_SIDE), np.uint8)
    sizes = [_scale(*one) for one in zip(inks, aspects, digits, strict=True)]
    crops = np.zeros_like(digits)
    for crop, digit, (width, height), (x, y) in zip(
        crops, digits, sizes, _starts(digits, sizes), strict=True
    ):
        crop[y : y + height, x : x + width] = digit[:height, :width]
    return crops


def _scale(
    ink: npt.NDArray[np.uint8], aspect: float, into: npt.NDArray[np.uint8]
) -> tuple[int, int]:
    """Put a digit of the right size at the top left of black `into`; its width and height."""
    left, top, width, height = cv2.boundingRect(ink)
    if width == 0 or height == 0:
        return 0, 0
    digit = ink[top : top + height, left : left + width]
    scale = DIGIT_SIDE / max(width * aspect, height)
    size = (max(round(width * aspect * scale), 1), max(round(height * scale), 1))
    if size != (width, height):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        digit = np.asarray(cv2.resize(digit, size, interpolation=method), np.uint8)
    into[: size[1], : size[0]] = digit
    return size


def _starts(digits: Crops, sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where n digits begin, so that the centre of mass of each is in the middle."""
    # Sums of whole numbers below 2**24, which single precision holds.
    mass, x, y = (digits.reshape(-1, CROP_SIDE**2).astype(np.float32) @ _MOMENTS).T
    centre = np.stack([x, y], axis=1, dtype=np.float64) / np.maximum(mass, 1.0)[:, None]
    start = np.rint(CROP_SIDE / 2 - centre).astype(np.int64)
    room = CROP_SIDE - np.array(sizes, np.int64).reshape(-1, 2)
    return [(x, y) for x, y in np.clip(start, 0, room).tolist()]


def crop_boxes(page: Pyramid, boxes: Sequence[DigitBox]) -> tuple[Crops, npt.NDArray[np.bool_]]:
    """Cut the digits out of the boxes of a page.

    Args:
        page: the page as stored, dark ink on bright paper.
        boxes: n boxes in pixels of that page.

    Returns:
        Crops, (n, 28, 28) uint8, and which of the boxes are blank, (n,) bool.
    """
    if not boxes:
        return np.zeros((0, CROP_SIDE, CROP_SIDE), np.uint8), np.zeros(0, np.bool_)
    corners = np.array([box.corners for box in boxes], np.float64)
    measured = measure_patches(cut_patches(page, corners))
    return _normalised(measured, corners, _faintest_ink(_trusted(measured.level, boxes)))


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
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]]) - 0.5
    crops, blank = _normalised(measure_patches(cut_patches(Pyramid(image), corners)), corners)
    return crops[0], bool(blank[0])


def _trusted(level: npt.NDArray[np.int64], boxes: Sequence[DigitBox]) -> npt.NDArray[np.int64]:
    """The levels of boxes that surely are some; of all where none is."""
    sure = np.array([box.score for box in boxes]) >= _SURE_BOX
    return level[sure] if sure.any() else level


def _faintest_ink(level: npt.NDArray[np.int64]) -> float:
    """Darkness that ink has on a page at least, from that of the strokes in its boxes (n,).

    One hand fills a form with one pen: what is far fainter is a watermark or shines
    through from the other side. The darkest box tells the pen, as most may be blank.
    """
    if not len(level):
        return 0.0
    return _FAINTEST_SHARE * float(np.sort(level)[::-1][int(_OTHER_INK * len(level))])


def _normalised(
    measured: MeasuredPatches, corners: Corners, faintest: float = 0.0
) -> tuple[Crops, npt.NDArray[np.bool_]]:
    """The normalised digits of n boxes, (n, 28, 28), and which are blank, (n,)."""
    ink, blank = separate_ink(measured, faintest)
    crops = np.zeros((len(ink), CROP_SIDE, CROP_SIDE), np.uint8)
    tones, aspects = _full_tones(_ink_levels(ink)), proportions(corners)
    bright = [np.asarray(cv2.LUT(ink[i], tones[i]), np.uint8) for i in np.flatnonzero(~blank)]
    crops[~blank] = normalise_all(bright, aspects[~blank].tolist())
    return crops, blank


def _full_tones(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """(n, 256) tables that make ink of these levels (n,) white, and traces black."""
    tones = np.minimum(np.arange(256) * (255 / np.maximum(levels, 1))[:, None], 255)
    return np.where(tones < _FAINTEST, 0, np.rint(tones)).astype(np.uint8)


def _ink_levels(ink: Patches) -> npt.NDArray[np.int64]:
    """(n,) how dark the ink of each patch is where it is dark."""
    sums = histograms(ink).cumsum(axis=1)
    return np.asarray((sums < np.ceil(_LEVEL_SHARE * sums[:, -1:])).sum(axis=1), np.int64)
