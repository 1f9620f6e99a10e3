"""The one normaliser: as MNIST was made, whatever the size and the pen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from formreader.core.classes import CROP_SIDE
from formreader.crop.normaliser import DIGIT_SIDE, normalise, normalise_all
from formreader.synth import Hand, HandSource

Ink = npt.NDArray[np.uint8]


def hand_written(digit: int, height: int, seed: int = 0) -> Ink:
    """A digit of the stroke model, bright on black."""
    rng = np.random.default_rng(100 * seed + digit)
    source = HandSource(Hand.sample(rng), dpi=2.8 * height)  # a box of 9 mm
    mask = source.draw(str(digit), height, 1.3 * height, rng)
    return np.pad(np.rint(255 * mask).astype(np.uint8), 6)


def centre_of_mass(crop: Ink) -> npt.NDArray[np.float64]:
    """Row and column."""
    places = np.indices(crop.shape).reshape(2, -1)
    return np.asarray(places @ crop.ravel() / crop.sum(dtype=np.float64))


def likeness(a: Ink, b: Ink) -> float:
    """Correlation of two crops, blurred so that half a pixel does not count; 1 for the same."""
    soft = [cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 1.5).ravel() for crop in (a, b)]
    return float(np.corrcoef(*soft)[0, 1])


@pytest.mark.parametrize("height", [12, 20, 47, 180])
@pytest.mark.parametrize("digit", range(10))
def test_the_long_side_is_20_and_the_mass_in_the_middle(digit: int, height: int) -> None:
    crop = normalise(hand_written(digit, height))
    _, _, width, tall = cv2.boundingRect(crop)
    assert abs(max(width, tall) - DIGIT_SIDE) <= 1
    assert np.abs(centre_of_mass(crop) - CROP_SIDE / 2).max() <= 0.5 + 1e-6


def test_the_aspect_ratio_is_kept() -> None:
    ink = np.zeros((90, 80), np.uint8)
    ink[10:70, 30:54] = 255
    _, _, width, height = cv2.boundingRect(normalise(ink))
    assert (width, height) == (8, 20)


@pytest.mark.parametrize("digit", range(10))
def test_what_is_normalised_stays(digit: int) -> None:
    once = normalise(hand_written(digit, 60))
    assert np.array_equal(normalise(once), once)


def test_mnist_stays_nearly_as_it_is(mnist: Path) -> None:
    with np.load(mnist) as file:
        images = file["x_train"][:2000]
    crops = np.array([normalise(image) for image in images])
    same = [np.array_equal(a, b) for a, b in zip(crops, images, strict=True)]
    assert np.mean(same) > 0.9
    assert np.mean([likeness(a, b) for a, b in zip(crops, images, strict=True)]) > 0.98


def test_many_digits_are_each_normalised_as_one_alone() -> None:
    inks = [hand_written(digit, height) for digit, height in ((3, 12), (7, 47), (0, 180))]
    inks.insert(1, np.zeros((9, 5), np.uint8))
    aspects = [1.0, 1.0, 0.5, 2.0]
    alone = [normalise(*one) for one in zip(inks, aspects, strict=True)]
    assert np.array_equal(normalise_all(inks, aspects), alone)
    assert normalise_all([], []).shape == (0, 28, 28)


def test_ink_at_the_edge_of_its_picture_is_not_cut() -> None:
    ink = np.zeros((40, 40), np.uint8)
    ink[:, 0] = ink[0] = 255
    crop = normalise(ink)
    assert cv2.boundingRect(crop)[2:] == (20, 20)


def test_no_ink_is_a_black_crop() -> None:
    assert not normalise(np.zeros((30, 20), np.uint8)).any()


SHAPES = st.tuples(st.integers(1, 60), st.integers(1, 60))
IMAGES = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape))


@settings(deadline=None)  # machines may be busy
@given(IMAGES)
def test_any_image_is_normalised(image: Ink) -> None:
    crop = normalise(image)
    assert crop.shape == (28, 28)
    assert crop.dtype == np.uint8
    assert crop.any() or image.max(initial=0) < 128


def test_pixels_that_are_not_square() -> None:
    ink = hand_written(5, 60)
    half = cv2.resize(ink, (ink.shape[1] // 2, ink.shape[0]), interpolation=cv2.INTER_AREA)
    assert likeness(normalise(np.asarray(half, np.uint8), aspect=2.0), normalise(ink)) > 0.95
