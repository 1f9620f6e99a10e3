"""The digit's ink apart from paper, printed lines, neighbours and specks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.image_pyramid import Pyramid
from formreader.core.records import GreyImage
from formreader.crop import patches
from formreader.crop.digit_ink import histograms
from formreader.crop.patches import Patches, cut_patches
from formreader.look.box_pen import separate_ink

SIDE, MARGIN = 64, 14
LOW, HIGH = MARGIN, MARGIN + SIDE
"""The box's lines lie on these rows and columns of the drawing."""

Ink = npt.NDArray[np.uint8]


def box(shade: int = 40, thickness: int = 2) -> GreyImage:
    """An empty printed box with what is around it."""
    image = np.full((SIDE + 2 * MARGIN,) * 2, 250, np.uint8)
    cv2.rectangle(image, (LOW, LOW), (HIGH, HIGH), (shade,), thickness)
    return image


def stroke(image: GreyImage, *points: tuple[int, int], width: int = 4, shade: int = 30) -> None:
    """A pen stroke; (0, 0) is the box's upper left corner."""
    way = np.array(points, np.int32) + LOW
    cv2.polylines(image, [way], False, (shade,), width, cv2.LINE_AA)


def cut(image: GreyImage) -> Patches:
    corners = np.array([[LOW, LOW], [HIGH, LOW], [HIGH, HIGH], [LOW, HIGH]], float)
    return cut_patches(Pyramid(image), corners[None])


def pen_of(image: GreyImage, form: GreyImage | None = None) -> Patches:
    """The probability times 255 of being written: where the image differs from its form."""
    form = box() if form is None else form
    written = np.where(np.abs(image.astype(int) - form) > 8, 255, 0).astype(np.uint8)
    around = cv2.dilate(written, np.ones((3, 3), np.uint8))  # as the layers' coarse grid does
    return cut(np.asarray(around, np.uint8))


def is_blank(image: GreyImage, form: GreyImage | None = None) -> bool:
    ink, blank, _ = separate_ink(cut(image), pen_of(image, form))
    assert ink.any() != blank[0]
    return bool(blank[0])


def ink_of(image: GreyImage, form: GreyImage | None = None) -> Ink:
    ink, blank, _ = separate_ink(cut(image), pen_of(image, form))
    assert blank.tolist() == [False]
    return ink[0]


def bounds(ink: Ink) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the ink, from the box's corner, in pixels of the drawing."""
    left, top, width, height = cv2.boundingRect(ink)
    in_patch = np.array([left, top, left + width, top + height]) - patches.BOX_START
    left, top, right, bottom = (SIDE / patches.BOX_SIDE * in_patch).tolist()
    return left, top, right, bottom


def pieces(ink: Ink) -> int:
    return cv2.connectedComponents((ink > 0).astype(np.uint8))[0] - 1


@pytest.mark.parametrize("noise", [0, 3, 12, 30])
@pytest.mark.parametrize("thickness", [1, 2, 5])
def test_where_nothing_was_written_a_box_is_blank(noise: float, thickness: int) -> None:
    form = box(thickness=thickness)
    grain = np.random.default_rng(5).normal(0, noise, form.shape)
    image = np.clip(form + grain, 0, 255).astype(np.uint8)
    nothing = np.zeros_like(cut(image))
    ink, blank, loose = separate_ink(cut(image), nothing)
    assert (blank.tolist(), loose.tolist()) == ([True], [False])
    assert not ink.any()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_paper_is_blank_even_if_it_counts_as_written(level: int) -> None:
    paper = np.full((50, 40), level, np.uint8)
    corners = np.array([[[5, 5], [35, 5], [35, 45], [5, 45]]], float)
    _, blank, _ = separate_ink(cut_patches(Pyramid(paper), corners), None)
    assert blank.tolist() == [True]


def test_a_shadow_over_the_box_is_blank() -> None:
    light = np.linspace(1, 0.5, box().shape[1])
    assert is_blank((box() * light).astype(np.uint8), (box() * light).astype(np.uint8))


