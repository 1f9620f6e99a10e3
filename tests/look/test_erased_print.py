"""What is printed in places is painted over, what was written stays."""

from __future__ import annotations

import numpy as np
from true_looks import look_of

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox
from formreader.look.erased_print import without_print

PLACE = DigitBox(((20, 20), (180, 20), (180, 60), (20, 60)))
PRINT, PEN, ELSEWHERE = (
    np.s_[30:50, 40:52], np.s_[30:50, 100:112], np.s_[90:110, 40:52],
)  # fmt: skip


def page() -> np.ndarray:
    image = np.full((128, 200), 210, np.uint8)
    for part in (PRINT, PEN, ELSEWHERE):
        image[part] = 40
    return image


def marked(*parts: tuple[slice, slice]) -> np.ndarray:
    flags = np.zeros((128, 200), np.bool_)
    for part in parts:
        flags[part] = True
    return flags


def test_print_in_a_place_becomes_paper_and_writing_stays() -> None:
    image = page()
    look = look_of(marked(PEN), marked(PRINT, ELSEWHERE))
    painted = without_print(Pyramid(image), look, [PLACE]).level(0)
    assert painted[PRINT].min() > 200
    assert (painted[PEN] == 40).all()
    assert (painted[ELSEWHERE] == 40).all()  # it lies in no place
    assert (image == page()).all()


def test_print_under_writing_stays() -> None:
    look = look_of(marked(PRINT), marked(PRINT))
    painted = without_print(Pyramid(page()), look, [PLACE]).level(0)
    assert (painted[PRINT] == 40).all()


def test_a_page_without_print_in_its_places_is_not_copied() -> None:
    pyramid = Pyramid(page())
    look = look_of(marked(PEN), marked(ELSEWHERE))
    assert without_print(pyramid, look, [PLACE]) is pyramid
    assert without_print(pyramid, look, []) is pyramid


def test_a_place_beyond_the_page_is_no_fault() -> None:
    beyond = DigitBox(((300, 300), (350, 300), (350, 350), (300, 350)))
    pyramid = Pyramid(page())
    assert without_print(pyramid, look_of(marked(PEN), marked(PRINT)), [beyond]) is pyramid
