"""Marks all over a page are told from writing by what stands beside the fields."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.records import GreyImage
from formreader.template.faint_marks import faint_limit, places_beside
from formreader.template.page_map import Floats

BOXES = np.array(
    [((x, 60), (x + 24, 60), (x + 24, 90), (x, 90)) for x in range(40, 280, 24)], np.float64
)
PEN, WATERMARK = 200, 60
"""How many grey levels each is darker than paper."""


def form() -> GreyImage:
    image = np.full((300, 320), 255, np.uint8)
    cv2.polylines(image, list(BOXES.astype(np.int32)), True, (40,), 1)
    cv2.putText(image, "FORM", (40, 40), 0, 0.8, (30,), 2)
    return image


def page(*, mark: int = 0, note: int = 0, pens: tuple[int, ...] = (PEN,) * 6) -> GreyImage:
    """A filled page; with marks all over it and a line of writing beside the fields."""
    image = form()
    for number, darkness in enumerate(pens):
        x = 46 + 24 * number
        cv2.line(image, (x, 66), (x + 12, 84), (255 - darkness,), 2)
    if note:
        cv2.putText(image, "a note of some words", (40, 220), 0, 0.7, (255 - note,), 2)
    if mark:
        marks = np.full_like(image, 255)
        cv2.circle(marks, (160, 150), 110, (255 - mark,), 12)
        image = np.minimum(image, marks)
    return image


def limit(image: GreyImage) -> float:
    return faint_limit(image, places_beside(form(), BOXES), BOXES)


def test_beside_are_neither_fields_nor_print() -> None:
    beside: Floats = places_beside(form(), BOXES)
    assert len(beside) > 1000
    x, y = beside.T
    assert not ((y > 50) & (y < 100) & (x > 30) & (x < 290)).any()
    assert (form()[y.astype(int), x.astype(int)] == 255).all()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (page(), False),
        (page(mark=WATERMARK), True),
        (page(mark=WATERMARK, note=PEN), False),  # writing beside the fields is no mark
        (page(mark=150), False),  # as dark as writing
        # A field may be written with another pen, hardly darker than the marks.
        (page(mark=WATERMARK, pens=(PEN, PEN, PEN, 80, PEN)), False),
        (page(mark=WATERMARK, pens=()), False),
    ],
    ids=["clean", "watermark", "a note", "a dark mark", "a faint pen", "nothing written"],
)
def test_only_marks_far_fainter_than_all_writing_are_told(image: GreyImage, *, found: bool) -> None:
    told = limit(image)
    assert (told > 0) is found
    if found:
        assert WATERMARK / PEN < told < 0.5


def test_a_form_without_fields_has_no_limit() -> None:
    assert faint_limit(page(mark=WATERMARK), np.zeros((0, 2)), BOXES) == 0
    assert faint_limit(page(mark=WATERMARK), places_beside(form(), BOXES), BOXES[:0]) == 0