def has_loose_ink(image: GreyImage, form: GreyImage | None = None) -> bool:
    _, _, loose = separate_ink(cut(image), pen_of(image, form))
    return bool(loose[0])


def test_a_neighbours_stroke_in_the_box_is_loose_ink() -> None:
    image = box()
    stroke(image, (36, 14), (46, 24), (36, 50))
    assert not has_loose_ink(image)
    stroke(image, (-9, 16), (-9, 46), (14, 30))
    assert has_loose_ink(image)
    assert pieces(ink_of(image)) == 1


def test_lines_and_specks_are_no_loose_ink() -> None:
    image = box(thickness=3)
    stroke(image, (20, 14), (44, 14), (28, 50))
    cv2.circle(image, (LOW + 12, LOW + 40), 1, (30,), -1)
    assert not has_loose_ink(image, box(thickness=3))


@pytest.mark.parametrize(
    ("second", "loose"),
    [
        (((44, 14), (38, 30), (48, 50)), True),
        (((44, 14), (44, 26)), False),
        (((14, 30), (46, 34)), False),
    ],
    ids=["as high", "half as high", "across"],
)
def test_two_parts_beside_one_another_may_be_two_digits(
    second: tuple[tuple[int, int], ...], loose: bool
) -> None:
    image = box()
    stroke(image, (22, 12), (28, 12), (24, 50))
    stroke(image, *second)
    assert has_loose_ink(image) == loose


def test_the_lines_go_and_the_digit_stays() -> None:
    image = box()
    stroke(image, (20, 14), (44, 14), (28, 50))
    ink = ink_of(image)
    assert bounds(ink) == pytest.approx((18, 12, 46, 52), abs=3)
    assert pieces(ink) == 1


@pytest.mark.parametrize("thickness", [1, 3, 5])
def test_a_stroke_that_crosses_a_line_is_not_cut(thickness: int) -> None:
    image = box(thickness=thickness)
    stroke(image, (22, 14), (34, 14), (30, SIDE + 9))
    ink = ink_of(image, box(thickness=thickness))
    assert pieces(ink) == 1
    assert bounds(ink)[3] == pytest.approx(SIDE + 11, abs=3)
    on_line = np.flatnonzero(ink[patches.BOX_STOP] > 0) - patches.BOX_START
    assert 2 <= len(on_line) <= 9
    assert abs(on_line.mean() * SIDE / patches.BOX_SIDE - 30.5) < 3


def test_a_slanted_stroke_that_crosses_a_line_is_not_cut() -> None:
    image = box()
    stroke(image, (48, 20), (36, 40), (12, SIDE + 8))
    ink = ink_of(image)
    assert pieces(ink) == 1
    assert bounds(ink)[3] > SIDE + 5


def test_a_stroke_that_ends_on_a_line_does_not_take_the_line_along() -> None:
    image = box()
    stroke(image, (30, 10), (30, SIDE))
    left, _, right, bottom = bounds(ink_of(image))
    assert right - left < 12
    assert bottom <= SIDE + 4  # the stroke itself ends 2 px lower, a place of the layers 1 px


def test_the_detached_bar_of_a_5_stays() -> None:
    image = box()
    stroke(image, (22, 16), (20, 30), (36, 32), (38, 46), (20, 50))
    stroke(image, (30, 11), (44, 10))
    ink = ink_of(image)
    assert pieces(ink) == 2
    assert bounds(ink)[2] == pytest.approx(46, abs=3)


def test_specks_go() -> None:
    image = box()
    stroke(image, (32, 12), (32, 52))
    alone = bounds(ink_of(image))
    image[LOW + 12, LOW + 8] = 20
    image[LOW + 50 : LOW + 52, LOW + 54] = 20
    assert bounds(ink_of(image)) == alone


def test_a_neighbours_stroke_goes() -> None:
    image = box()
    stroke(image, (32, 12), (32, 52))
    alone = bounds(ink_of(image))
    stroke(image, (SIDE + 10, 20), (SIDE - 4, 34), (SIDE + 10, 44))
    stroke(image, (-10, 20), (-6, 50))
    assert bounds(ink_of(image)) == alone


