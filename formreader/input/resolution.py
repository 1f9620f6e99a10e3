"""The resolution that an image file states, where it can be believed."""

from __future__ import annotations

import math
import struct

from PIL.ImageFile import ImageFile
from PIL.WebPImagePlugin import WebPImageFile

METADATA_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError, OSError),
    *(SyntaxError, TypeError, ValueError, struct.error),
)
"""What Pillow raises on damaged metadata."""

_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128

_PAPER_MM = ((297, 420), (210, 297), (148, 210), (105, 148), (216, 279), (216, 356), (279, 432))
"""A3, A4, A5, A6, Letter, Legal, Tabloid."""


def stated_dpi(image: ImageFile) -> tuple[float, float] | None:
    """Dots per inch along x and y as the file has them."""
    try:
        if "dpi" in image.info:
            x, y = image.info["dpi"]
            return float(x), float(y)
        if isinstance(image, WebPImageFile):
            exif = image.getexif()
            scale = 2.54 if exif.get(_RESOLUTION_UNIT) == 3 else 1.0
            return scale * float(exif[_X_RESOLUTION]), scale * float(exif[_Y_RESOLUTION])
    except METADATA_ERRORS:
        pass
    return None


def credible_dpi(stated: tuple[float, float] | None, shape: tuple[int, ...]) -> float | None:
    """The resolution, unless it is absurd, differs by axis, or is a program's default.

    72 and 96 are what programs write who know nothing: they count only where they
    give a sheet of a usual paper size. `shape` is (height, width) in pixels.
    """
    if stated is None or not all(math.isfinite(value) for value in stated):
        return None
    low, high = sorted(stated)
    if not 50 <= low <= high <= 2400 or high > 1.05 * low:
        return None
    dpi = (low + high) / 2
    if any(abs(dpi - default) < 1 for default in (72, 96)) and not _is_paper(shape, dpi):
        return None
    return round(dpi, 1)


def estimated_dpi(shape: tuple[int, ...]) -> float:
    """The resolution of a page that states none, from its (height, width) in pixels.

    Most forms are sheets of A4 or Letter, scanned as a whole; the better fitting of
    the two is taken.
    """
    short, long = sorted(shape)
    sheets = ((210, 297), (216, 279))
    width, height = min(sheets, key=lambda mm: abs(short / long - mm[0] / mm[1]))
    return round(25.4 * max(short / width, long / height), 1)


def _is_paper(shape: tuple[int, ...], dpi: float) -> bool:
    short, long = (25.4 * side / dpi for side in sorted(shape))
    return any(abs(short - a) < 0.02 * a and abs(long - b) < 0.02 * b for a, b in _PAPER_MM)
