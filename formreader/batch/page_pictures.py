"""Pictures of pages for people, made by workers: no page is decoded in the main process."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from formreader.core.records import InputFile
from formreader.input.open_page import read_page

_PAGE_JPEG_QUALITY = 80
"""Quality of the pictures: handwriting stays legible. A choice, not measured."""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture of a page as JPEG, and the page's own (width, height) in pixels."""

    jpeg: bytes
    size: tuple[int, int]


def draw_page(file: InputFile, number: int, width: int) -> PagePicture:
    """Return a picture of page `number`, from 0, at most `width` pixels wide; it is never enlarged.

    Raises:
        PageError: the page cannot be read.
    """
    image = read_page(file, number).image
    page_height, page_width = image.shape
    if width < page_width:
        height = max(1, round(page_height * width / page_width))
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _PAGE_JPEG_QUALITY])[1].tobytes()
    return PagePicture(jpeg, (page_width, page_height))