def test_a_box_with_nothing_but_its_neighbours_stroke_is_blank() -> None:
    image = box()
    stroke(image, (SIDE + 10, 20), (SIDE - 5, 34), (SIDE + 10, 44))
    assert is_blank(image)


@pytest.mark.parametrize("shade", [60, 150, 205])
def test_pale_strokes_are_ink(shade: int) -> None:
    image = box()
    stroke(image, (20, 14), (44, 14), (28, 50), shade=shade)
    assert bounds(ink_of(image)) == pytest.approx((18, 12, 46, 52), abs=3)


def test_a_pale_stroke_in_noise_is_ink() -> None:
    image = box()
    stroke(image, (20, 14), (44, 14), (28, 50), shade=120)
    grain = np.random.default_rng(6).normal(0, 15, image.shape)
    noisy = np.clip(image + grain, 0, 255).astype(np.uint8)
    (ink,), _, _ = separate_ink(cut(noisy), pen_of(image))
    assert bounds(ink) == pytest.approx((18, 12, 46, 52), abs=5)


def test_tinted_paper_is_paper() -> None:
    form = (box().astype(float) * 0.75).astype(np.uint8)
    image = form.copy()
    stroke(image, (20, 14), (44, 14), (28, 50))
    ink = ink_of(image, form)
    assert bounds(ink) == pytest.approx((18, 12, 46, 52), abs=3)
    assert (ink > 0).mean() < 0.1


def test_a_box_without_lines_keeps_a_1_in_its_middle() -> None:
    image = np.full((SIDE + 2 * MARGIN,) * 2, 250, np.uint8)
    stroke(image, (32, 4), (32, 60))
    assert bounds(ink_of(image, np.full_like(image, 250))) == pytest.approx((29, 2, 35, 62), abs=3)


@pytest.mark.parametrize("spot", [(4, 4), (6, 3)])
def test_dots_and_dashes_too_small_for_a_digit_are_blank(spot: tuple[int, int]) -> None:
    image = box()
    width, height = spot
    image[LOW + 30 : LOW + 30 + height, LOW + 30 : LOW + 30 + width] = 30
    assert is_blank(image)


def test_a_stroke_that_runs_out_of_its_patch_does_not_reach_the_next() -> None:
    long, short = box(), box()
    stroke(long, (32, 10), (32, SIDE + 2 * MARGIN))
    stroke(short, (32, -2 * MARGIN), (32, 50))
    stack = np.concatenate([cut(image) for image in (long, short, long, box())])
    pens = np.concatenate([pen_of(image) for image in (long, short, long, box())])
    ink, blank, _ = separate_ink(stack, pens)
    assert blank.tolist() == [False, False, False, True]
    for image, together in zip((long, short, long), ink, strict=False):
        assert np.array_equal(ink_of(image), together)
    assert not ink[3].any()


def test_values_are_counted_patch_by_patch_without_black() -> None:
    rng = np.random.default_rng(2)
    shape = (3, patches.PATCH_SIDE, patches.PATCH_SIDE)
    values = rng.integers(0, 256, shape, np.uint8) * (rng.random(shape) < 0.1)
    wanted = [np.bincount(patch.ravel(), minlength=256) for patch in values]
    counts = histograms(values.astype(np.uint8))
    assert counts[:, 1:].tolist() == [count[1:].tolist() for count in wanted]
    assert not counts[:, 0].any()


def test_ink_at_the_end_of_a_row_is_not_joined_to_the_next_row() -> None:
    """A digit that leaves the patch does not take along what enters it on the other side."""
    image = box()
    stroke(image, (20, 10), (40, 50), width=8)
    stroke(image, (30, 30), (SIDE + MARGIN, 30))
    image[LOW + 20 : LOW + 40, :3] = 30  # the neighbour's
    ink = ink_of(image)
    assert ink[:, -1].any()
    assert not ink[:, 0].any()
