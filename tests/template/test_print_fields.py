"""Print that was taken for a field is no field of a form."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from formreader.core.geometry import Box
from formreader.core.records import GreyImage
from formreader.template.form_template import FieldPlace
from formreader.template.print_fields import without_print

FORM = (
    FieldPlace("written", (Box(20, 20, 40, 50), Box(60, 20, 40, 50))),
    FieldPlace("label", cell=Box(20, 120, 160, 40)),
    FieldPlace("with a printed letter", (Box(20, 200, 40, 50), Box(60, 200, 40, 50))),
    FieldPlace("blank", (Box(20, 300, 40, 50),)),
    FieldPlace("tinted", (Box(120, 300, 40, 50),)),
)


def put(page: GreyImage, text: str, x: float, y: float, grey: int = 40) -> None:
    cv2.putText(page, text, (round(x), round(y)), cv2.FONT_HERSHEY_SIMPLEX, 0.9, grey, 2)


def page(seed: int) -> GreyImage:
    """A filled-in page of the form."""
    rng = np.random.default_rng(seed)
    image = np.full((400, 250), 250, np.uint8)
    image[300:350, 120:160] = 200
    for field in FORM:
        for box in field.parts:
            corners = (round(box.left), round(box.top)), (round(box.right), round(box.bottom))
            cv2.rectangle(image, *corners, 60, 2)
    put(image, "in words", 35, 148)
    for x in (30, 70):
        put(image, "T", x, 232, 150)
        for y in (55, 235):
            put(image, str(rng.integers(10)), x + rng.integers(-4, 5), y + rng.integers(-4, 5))
    return image


def kept(pages: int) -> set[str]:
    return {field.name for field in without_print(FORM, [page(seed) for seed in range(pages)])}


@pytest.mark.parametrize("pages", [6, 12])
def test_what_is_on_all_pages_and_alone_is_print(pages: int) -> None:
    assert kept(pages) == {field.name for field in FORM} - {"label"}


def test_few_pages_tell_nothing() -> None:
    assert kept(3) == {field.name for field in FORM}


@pytest.mark.parametrize(("written_in", "boxes"), [(False, 4), (True, 5)])
def test_a_gap_between_boxes_is_no_box(written_in: bool, boxes: int) -> None:
    lefts = (20, 60, 100, 140, 180)
    field = FieldPlace("time", tuple(Box(left, 20, 40, 50) for left in lefts))
    pages = []
    for number in range(6):
        image = np.full((100, 250), 250, np.uint8)
        for left in (20, 60, 140, 180):
            cv2.rectangle(image, (left, 20), (left + 40, 70), 60, 2)
            put(image, str((number + left) % 10), left + 8, 55)
        shift = 3 * (number % 3) if written_in else 0
        put(image, str(number + 3) if written_in else ":", 110 + shift, 55 - shift)
        pages.append(image)
    (found,) = without_print([field], pages)
    assert len(found.boxes) == boxes
    assert {box.left for box in field.boxes} - {box.left for box in found.boxes} <= {100}
