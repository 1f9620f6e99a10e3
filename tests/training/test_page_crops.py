"""Digits that went through forms: labels stay true, crops look as scanning makes them."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.core.classes import NOT_A_DIGIT
from formreader.recognise.load_recogniser import load_recogniser
from formreader.synth.render import map_in_processes
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits
from formreader.training.data.page_crops import page_crops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits() -> Examples:
    return draw_digits(300, np.random.default_rng(1))


@pytest.fixture(scope="module")
def crops(digits: Examples) -> Examples:
    return page_crops(digits, 6, seed=3)


def test_every_digit_and_some_marks_come_back(crops: Examples) -> None:
    assert set(crops.labels.tolist()) == {*range(10), NOT_A_DIGIT}
    assert (crops.labels == NOT_A_DIGIT).mean() < 0.4


def test_no_crop_is_blank(crops: Examples) -> None:
    assert crops.crops.reshape(len(crops), -1).max(axis=1).min() > 100


def test_labels_fit_what_is_seen(crops: Examples) -> None:
    """The shipped network agrees with most labels, though some pages are hardly legible."""
    own = crops[crops.labels != NOT_A_DIGIT]
    guesses = load_recogniser("digits", "cpu", 256).probabilities(own.crops)[:, :10].argmax(axis=1)
    assert (guesses == own.labels).mean() > 0.6


def test_a_seed_gives_the_same_crops_and_another_gives_others(
    digits: Examples, crops: Examples
) -> None:
    again, other = page_crops(digits, 6, seed=3), page_crops(digits, 6, seed=4)
    assert again.crops.tobytes() == crops.crops.tobytes()
    assert again.labels.tobytes() == crops.labels.tobytes()
    assert other.crops.tobytes() != crops.crops.tobytes()


def test_digits_without_an_image_are_written_all_the_same(digits: Examples) -> None:
    few = digits[digits.labels < 3]
    assert set(range(10)) <= set(page_crops(few, 6, seed=3).labels.tolist())


def test_no_pages_give_no_crops(digits: Examples) -> None:
    assert len(page_crops(digits, 0, seed=3)) == 0


def test_results_keep_the_order_of_their_numbers() -> None:
    assert map_in_processes(abs, [-3, 1, -2]) == [3, 1, 2]
