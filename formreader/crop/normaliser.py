"""Normalise digits to 28x28 crops as in MNIST: the only such code in the package.

Training, evaluation, prediction and scanning all use `normalise` or `normalise_all`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from formreader.core.classes import CROP_SIDE, Crops

DIGIT_SIDE = 20
"""Longer side in pixels of the digit in a crop (LeCun et al. 1998)."""

MIN_INK_GREY = 26
WHITE_QUANTILE = 0.8
"""How callers scale ink for `normalise`: this quantile of a digit's darkness becomes white (255).
Then pixels below this grey value become black. Checked on rendered pages."""

_CROP_ROW, _CROP_COLUMN = np.indices((CROP_SIDE, CROP_SIDE), np.float32)
_MOMENTS = np.stack([np.ones_like(_CROP_ROW), _CROP_COLUMN, _CROP_ROW], axis=-1).reshape(-1, 3)
"""Weights of a crop's pixels for its mass and its first moments in x and y."""


def normalise(ink: npt.NDArray[np.uint8], aspect: float = 1.0) -> npt.NDArray[np.uint8]:
    """Scale and centre a digit as in MNIST.

    The bounding box is scaled, with its aspect ratio kept, until its longer side is 20
    pixels. Then the centre of mass is moved to the centre of the 28x28 image.

    Args:
        ink: (h, w) uint8, bright ink on pure black.
        aspect: width of a pixel of `ink` over its height.

    Returns:
        (28, 28) uint8; all black if there is no ink.
    """
    (crop,) = normalise_all([ink], [aspect])
    return np.asarray(crop, np.uint8)


def normalise_all(inks: Sequence[npt.NDArray[np.uint8]], aspects: Sequence[float]) -> Crops:
    """Normalise n digits, (n, 28, 28), faster than one at a time."""
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
    """Draw a scaled digit at the top left of black `into`; return its width and height."""
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
    """Return the top left corners that centre n digits in their crops by centre of mass."""
    # Sums of integers below 2**24 are exact in single precision.
    mass, x, y = (digits.reshape(-1, CROP_SIDE**2).astype(np.float32) @ _MOMENTS).T
    centre = np.stack([x, y], axis=1, dtype=np.float64) / np.maximum(mass, 1.0)[:, None]
    start = np.rint(CROP_SIDE / 2 - centre).astype(np.int64)
    room = CROP_SIDE - np.array(sizes, np.int64).reshape(-1, 2)
    return [(x, y) for x, y in np.clip(start, 0, room).tolist()]
