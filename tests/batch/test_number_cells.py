"""Numbers in rectangles without separators, from the page to the reading."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from read_crops import read_crops
from written_cells import cut_drawn

from formreader.core.geometry import Box
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import FieldReading, GreyImage, PageCrops, Status
from formreader.detect.field_finder import find_fields
from formreader.preprocess.straighten import straighten
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.recogniser import Recogniser
from formreader.synth import Hand, HandSource

WIDTH = 280
"""Width of the cells, pixels."""


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser(device="cpu", threads=1)


def page_with(numbers: list[str], space: float = 0.25, seed: int = 4) -> GreyImage:
    """A page of A4 at 150 dpi, with one ruled field for each number below the other."""
    rng = np.random.default_rng(seed)
    page = np.full((1754, 1240), 250, np.uint8)
    hand = HandSource(Hand.sample(rng), dpi=150)
    for i, number in enumerate(numbers):
        top, height = 200 + 120 * i, 56
        cv2.rectangle(page, (150, top), (150 + WIDTH, top + height), (40,), 2)
        x = 175
        for digit in number:
            mask = np.rint(200 * hand.draw(digit, 34, 40, rng)).astype(np.uint8)
            left, high, width, tall = cv2.boundingRect(mask)
            y = top + (height - tall) // 2 + int(rng.integers(-3, 4))
            page[y : y + tall, x : x + width] -= mask[high : high + tall, left : left + width]
            x += width + round(space * 34)
    return page


def read(page: GreyImage, recogniser: Recogniser) -> tuple[FieldReading, ...]:
    cells = find_fields(straighten(Pyramid(page))).cells
    fields = cut_drawn(page, cells)
    fields.sort(key=lambda field: field.box.top)
    worked = PageCrops("a.png", 0, tuple(fields))
    ((_, reading),) = read_crops([worked], recogniser)
    return reading.fields


def test_numbers_are_read_with_a_box_for_each_digit(recogniser: Recogniser) -> None:
    numbers = ["2024", "70", "3581", "946", "82056"]
    fields = read(page_with(numbers, seed=3), recogniser)
    assert [len(field.digits) for field in fields] == [len(number) for number in numbers]
    right = sum(field.value == number for field, number in zip(fields, numbers, strict=True))
    assert right >= len(numbers) - 1
    for i, field in enumerate(fields):
        assert field.box.top == pytest.approx(200 + 120 * i, abs=4)
        assert field.box.width == pytest.approx(WIDTH, abs=8)
        lefts = [digit.box.left for digit in field.digits]
        assert lefts == sorted(lefts)


def test_touching_digits_are_never_wrong_and_sure(recogniser: Recogniser) -> None:
    numbers = ["25", "38", "60", "47", "93"]
    fields = read(page_with(numbers, space=-0.06), recogniser)
    assert len(fields) == len(numbers)
    for field, number in zip(fields, numbers, strict=True):
        assert field.value == number or field.status is Status.REVIEW


def test_blank_fields_are_blank_beside_filled_ones(recogniser: Recogniser) -> None:
    fields = read(page_with(["52", "", "418"]), recogniser)
    assert [field.status is Status.BLANK for field in fields] == [False, True, False]
    assert fields[1].box.width == pytest.approx(WIDTH, abs=8)


def test_a_field_is_as_wide_as_its_rectangle() -> None:
    field = FieldReading((), "", "", 1.0, Status.BLANK, Box(1, 2, 3, 4))
    assert field.box == Box(1, 2, 3, 4)
