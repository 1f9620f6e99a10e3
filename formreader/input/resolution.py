"""The resolution of an image: stated by its file and credible, or estimated from its size."""

from __future__ import annotations

import math
import struct

from PIL.ImageFile import ImageFile
from PIL.WebPImagePlugin import WebPImageFile

from formreader.core.geometry import MM_PER_INCH

METADATA_ERRORS = (
    *(ArithmeticError, AttributeError, LookupError, OSError),
    *(SyntaxError, TypeError, ValueError, struct.error),
)
"""Exceptions that Pillow raises on damaged metadata."""

_X_RESOLUTION_TAG, _Y_RESOLUTION_TAG, _RESOLUTION_UNIT_TAG = 0x011A, 0x011B, 0x0128
_PER_CENTIMETRE = 3
"""Tags of EXIF and TIFF 6.0, and the unit's value where it is not the inch."""

_SHEETS_MM = ((210, 297), (216, 279))
"""A4, Letter."""

_PAPER_MM = (*_SHEETS_MM, (297, 420), (148, 210), (105, 148), (216, 356), (279, 432))
"""The former and A3, A5, A6, Legal, Tabloid."""

_MIN_CREDIBLE_DPI, _MAX_CREDIBLE_DPI = 50, 2400
_MAX_CREDIBLE_DPI_RATIO = 1.05
"""A resolution outside of the range, or with a larger ratio between its axes, is taken to be
wrong. No record of a measurement; a fax of 204 x 98 dpi counts as wrong."""

_PROGRAM_DEFAULT_DPI = (72, 96)
"""Written by programs that do not know the resolution."""

_MAX_PAPER_DEVIATION = 0.02
"""Of a page's sides from a paper size, as a share of these. No record of a measurement."""


def stated_dpi(image: ImageFile) -> tuple[float, float] | None:
    """The dots per inch along x and y that a file states; None where it states none."""
    try:
        if "dpi" in image.info:
            x, y = image.info["dpi"]
            return float(x), float(y)
        if isinstance(image, WebPImageFile):
            exif = image.getexif()
            scale = 2.54 if exif.get(_RESOLUTION_UNIT_TAG) == _PER_CENTIMETRE else 1.0
            return scale * float(exif[_X_RESOLUTION_TAG]), scale * float(exif[_Y_RESOLUTION_TAG])
    except METADATA_ERRORS:
        pass
    return None


def credible_dpi(stated: tuple[float, float] | None, shape: tuple[int, ...]) -> float | None:
    """The stated resolution; None if it is absurd, differs by axis, or is a program's default.

    A program's default counts only where it makes the page a usual paper size. `shape` is
    (height, width) in pixels.
    """
    if stated is None or not all(math.isfinite(value) for value in stated):
        return None
    low, high = sorted(stated)
    if not _MIN_CREDIBLE_DPI <= low <= high <= _MAX_CREDIBLE_DPI:
        return None
    if high > _MAX_CREDIBLE_DPI_RATIO * low:
        return None
    dpi = (low + high) / 2
    if any(abs(dpi - default) < 1 for default in _PROGRAM_DEFAULT_DPI) and not _is_paper(
        shape, dpi
    ):
        return None
    return round(dpi, 1)


def estimated_dpi(shape: tuple[int, ...]) -> float:
    """The resolution of a page that states none, from its (height, width) in pixels.

    Most forms are A4 or Letter sheets, scanned as a whole; the one of the nearer aspect ratio
    is assumed.
    """
    short, long = sorted(shape)
    width, height = min(_SHEETS_MM, key=lambda mm: abs(short / long - mm[0] / mm[1]))
    return round(MM_PER_INCH * max(short / width, long / height), 1)


def _is_paper(shape: tuple[int, ...], dpi: float) -> bool:
    """Whether a page of this (height, width) in pixels has a usual paper size."""
    short, long = (MM_PER_INCH * side / dpi for side in sorted(shape))
    return any(
        abs(short - a) < _MAX_PAPER_DEVIATION * a and abs(long - b) < _MAX_PAPER_DEVIATION * b
        for a, b in _PAPER_MM
    )
