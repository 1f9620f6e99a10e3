"""Convert images of any mode to grey, with bright paper and dark ink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from formreader.core.records import GreyImage

_PHOTOMETRIC_TAG, _WHITE_IS_ZERO = 262, 0
"""TIFF 6.0: the tag PhotometricInterpretation, and its value where 0 is white."""

_FLOAT_WHITES = (1.0, 255.0, 65535.0)
"""What programs use as white in images of floating-point numbers."""


def grey_of(image: Image.Image) -> GreyImage:
    """The luminance of an image of any mode; transparent parts become white.

    Returns:
        (height, width) uint8.
    """
    image.load()
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if (
            isinstance(image, TiffImageFile)
            and image.tag_v2.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
        ):
            values = np.iinfo(np.uint16).max - values
        return _from_integers(values)
    if image.mode == "I":
        return _from_integers(np.asarray(image).clip(min=0))
    if image.mode == "F":
        return _from_floats(np.asarray(image))
    if image.mode == "LAB":
        return np.asarray(image.getchannel(0))
    if image.has_transparency_data:
        return _over_white(image)
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _over_white(image: Image.Image) -> GreyImage:
    if image.mode not in ("LA", "RGBA"):
        image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (0, 0):  # wholly transparent: an unused channel
        return np.asarray(image.convert("L"))
    paper = Image.new("L", image.size, 255)
    paper.paste(image.convert("L"), mask=alpha)
    return np.asarray(paper)


def _from_integers(values: npt.NDArray[np.integer]) -> GreyImage:
    """The top 8 of the bits in use: 8 to 12 by the largest value, else 16 or more."""
    depth = int(values.max()).bit_length()
    depth = 16 if 12 < depth < 16 else max(8, depth)
    return (values >> (depth - 8)).astype(np.uint8)


def _from_floats(values: npt.NDArray[np.floating]) -> GreyImage:
    """Scale to 0..255; white is the smallest of `_FLOAT_WHITES` that no value exceeds."""
    known = np.nan_to_num(values, nan=np.inf, posinf=np.inf, neginf=0)
    peak = float(known.max(where=np.isfinite(known), initial=0))
    white = next((white for white in _FLOAT_WHITES if peak <= white), peak)
    scaled: npt.NDArray[np.floating] = known.clip(0, white) * (255 / white)
    return scaled.round().astype(np.uint8)
