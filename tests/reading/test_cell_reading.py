"""Cells with whole numbers, drawn and read from the page to the readings."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from read_crops import read_crops
from written_cells import cut_drawn

from formreader.core.records import DigitBox, FieldReading, GreyImage, PageCrops, Status
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.recogniser import Recogniser
from number_network.number_hands import Glyph, NumberHand, drawn_hand
from number_network.number_writing import (
    long_strokes,
    strike,
    write_number,
    write_word,
)

HEIGHT = 64
WIDTH = 300
STEP = 100


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser(device="cpu", threads=1)


@pytest.fixture(scope="module")
def hand() -> NumberHand:
    return drawn_hand(np.random.default_rng(11))


def page_with(inks: list[Glyph]) -> tuple[GreyImage, list[DigitBox]]:
    """A page with a column of cells, with one ink in the middle of each."""
    page = np.full((STEP * len(inks) + 60, WIDTH + 100), 245, np.uint8)
    cells = []
    for i, ink in enumerate(inks):
        left, top = 50, 40 + STEP * i
        right, bottom = left + WIDTH, top + HEIGHT
        cv2.rectangle(page, (left, top), (right, bottom), (60,), 2)
        y, x = top + (HEIGHT - len(ink)) // 2, left + (WIDTH - ink.shape[1]) // 2
        part = page[y : y + len(ink), x : x + ink.shape[1]]
        np.minimum(part, 255 - ink, out=part)
        cells.append(DigitBox(((left, top), (right, top), (right, bottom), (left, bottom))))
    return page, cells


def read(recogniser: Recogniser, inks: list[Glyph]) -> list[FieldReading]:
    page, cells = page_with(inks)
    fields = cut_drawn(page, cells)
    crops = PageCrops("a.png", 0, tuple(fields))
    ((_, reading),) = read_crops([crops], recogniser)
    return list(reading.fields)


def test_written_numbers_are_read(recogniser: Recogniser, hand: NumberHand) -> None:
    rng = np.random.default_rng(1)
    texts = ["407", "1532", "86", "2950", "613", "748"]
    readings = read(recogniser, [write_number(text, hand, 36.0, rng) for text in texts])
    right = [one.cells == text for one, text in zip(readings, texts, strict=True)]
    assert sum(right) >= 5
    for one, text in zip(readings, texts, strict=True):
        assert one.status is not Status.OK or one.cells == text
        assert one.frame is not None
        assert all(one.frame.holds(digit.box.centre) for digit in one.digits)


def test_what_is_no_number_is_never_accepted(recogniser: Recogniser, hand: NumberHand) -> None:
    rng = np.random.default_rng(2)
    number = write_number("407", hand, 36.0, rng)
    struck = [strike(write_number("2863", hand, 36.0, rng), 36.0, rng) for _ in range(4)]
    marks = [long_strokes(1, 36.0, rng), long_strokes(2, 36.0, rng), write_word(4, 36.0, rng)]
    _, *others = read(recogniser, [number, *struck, *marks])
    assert Status.OK not in {one.status for one in others}


def test_blank_cells_beside_numbers_are_blank(recogniser: Recogniser, hand: NumberHand) -> None:
    number = write_number("407", hand, 36.0, np.random.default_rng(3))
    nothing = np.zeros((4, 4), np.uint8)
    _, *blank = read(recogniser, [number, nothing, nothing])
    assert [one.status for one in blank] == [Status.BLANK, Status.BLANK]
    assert all(0.9 < one.confidence < 1 for one in blank)
