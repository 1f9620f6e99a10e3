"""Pages that lie upside down or on their side are found by their digits, and turned or flagged."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from read_crops import read_crops

from formreader.core.classes import Crops
from formreader.core.doubts import Doubt
from formreader.core.geometry import Point
from formreader.core.options import ScanOptions
from formreader.core.records import DigitBox, FieldCrops, PageCrops, PageReading, Status
from formreader.reading.page_task import PageTask
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.page_orientation import (
    Orientation,
    judge_orientation,
    quarters_of,
)
from formreader.recognise.recogniser import Recogniser

UPRIGHT: tuple[Point, ...] = ((0, 0), (10, 0), (10, 12), (0, 12))


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    """The shipped model: an untrained one does not know which way up digits are."""
    return load_recogniser(device="cpu", threads=1)


def digits(text: str) -> Crops:
    """Crops (n, 28, 28) of typed digits as MNIST has them."""
    crops = np.zeros((len(text), 28, 28), np.uint8)
    for crop, digit in zip(crops, text, strict=True):
        cv2.putText(crop, digit, (6, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.75, (255,), 2, cv2.LINE_AA)
    return crops


def fields(text: str, turned: int, crops: Crops) -> tuple[FieldCrops, ...]:
    """One field on a page that lies `turned` quarter turns clockwise from upright."""
    a, b, c, d = (UPRIGHT[(i + turned) % 4] for i in range(4))
    boxes = (DigitBox((a, b, c, d)),) * len(text)
    return (FieldCrops(boxes, crops, np.zeros(len(text), np.bool_)),) if text else ()


def page(text: str, turned: int, taken_for: int | None = None, number: int = 0) -> PageCrops:
    """The result of page work on a page that lies `turned` quarter turns clockwise from upright.

    Page work assumed that it lies `taken_for` quarter turns clockwise; None is upright.
    """
    taken_for = taken_for or 0
    crops = np.ascontiguousarray(np.rot90(digits(text), taken_for - turned, axes=(1, 2)))
    return PageCrops("a.png", number, fields(text, taken_for, crops))


class Turner:
    """Stands in for repeated page work on one page, and records the turns asked for."""

    def __init__(self, text: str, turned: int) -> None:
        self.text, self.turned = text, turned
        self.asked: list[dict[int, int]] = []

    def __call__(self, tasks: Sequence[PageTask]) -> Sequence[PageCrops]:
        quarters = {task.number: task.quarters or 0 for task in tasks}
        self.asked.append(quarters)
        return [page(self.text, self.turned, -asked % 4) for asked in quarters.values()]


def read(
    recogniser: Recogniser, text: str, turned: int, taken_for: int | None = None
) -> tuple[PageReading, Turner]:
    turner = Turner(text, turned)
    pages = [page(text, turned, taken_for)]
    ((_, reading),) = read_crops(pages, recogniser, crop=turner)
    return reading, turner


def value(reading: PageReading) -> str:
    return "".join(field.value for field in reading.fields)


MANY = "3472574329473"


def test_upright_pages_are_left_alone(recogniser: Recogniser) -> None:
    reading, turner = read(recogniser, MANY, 0)
    assert turner.asked == []
    assert value(reading) == MANY
    assert reading.notice == ""


@pytest.mark.parametrize("turned", [1, 2, 3])
@pytest.mark.parametrize("taken_for", [None, 3])
def test_turned_pages_are_turned_back(
    recogniser: Recogniser, turned: int, taken_for: int | None
) -> None:
    reading, turner = read(recogniser, MANY, turned, taken_for)
    assert turner.asked in ([], [{0: -turned % 4}])
    assert value(reading) == MANY
    assert reading.notice == ""


def test_an_upright_page_taken_for_one_on_its_side_is_turned_back(recogniser: Recogniser) -> None:
    reading, turner = read(recogniser, MANY, turned=0, taken_for=3)
    assert turner.asked == [{0: 0}]
    assert value(reading) == MANY


def test_a_page_on_its_side_with_too_little_to_read_is_for_review(
    recogniser: Recogniser,
) -> None:
    reading, turner = read(recogniser, "8", turned=3, taken_for=3)
    assert turner.asked == []
    assert reading.notice == Doubt.MAY_BE_TURNED
    assert {digit.status for field in reading.fields for digit in field.digits} == {Status.REVIEW}


def test_a_page_that_still_reads_badly_when_turned_is_for_review(recogniser: Recogniser) -> None:
    def turn(tasks: Sequence[PageTask]) -> list[PageCrops]:
        return [page(MANY, 2) for _ in tasks]

    ((_, reading),) = read_crops([page(MANY, 2)], recogniser, crop=turn)
    assert reading.notice == Doubt.MAY_BE_TURNED
    assert {digit.status for field in reading.fields for digit in field.digits} == {Status.REVIEW}


def test_without_a_function_to_turn_them_pages_are_read_as_they_are(recogniser: Recogniser) -> None:
    ((_, reading),) = read_crops([page(MANY, 2)], recogniser)
    assert reading.notice == ""
    assert value(reading) != MANY


def test_each_turned_page_of_a_batch_is_named_by_its_place_in_the_scan(
    recogniser: Recogniser,
) -> None:
    turner = Turner(MANY, 2)
    pages = [page(MANY, turned, number=i) for i, turned in enumerate((0, 2, 0, 0, 2))]
    options = ScanOptions((), batch=2 * len(MANY))
    read_all = list(read_crops(pages, recogniser, options, turner))
    assert turner.asked == [{1: 2}, {4: 2}]
    assert [value(reading) for _, reading in read_all] == [MANY] * 5


def test_pages_without_digits_are_not_turned(recogniser: Recogniser) -> None:
    reading, turner = read(recogniser, "", 0)
    assert turner.asked == []
    assert reading.fields == ()


# --- judging the orientation


def judge(*gains: float, unturned_mean: float = -2.0) -> Orientation:
    """The orientation of 16 digits, where turning by 1, 2, ... quarters gains these sums."""
    unturned = np.full(16, unturned_mean)
    others = {i: unturned + gain / 16 for i, gain in enumerate(gains, 1)}
    return judge_orientation(unturned, others)


def test_a_page_is_turned_on_clear_evidence_only() -> None:
    assert judge(-9, 20, -9) == Orientation(2)
    assert judge(20, -9, 2) == Orientation(1)
    assert judge(-9, 2, -9) == Orientation(sure=False)
    assert judge(20, -9, 19) == Orientation(sure=False)
    assert judge(-9, -1, -9) == Orientation(sure=False)
    assert judge(-9, -8, -9) == Orientation()


@pytest.mark.parametrize(("contradicting", "turned"), [(8, True), (12, False)])
def test_a_page_is_not_turned_against_many_digits(contradicting: int, turned: bool) -> None:
    evidence = np.repeat([2.0, -2.0], [20, contradicting])
    unread = np.zeros_like(evidence)
    expected = Orientation(2) if turned else Orientation(sure=False)
    assert judge_orientation(unread, {2: evidence}) == expected
    assert judge_orientation(evidence, {2: unread}) == Orientation()


def test_a_page_is_not_laid_on_its_side_to_read_nearly_as_badly() -> None:
    assert judge(20, -9, -9, unturned_mean=-3.0) == Orientation(sure=False)
    assert judge(-9, 20, -9, unturned_mean=-3.0) == Orientation(2)


@pytest.mark.parametrize("turned", range(4))
def test_corners_show_how_a_page_was_turned(turned: int) -> None:
    assert quarters_of(fields("123", turned, digits("123"))) == -turned % 4
    assert quarters_of(()) == 0
