"""Augmentation: repeatable, framed as MNIST, and true to its labels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.classes import Crops
from formreader.training.augment import stroke_damage
from formreader.training.augment.augmentation import augment, enlarge, framed
from formreader.training.augment.nondigits import (
    cut_between_rows,
    draw_nondigits,
    encircle,
    set_side_by_side,
    strike_out,
)
from formreader.training.augment.pen_strokes import LETTERS, draw_letter
from formreader.training.data.mixture import DRAWN_NONDIGITS, draw_digits, mixture

Ink = npt.NDArray[np.uint8]


def chance(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def digits() -> Crops:
    return draw_digits(60, chance()).crops


def bar(width: int, height: int, side: int = 64) -> Ink:
    """An upright or lying rectangle of ink in the middle of a canvas."""
    ink = np.zeros((side, side), np.uint8)
    x, y = (side - width) // 2, (side - height) // 2
    ink[y : y + height, x : x + width] = 255
    return ink


def test_the_same_seed_gives_the_same_bytes(digits: Crops) -> None:
    assert (augment(digits, chance()) == augment(digits, chance())).all()


def test_another_seed_gives_other_crops(digits: Crops) -> None:
    assert (augment(digits, chance(1)) != augment(digits, chance(2))).any(axis=(1, 2)).all()


def test_crops_stay_crops_and_keep_ink(digits: Crops) -> None:
    out = augment(digits, chance())
    assert out.shape == digits.shape
    assert out.dtype == np.uint8
    assert (out.max(axis=(1, 2)) > 25).all()


def test_augmented_digits_still_resemble_themselves(digits: Crops) -> None:
    """The variant of a digit is on average nearer to it than to the other digits."""
    out = augment(digits, chance()).reshape(len(digits), -1).astype(np.float32)
    own = digits.reshape(len(digits), -1).astype(np.float32)
    likeness = np.corrcoef(out, own)[: len(digits), len(digits) :]
    assert np.diag(likeness).mean() > likeness.mean() + 0.15


@given(st.integers(3, 60), st.integers(3, 60))
def test_a_frame_is_20_long_and_centred(width: int, height: int) -> None:
    crop = framed(bar(width, height))
    _, _, wide, high = cv2.boundingRect((crop > 0).view(np.uint8))
    assert max(wide, high) == 20
    moments = cv2.moments(crop)
    assert abs(moments["m10"] / moments["m00"] - 14) <= 0.51
    assert abs(moments["m01"] / moments["m00"] - 14) <= 0.51


def test_a_frame_without_ink_is_empty() -> None:
    assert not framed(np.zeros((64, 64), np.uint8)).any()


def test_framing_a_framed_digit_changes_little(digits: Crops) -> None:
    again = np.stack([framed(enlarge(crop)) for crop in digits])
    difference = np.abs(again.astype(int) - digits).mean()
    assert difference < 0.4 * digits.mean()


@pytest.mark.parametrize("amount", [0.4, 1.0, 1.7])
def test_thickness_grows_and_shrinks(amount: float) -> None:
    ink = bar(8, 40)
    masses = [stroke_damage.change_thickness(ink, a).sum(dtype=int) for a in (-amount, amount)]
    assert masses[0] < ink.sum(dtype=int) < masses[1]


def test_thinning_leaves_hairlines() -> None:
    hairline = bar(1, 40)
    assert (stroke_damage.change_thickness(hairline, -2.0) == hairline).all()


@pytest.mark.parametrize(
    "function",
    [
        stroke_damage.cut_gap,
        stroke_damage.cut_off,
        stroke_damage.erase_band,
        stroke_damage.halftone,
        stroke_damage.roughen,
        stroke_damage.starve,
        stroke_damage.add_line_residue,
        stroke_damage.add_neighbour,
        stroke_damage.add_specks,
        stroke_damage.change_tone,
    ],
)
def test_damage_is_repeatable_and_keeps_its_input(
    function: Callable[[Ink, np.random.Generator], Ink],
) -> None:
    ink = bar(20, 40)
    before = ink.copy()
    first, second = function(ink, chance()), function(ink, chance())
    assert (ink == before).all()
    assert (first == second).all()
    assert first.shape == ink.shape
    assert (first != ink).any()
    empty = np.zeros_like(ink)
    assert function(empty, chance()).shape == empty.shape


def test_a_cut_never_takes_a_whole_stroke_away() -> None:
    """A seven without its bar would be a one."""
    ink = bar(40, 40)
    ink[18:, :44] = 0  # what is left is a bar of 6 rows above a stem
    for seed in range(40):
        cut = stroke_damage.cut_off(ink, chance(seed))
        assert (cut[12:18, 30] > 0).any()
        assert (cut[30, 44:52] > 0).any()


def test_line_residue_of_full_length_keeps_off_the_digit() -> None:
    """A lying line on the tip of a one would make it a seven."""
    ink = bar(5, 40)
    for seed in range(60):
        added = cv2.subtract(stroke_damage.add_line_residue(ink, chance(seed)), ink)
        _, _, width, height = cv2.boundingRect(added)
        lying = width > height
        assert height <= 30
        assert not (lying and (added[12:14, 26:38] > 64).any())


def test_starving_leaves_most_of_the_ink() -> None:
    ink = bar(20, 40)
    left = [stroke_damage.starve(ink, chance(seed)).sum(dtype=int) for seed in range(40)]
    assert 0.55 * ink.sum(dtype=int) < min(left)
    assert max(left) <= ink.sum(dtype=int)
    assert np.mean(left) < 0.95 * ink.sum(dtype=int)


@pytest.mark.parametrize("function", [stroke_damage.halftone, stroke_damage.roughen])
def test_a_copier_knows_black_and_white_alone(
    function: Callable[[Ink, np.random.Generator], Ink],
) -> None:
    grey = cv2.GaussianBlur(bar(20, 40), (9, 9), 3)
    copied = function(np.asarray(grey, np.uint8), chance())
    assert set(np.unique(copied).tolist()) == {0, 255}
    assert not copied[:4].any()


def test_felt_widens_thin_strokes_most() -> None:
    grown = [
        stroke_damage.write_with_felt(bar(width, 40), chance()).sum(dtype=int) / (width * 40 * 255)
        for width in (4, 8, 16)
    ]
    assert grown[0] > grown[1] > grown[2] >= 1


@pytest.mark.parametrize("threshold", [None, 0.3, 0.6])
def test_coarse_sampling_gives_the_long_side(threshold: float | None) -> None:
    coarse = stroke_damage.sample_coarsely(bar(20, 40), 12, threshold)
    assert coarse.shape == (12, 6)
    assert coarse.max() == 255


def test_scanned_crops_change_their_shape_alone(digits: Crops) -> None:
    """No noise, no fainter ink; and less of a change than the others get."""
    scanned = augment(digits, chance(), scanned=np.ones(len(digits), np.bool_))
    free = augment(digits, chance())
    # The ink is as dark as a frame makes it, and the paper pure black.
    assert (scanned.max(axis=(1, 2)) > 150).all()
    assert (scanned[:, :3, :3] == 0).mean() > 0.99
    changes = [np.abs(crops.astype(int) - digits).mean() for crops in (scanned, free)]
    assert 0 < changes[0] < 0.9 * changes[1]


@pytest.mark.parametrize("name", LETTERS)
def test_letters_are_drawn_whole(name: str) -> None:
    for seed in range(3):
        ink = draw_letter(name, chance(seed))
        assert ink.max() == 255
        edges = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert not edges.any()


@pytest.mark.parametrize("spoil", [cut_between_rows, encircle, set_side_by_side, strike_out])
def test_spoilt_digits_are_more_than_a_digit(
    spoil: Callable[[Crops, np.random.Generator], Ink], digits: Crops
) -> None:
    """As a crop, each is far from the digit it was made of."""
    for seed in range(5):
        crop = framed(spoil(digits[:1], chance(seed)))
        assert crop.any()
        assert np.abs(crop.astype(int) - digits[0]).mean() > 0.5 * digits[0].mean()


def test_nondigits_are_repeatable_and_have_ink(digits: Crops) -> None:
    marks = draw_nondigits(200, digits, chance())
    assert (marks == draw_nondigits(200, digits, chance())).all()
    assert (marks.max(axis=(1, 2)) > 100).all()
    assert len(np.unique(marks, axis=0)) > 190


def test_a_mixture_has_every_class(digits: Crops) -> None:
    drawn = draw_digits(200, chance())
    labels = mixture(drawn, chance()).labels
    assert set(labels.tolist()) == set(range(11))
    assert (labels[:200] == drawn.labels).all()
    assert (labels == 10).sum() == round(DRAWN_NONDIGITS * 200)
