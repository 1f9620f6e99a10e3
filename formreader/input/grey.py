"""Any kind of pixels to grey, paper bright and ink dark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from formreader.core.records import GreyImage

_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0


def grey_of(image: Image.Image) -> GreyImage:
    """Luminance of an image of any mode, over white where it is transparent.

    Returns:
        (height, width) uint8.
    """
    image.load()
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == _MIN_IS_WHITE:
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
    if alpha.getextrema() == (0, 0):  # an unused channel: nobody scans an invisible page
        return np.asarray(image.convert("L"))
    paper = Image.new("L", image.size, 255)
    paper.paste(image.convert("L"), mask=alpha)
    return np.asarray(paper)


def _from_integers(values: npt.NDArray[np.integer]) -> GreyImage:
    """Top eight bits of the depth in use: 16 (or more), or what a scan of 8 to 12 bits fills."""
    depth = int(values.max()).bit_length()
    depth = 16 if 12 < depth < 16 else max(8, depth)
    return (values >> (depth - 8)).astype(np.uint8)


def _from_floats(values: npt.NDArray[np.floating]) -> GreyImage:
    """White is 1, 255 or 65535, whichever is the least that holds all values."""
    known = np.nan_to_num(values, nan=np.inf, posinf=np.inf, neginf=0)
    peak = float(known.max(where=np.isfinite(known), initial=0))
    white = next((white for white in (1.0, 255.0, 65535.0) if peak <= white), peak)
    scaled: npt.NDArray[np.floating] = known.clip(0, white) * (255 / white)
    return scaled.round().astype(np.uint8)
