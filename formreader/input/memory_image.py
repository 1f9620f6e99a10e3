"""Pages that a program has in memory: the bytes of a file, a Pillow image, an array."""

from __future__ import annotations

import io
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from formreader.core.records import GreyImage, Page
from formreader.input.grey import grey_of
from formreader.input.open_page import decode_page, page_of

Channels: TypeAlias = Literal["rgb", "bgr"]
"""Order of an array's colours: `rgb` as Pillow and imageio have them, `bgr` as OpenCV has them."""

MemoryImage: TypeAlias = bytes | Image.Image | npt.NDArray[np.uint8]
"""The bytes of a file, a Pillow image, or an array (h, w), (h, w, 3) or (h, w, 4) of uint8."""


def page_in_memory(image: MemoryImage, label: str, number: int, channels: Channels) -> Page:
    """Page `number` (0-based) of an image in memory, upright by its own orientation tag.

    The image itself is not changed. `channels` is the order of an array's colours.

    Raises:
        ValueError: an array is no image, or of another type than uint8.
        PageError: bytes are too large a page, or of another kind of file.
        Exception: whatever decoders raise on damaged data; `page_errors` translates.
    """
    if isinstance(image, bytes):
        return decode_page(io.BytesIO(image), label, number)
    if isinstance(image, Image.Image):
        return page_of(np.array(grey_of(ImageOps.exif_transpose(image))), label, number, None)
    return page_of(_grey(image, channels), label, number, None)


def check_array(image: npt.NDArray[Any], channels: str) -> None:
    """Find out whether an array is an image.

    Raises:
        ValueError: its shape or type is none of an image, or `channels` is unknown.
    """
    colours = image.shape[2] if image.ndim == 3 else 0
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or colours not in (0, 3, 4):
        raise ValueError(
            "an array must be (h, w), (h, w, 3) or (h, w, 4) of uint8. "
            f"Received: {image.shape} {image.dtype}"
        )
    if not image.size:
        raise ValueError(f"an array without pixels is no page. Received: {image.shape}")
    if channels not in ("rgb", "bgr"):
        raise ValueError(f'channels must be "rgb" or "bgr". Received: {channels!r}')


def _grey(image: npt.NDArray[np.uint8], channels: Channels) -> GreyImage:
    """Luminance (h, w) uint8, over white where the image is transparent; always a copy."""
    check_array(image, channels)
    if image.ndim == 2:
        return np.array(image, order="C")
    colours = image[..., :3] if channels == "rgb" else image[..., 2::-1]
    pixels = np.ascontiguousarray(np.dstack([colours, image[..., 3:]]))
    return np.array(grey_of(Image.fromarray(pixels)))
