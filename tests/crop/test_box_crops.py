"""Crops of boxes and of single pictures, whatever the box, the page and the scan."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from formreader.core.classes import Crops
from formreader.core.image_pyramid import Pyramid
from formreader.core.records import DigitBox, GreyImage
from formreader.crop.box_crops import FormEvidence, crop_boxes, crop_single, lines_of_boxes
from formreader.crop.normaliser import normalise
from formreader.synth import (
    Filling,
    FormSpec,
    Hand,
    HandSource,
    Kind,
    Plan,
    render_form,
)

Ink = npt.NDArray[np.uint8]


def cut_crops(image: GreyImage, boxes: Sequence[DigitBox]) -> tuple[Crops, npt.NDArray[np.bool_]]:
    crops, blank, _ = crop_boxes(Pyramid(image), boxes)
    return crops, blank


def hand_written(digit: int, height: int, seed: int = 0) -> Ink:
    """A digit of the stroke model, bright on black."""
    rng = np.random.default_rng(100 * seed + digit)
    source = HandSource(Hand.sample(rng), dpi=2.8 * height)  # a box of 9 mm
    mask = source.draw(str(digit), height, 1.3 * height, rng)
    return np.pad(np.rint(255 * mask).astype(np.uint8), 6)


def box_at(left: float, top: float, width: float, height: float) -> DigitBox:
    right, bottom = left + width, top + height
    return DigitBox(((left, top), (right, top), (right, bottom), (left, bottom)))


def drawn_box(side: int, digit: int | None = 3) -> tuple[GreyImage, DigitBox]:
    """A printed box of this size on a page, with a digit in it."""
    image = np.full((2 * side, 2 * side), 245, np.uint8)
    low, high = side // 2, side // 2 + side
    width = max(side // 30, 1)
    cv2.rectangle(image, (low, low), (high, high), (50,), width)
    if digit is not None:
        ink = hand_written(digit, 120)
        ink = ink[6:-6, 6:-6]
        height = round(0.7 * side)
        size = (max(round(ink.shape[1] * height / ink.shape[0]), 1), height)
        small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
        x, y = side - size[0] // 2, side - height // 2
        part = image[y : y + height, x : x + size[0]]
        part[:] = np.minimum(part, 255 - (0.85 * small).astype(np.uint8))
    return image, box_at(low, low, side, side)


def likeness(a: Ink, b: Ink) -> float:
    """Correlation of two crops, blurred so that half a pixel does not count; 1 for the same."""
    soft = [cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 1.5).ravel() for crop in (a, b)]
    return float(np.corrcoef(*soft)[0, 1])


SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))
IMAGES = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape))


@settings(deadline=None)  # machines may be busy
@given(IMAGES)
def test_any_image_is_a_single_digit_or_blank(image: GreyImage) -> None:
    crop, blank = crop_single(image)
    assert crop.shape == (28, 28)
    assert crop.dtype == np.uint8
    assert crop.any() != blank


@settings(deadline=None)  # machines may be busy
@given(IMAGES, st.tuples(*[st.floats(-40, 90)] * 2), st.tuples(*[st.floats(1, 120)] * 2))
def test_any_box_on_any_page_is_cut(
    image: GreyImage, place: tuple[float, float], size: tuple[float, float]
) -> None:
    crops, blank = cut_crops(image, [box_at(*place, *size)])
    assert crops.shape == (1, 28, 28)
    assert crops.any() != blank[0]


@pytest.mark.parametrize("side", [16, 24, 40, 75, 150, 240, 480])
def test_boxes_of_any_resolution_give_the_same_crop(side: int) -> None:
    crops, blank = cut_crops(*as_list(drawn_box(side)))
    wanted = normalise(hand_written(3, 120))
    assert not blank[0]
    assert likeness(crops[0], wanted) > (0.85 if side < 30 else 0.93)


@pytest.mark.parametrize("side", [16, 24, 40, 75, 150, 240, 480])
def test_empty_boxes_of_any_resolution_are_blank(side: int) -> None:
    crops, blank = cut_crops(*as_list(drawn_box(side, None)))
    assert blank.tolist() == [True]
    assert not crops.any()


def as_list(drawn: tuple[GreyImage, DigitBox]) -> tuple[GreyImage, list[DigitBox]]:
    return drawn[0], [drawn[1]]


@pytest.mark.parametrize("degrees", [-4.0, 3.0])
def test_a_box_is_cut_upright(degrees: float) -> None:
    image, box = drawn_box(80)
    turn = cv2.getRotationMatrix2D((80, 80), degrees, 1.0)
    turned = cv2.warpAffine(image, turn, image.shape[::-1], borderValue=(245,))
    corners = np.column_stack([np.array(box.corners), np.ones(4)]) @ turn.T
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    crops, _ = cut_crops(np.asarray(turned, np.uint8), [DigitBox((a, b, c, d))])
    assert likeness(crops[0], cut_crops(image, [box])[0][0]) > 0.93


def test_a_box_at_the_border_of_the_page_is_cut() -> None:
    image, _ = drawn_box(60)
    page = np.ascontiguousarray(image[30:91, 30:91])
    crops, blank = cut_crops(page, [box_at(0, 0, 60, 60)])
    assert not blank[0]
    assert likeness(crops[0], normalise(hand_written(3, 120))) > 0.9


def form_of(sides: Sequence[int], digits: Sequence[int | None]) -> tuple[GreyImage, list[DigitBox]]:
    """Boxes of different sizes with digits, one below the other on a page."""
    drawn = [drawn_box(side, digit) for side, digit in zip(sides, digits, strict=True)]
    height, width = sum(len(image) for image, _ in drawn), max(len(image) for image, _ in drawn)
    page, boxes, top = np.full((height, width), 245, np.uint8), [], 0
    for image, box in drawn:
        page[top : top + len(image), : len(image)] = image
        boxes.append(box_at(box.box.left, box.box.top + top, box.box.width, box.box.height))
        top += len(image)
    return page, boxes


def test_boxes_do_not_know_of_one_another() -> None:
    page, boxes = form_of([40, 90, 60, 200, 60], [3, 7, None, 5, 2])
    crops, blank = cut_crops(page, boxes)
    assert blank.tolist() == [False, False, True, False, False]
    for box, crop in zip(boxes, crops, strict=True):
        assert np.array_equal(cut_crops(page, [box])[0][0], crop)


def test_traces_far_fainter_than_the_page_s_ink_are_blank() -> None:
    page, boxes = form_of([60, 60], [3, 3])
    faint = (245 - 0.2 * (245 - page[:120].astype(float))).astype(np.uint8)
    assert cut_crops(faint, boxes[:1])[1].tolist() == [False]
    page[:120] = faint
    assert cut_crops(page, boxes)[1].tolist() == [True, False]


def test_a_stroke_along_a_line_is_told_from_it_by_the_form() -> None:
    side = 60
    form, box = drawn_box(side, None)
    form = np.asarray(cv2.erode(form, np.ones((7, 7), np.uint8)), np.uint8)  # thick lines
    seven, left, top = form.copy(), round(box.box.left), round(box.box.top)
    strokes = [(left + 8, top + 6), (left + side - 9, top + 6), (left + 24, top + 48)]
    cv2.polylines(seven, [np.array(strokes)], False, (60,), 4)
    boxes = [box_at(left, top + 2 * side * i, side, side) for i in range(3)]
    lines = lines_of_boxes(
        np.vstack([form] * 3), np.array([one.corners for one in boxes], np.float64)
    )
    page = Pyramid(np.vstack([seven, form, form]))
    without, *_ = crop_boxes(page, boxes)
    crops, blank, loose = crop_boxes(page, boxes, FormEvidence(lines=lines))

    def bar(crop: npt.NDArray[np.uint8]) -> int:
        return int((crop[4:9] > 128).any(axis=0).sum())

    assert bar(without[0]) < 8  # it is gone with the line
    assert bar(crops[0]) > 10
    # Nothing of the line itself comes back where nobody wrote.
    assert blank.tolist() == [False, True, True]
    assert not loose.any()


def test_marks_that_are_all_over_the_page_are_no_digits() -> None:
    page, boxes = form_of([60, 60], [3, 3])
    page[:120] = (245 - 0.33 * (245 - page[:120].astype(float))).astype(np.uint8)
    assert crop_boxes(Pyramid(page), boxes)[1].tolist() == [False, False]
    crops, blank, loose = crop_boxes(Pyramid(page), boxes, FormEvidence(faint=0.4))
    assert blank.tolist() == [True, False]
    assert not loose.any()
    assert not crops[0].any()
    assert crops[1].any()


@pytest.mark.parametrize(
    ("stroke", "darkness", "doubtful"),
    [(0, 0, False), (3, 200, False), (7, 200, True), (7, 60, False)],
    ids=["nothing", "a speck", "a trace of the pen", "a faint trace"],
)
def test_a_blank_box_with_a_trace_of_the_pen_is_doubted(
    stroke: int, darkness: int, doubtful: bool
) -> None:
    page, boxes = form_of([60, 60], [None, 3])
    page[59 : 59 + 3, 60 : 60 + stroke] = 245 - darkness
    _, blank, loose = crop_boxes(Pyramid(page), boxes)
    assert blank.tolist() == [True, False]
    assert loose.tolist() == [doubtful, False]


@pytest.mark.parametrize("move", [-0.2, -0.1, 0.1, 0.2])
@pytest.mark.parametrize("digit", [None, 1, 3, 7])
def test_a_box_found_aside_is_cut_all_the_same(digit: int | None, move: float) -> None:
    image, box = drawn_box(60, digit)
    aside = box_at(box.box.left + move * 60, box.box.top - move * 60, 60, 60)
    crops, blank = cut_crops(image, [aside])
    assert blank.tolist() == [digit is None]
    if digit is not None:
        assert likeness(crops[0], cut_crops(image, [box])[0][0]) > 0.93


@pytest.mark.parametrize(("wide", "high"), [(1.0, 0.6), (0.6, 1.0)])
def test_the_proportions_of_a_box_do_not_change_its_digit(wide: float, high: float) -> None:
    page = np.full((200, 200), 245, np.uint8)
    digit = hand_written(3, 60)[6:-6, 6:-6]
    y, x = 100 - digit.shape[0] // 2, 100 - digit.shape[1] // 2
    page[y : y + digit.shape[0], x : x + digit.shape[1]] = 245 - 0.8 * digit
    box = box_at(100 - 70 * wide, 100 - 70 * high, 140 * wide, 140 * high)
    crops, _ = cut_crops(page, [box])
    assert likeness(crops[0], normalise(hand_written(3, 60))) > 0.93


def test_no_boxes_give_no_crops() -> None:
    crops, blank = cut_crops(np.full((20, 20), 255, np.uint8), [])
    assert crops.shape == (0, 28, 28)
    assert blank.shape == (0,)


@pytest.mark.parametrize("digit", [2, 3, 5, 7])
def test_polarity_of_single_pictures(digit: int) -> None:
    ink = np.pad(hand_written(digit, 80), 10)
    bright, blank = crop_single(ink)
    dark, dark_blank = crop_single(255 - ink)
    assert not blank
    assert not dark_blank
    assert np.array_equal(bright, dark)
    assert likeness(dark, normalise(ink)) > 0.94  # it is a little smaller in its patch


def test_a_single_picture_may_have_its_box() -> None:
    image, _ = drawn_box(80)
    crop, blank = crop_single(np.ascontiguousarray(image[38:124, 38:124]))
    assert not blank
    assert likeness(crop, normalise(hand_written(3, 120))) > 0.9


@pytest.mark.parametrize("layout", ["comb", "grid", "separate"])
@pytest.mark.parametrize("around", [-0.1, -0.03, 0.0, 0.03, 0.06, 0.12])
def test_a_picture_cut_anywhere_at_its_box_is_the_crop_of_a_scan(
    layout: str, around: float
) -> None:
    """Inside of the lines, on them, and with what is around them, as a share of the box."""
    page = render_form(2, FormSpec(layout, dpi=150))
    written = [one for one in page.truth if one.symbol.isdigit()][:20]
    whole, blank = cut_crops(page.image, [DigitBox(one.corners) for one in written])
    alike = []
    for one, crop in zip(written, whole, strict=True):
        left, top, right, bottom = (*one.corners[0], *one.corners[2])
        room = around * (bottom - top)
        sides = (round(side) for side in (top - room, bottom + room, left - room, right + room))
        above, below, before, behind = sides
        single, none = crop_single(np.ascontiguousarray(page.image[above:below, before:behind]))
        alike.append(not none and likeness(single, crop) > 0.8)
    assert not blank.any()
    # A little beside the lines some are not seen; such a digit is for review.
    assert np.mean(alike) >= (0.55 if around in (-0.03, 0.03, 0.06) else 0.95)


def test_an_mnist_picture_is_a_single_picture() -> None:
    crop = normalise(hand_written(4, 60))
    again, blank = crop_single(crop)
    assert not blank
    assert likeness(again, crop) > 0.95


@cache
def blanks_and_digits(kind: Kind) -> tuple[list[bool], list[bool]]:
    """What is called blank of the blank boxes, and of the written ones, where truth has them."""
    plan = Plan(filling=Filling(blanks=0.5))
    calls: dict[bool, list[bool]] = {False: [], True: []}
    for seed in (1, 2, 3):
        page = render_form(seed, FormSpec("grid", kind, dpi=150, width=150, height=150, plan=plan))
        image = page.image
        if image.ndim == 3:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        _, blank = cut_crops(image, [DigitBox(truth.corners) for truth in page.truth])
        for truth, call in zip(page.truth, blank.tolist(), strict=True):
            calls[truth.symbol == ""].append(call)
    return calls[True], calls[False]


@pytest.mark.parametrize("kind", ["clean", "skew", "fax", "faint", "colour"])
def test_blanks_are_blank_and_digits_are_not(kind: Kind) -> None:
    blanks, digits = blanks_and_digits(kind)
    assert min(len(blanks), len(digits)) > 60
    assert np.mean(blanks) >= 0.99
    assert np.mean(digits) <= 0.01
