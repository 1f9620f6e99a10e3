"""Digits in other styles: the stroke is there, and what it would make another digit stays out."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.classes import Crops
from formreader.training.augment import digit_styles
from formreader.training.augment.augmentation import Canvas, enlarge, framed
from formreader.training.augment.digit_styles import STYLED_SHARES, cross_seven, flag_one, restyle
from formreader.training.augment.pen_strokes import draw_curve, rounded, stroke_width
from formreader.training.data.mixture import draw_digits


def chance(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(*strokes: npt.ArrayLike, pen: float = 5) -> Canvas:
    """A digit of polylines on a canvas of 64 pixels."""
    canvas = np.zeros((64, 64), np.uint8)
    for stroke in strokes:
        draw_curve(canvas, stroke, pen)
    return canvas


def ring(x: float, y: float, wide: float, high: float) -> npt.NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 40)
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], axis=1)


def holes(canvas: Canvas) -> int:
    return cv2.connectedComponents((canvas <= 96).view(np.uint8), connectivity=4)[0] - 2


ZERO = drawn(ring(32, 32, 13, 20))
ONE = drawn([(32, 12), (32, 52)])
THREE = drawn([(18, 14), (34, 11), (42, 20), (28, 30), (42, 40), (36, 51), (18, 49)])
OPEN_FOUR = drawn([(22, 12), (17, 36), (48, 36)], [(40, 14), (38, 52)])
FIVE = drawn([(46, 12), (22, 12), (20, 30), (38, 32), (42, 42), (34, 52), (18, 50)])
SEVEN = drawn([(18, 12), (44, 12), (28, 52)])
EIGHT = drawn(ring(32, 22, 10, 10), ring(32, 42, 12, 10))
NINE = drawn(ring(32, 22, 10, 10), [(42, 22), (40, 52)])


@pytest.fixture(scope="module")
def digits() -> tuple[Crops, npt.NDArray[np.uint8]]:
    examples = draw_digits(400, chance())
    return examples.crops, examples.labels


@pytest.mark.parametrize("label", STYLED_SHARES)
def test_every_style_finds_a_hold_on_some_digits(
    label: int, digits: tuple[Crops, npt.NDArray[np.uint8]]
) -> None:
    crops, labels = digits
    own = crops[labels == label]
    restyled = restyle(own, label, chance())
    assert 0 < len(restyled) <= len(own)
    assert restyled.shape[1:] == (28, 28)
    assert restyled.dtype == np.uint8
    assert (restyled == restyle(own, label, chance())).all()


@pytest.mark.parametrize("label", STYLED_SHARES)
def test_what_is_blank_is_left_out(label: int) -> None:
    assert restyle(np.zeros((2, 28, 28), np.uint8), label, chance()).shape == (0, 28, 28)


def test_a_label_without_styles_is_refused() -> None:
    with pytest.raises(KeyError):
        restyle(np.zeros((1, 28, 28), np.uint8), 6, chance())


@pytest.mark.parametrize("seed", range(12))
def test_a_slash_parts_the_zero(seed: int) -> None:
    slashed = digit_styles.slash_zero(ZERO, chance(seed))
    assert slashed is not None
    assert holes(slashed) >= 2


def test_a_zero_too_narrow_for_a_slash_is_left_out() -> None:
    assert digit_styles.slash_zero(drawn(ring(32, 32, 6, 20)), chance()) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_flag_hangs_to_the_left_of_the_tip(seed: int) -> None:
    flagged = flag_one(ONE, chance(seed))
    assert flagged is not None
    added = cv2.subtract(flagged, ONE)[:44]  # above any foot
    assert added[:, :29].any()
    assert not added[:, 38:].any()


@pytest.mark.parametrize(
    "other", [SEVEN, ZERO, drawn([(14, 50), (50, 14)])], ids=["seven", "zero", "leaning"]
)
def test_what_is_no_upright_stroke_gets_no_flag(other: Canvas) -> None:
    assert flag_one(other, chance()) is None


@pytest.mark.parametrize("seed", range(12))
def test_a_bar_crosses_the_stem_of_a_seven(seed: int) -> None:
    crossed = cross_seven(SEVEN, chance(seed))
    assert crossed is not None
    rows, columns = np.nonzero(cv2.subtract(crossed, SEVEN) > 128)
    assert 20 < rows.mean() < 46
    assert columns.min() < 30 < columns.max()


def test_a_crossed_seven_gets_no_second_bar() -> None:
    crossed = drawn([(18, 12), (44, 12), (28, 52)], [(20, 32), (50, 32)], pen=12)
    assert cross_seven(crossed, chance()) is None


def test_the_arm_of_a_four_closes_and_the_stem_stays() -> None:
    closed = digit_styles.close_four(OPEN_FOUR, chance())
    assert closed is not None
    assert holes(closed) == 1
    assert (closed[40:] == OPEN_FOUR[40:]).all()


def test_a_four_whose_bar_ends_at_the_stem_is_not_closed_to_a_nine() -> None:
    bare = drawn([(22, 12), (17, 36), (38, 36)], [(40, 14), (38, 52)])
    assert digit_styles.close_four(bare, chance()) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_top_of_a_three_becomes_flat(seed: int) -> None:
    flat = digit_styles.flatten_three(THREE, chance(seed))
    assert flat is not None
    assert (flat[40:] == THREE[40:]).all()
    left, right = (np.flatnonzero(flat[:, x] > 96)[0] for x in (22, 36))
    assert abs(int(left) - int(right)) <= 3


@pytest.mark.parametrize("seed", range(6))
def test_the_bar_of_a_five_comes_off(seed: int) -> None:
    parted = digit_styles.detach_bar(FIVE, chance(seed))
    assert parted is not None
    assert cv2.connectedComponents((parted > 96).view(np.uint8))[0] - 1 == 2


@pytest.mark.parametrize("seed", range(6))
def test_an_eight_opens_its_upper_ring_alone(seed: int) -> None:
    opened = digit_styles.open_eight(EIGHT, chance(seed))
    assert opened is not None
    assert holes(opened) == 1
    assert (opened[34:] == EIGHT[34:]).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_nine_gets_a_foot_to_the_left_and_no_second_ring(seed: int) -> None:
    curled = digit_styles.curl_nine(NINE, chance(seed))
    assert curled is not None
    assert holes(curled) == 1
    rows, columns = np.nonzero(cv2.subtract(curled, NINE) > 128)
    assert rows.min() > 36
    assert columns.mean() < 38


@pytest.mark.parametrize("pen", [4, 7, 10])
def test_the_width_of_a_stroke_is_measured(pen: int) -> None:
    assert stroke_width(drawn([(10, 32), (54, 32)], pen=pen)) == pytest.approx(pen, rel=0.35)


def test_without_ink_there_is_no_stroke() -> None:
    assert stroke_width(np.zeros((8, 8), np.uint8)) == 0.0


def test_rounding_keeps_ends_and_doubled_corners() -> None:
    turn = [(0, 0), (10, 0), (10, 10)]
    corner = [(0, 0), (10, 0), (10, 0), (10, 10)]
    curve, sharp = rounded(turn, 3), rounded(corner, 3)
    for line in (curve, sharp):
        assert line[0].tolist() == [0, 0]
        assert line[-1].tolist() == [10, 10]

    def distance(line: npt.NDArray[np.float64]) -> float:
        return float(np.linalg.norm(line - (10, 0), axis=1).min())

    assert distance(sharp) < 0.5 < distance(curve)


def test_a_canvas_goes_back_to_the_crop_it_came_from() -> None:
    crop = framed(NINE)
    again = framed(enlarge(crop))
    assert np.abs(again.astype(int) - crop).mean() < 0.4 * crop.mean()
