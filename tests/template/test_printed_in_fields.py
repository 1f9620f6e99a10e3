"""What a form prints in its fields: what all pages have there, however much it looks written."""

from __future__ import annotations

import cv2
import numpy as np

from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.template.form_template import FieldPlace
from formreader.template.pile_sorting import printed_in_fields

PRINTED, WRITTEN = Box(20, 20, 24, 30), Box(60, 20, 24, 30)
FIELDS = (FieldPlace("amount", (PRINTED, WRITTEN)),)


def page(digit: str, shift: int) -> GreyImage:
    """A page with a pale printed 0 in the first box, and a written digit in the second."""
    image = np.full((70, 110), 255, np.uint8)
    for text, box, grey, by in (("0", PRINTED, 170, 0), (digit, WRITTEN, 30, shift)):
        at = round(box.left) + 4 + by, round(box.bottom) - 6 - by
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (grey,), 2, cv2.LINE_AA)
    return image


def inside(image: GreyImage, box: Box) -> GreyImage:
    return image[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]


def test_a_printed_zero_stays_and_writing_that_meets_goes() -> None:
    pages = [page(digit, shift) for digit, shift in (("3", 0), ("7", 2), ("1", -2), ("6", 4))]
    without_pale_print = np.median(np.stack(pages), axis=0).astype(np.uint8)
    inside(without_pale_print, PRINTED)[:] = 255
    assert inside(without_pale_print, WRITTEN).min() < 120, "the median keeps strokes that meet"

    picture = printed_in_fields(without_pale_print, pages, FIELDS)

    assert inside(picture, PRINTED).min() < 200
    assert inside(picture, WRITTEN).min() > 240
