"""Augmentation: repeatable, framed as MNIST, and true to its labels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.training import degrade
from formreader.training.augment import augment, enlarge, framed
from formreader.training.european import cross_sevens, flag_ones
from formreader.training.mixture import draw_digits, mixture
from formreader.training.nondigits import draw_nondigits
from formreader.types import Crops

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
    masses = [degrade.change_thickness(ink, a).sum(dtype=int) for a in (-amount, amount)]
    assert masses[0] < ink.sum(dtype=int) < masses[1]


def test_thinning_leaves_hairlines() -> None:
    hairline = bar(1, 40)
    assert (degrade.change_thickness(hairline, -2.0) == hairline).all()


@pytest.mark.parametrize(
    "function",
    [
        degrade.cut_gap,
        degrade.add_line_residue,
        degrade.add_neighbour,
        degrade.add_specks,
        degrade.change_tone,
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


def test_ones_get_flags_and_sevens_get_bars() -> None:
    drawn = draw_digits(300, chance())
    upright = np.stack([framed(bar(5, 40)) for _ in range(20)])
    flagged = flag_ones(upright, chance())
    assert len(flagged) == 20
    assert (flagged.sum(axis=(1, 2), dtype=int) > upright[0].sum(dtype=int)).all()
    # The flag is at the upper left: ink there, none at the upper right of the stem's middle.
    assert flagged[:, :14, :12].sum(dtype=int) > 3 * flagged[:, :14, 17:].sum(dtype=int)
    sevens = drawn.crops[drawn.labels == 7]
    assert 0 < len(cross_sevens(sevens, chance())) <= len(sevens)


def test_a_digit_that_is_no_plain_stroke_gets_no_flag() -> None:
    assert len(flag_ones(framed(bar(40, 40))[None], chance())) == 0
    assert len(flag_ones(np.zeros((1, 28, 28), np.uint8), chance())) == 0


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
    assert 15 <= (labels == 10).sum() <= 30
