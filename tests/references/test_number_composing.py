"""Composed cells: what is written in them, and what is to be read."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.crop.number_strips import STRIP_HEIGHT
from formreader.recognise.ctc import CHARACTERS, NOT_A_NUMBER
from formreader.recognise.number_values import digits_of
from number_network.cell_composing import CellComposer
from number_network.cell_scans import scanned
from number_network.number_hands import HandSets, NumberHand, drawn_hand
from number_network.number_texts import sample_text
from number_network.number_writing import (
    long_strokes,
    strike,
    write_number,
    write_word,
)
from number_network.strip_pool import MAX_TARGET_LENGTH, LabelledStrip, cut_composed, fits


@pytest.fixture(scope="module")
def hand() -> NumberHand:
    return drawn_hand(np.random.default_rng(3))


@pytest.fixture(scope="module")
def composer(hand: NumberHand) -> CellComposer:
    return CellComposer(HandSets([(1.0, [hand])]))


def test_texts_say_what_is_to_be_read() -> None:
    rng = np.random.default_rng(1)
    texts = [sample_text(rng) for _ in range(3000)]
    for one in texts:
        assert 0 < len(one.target) <= MAX_TARGET_LENGTH
        assert set(one.target) <= set(CHARACTERS)
        if one.mark == "":
            assert digits_of(one.target) == digits_of(one.text)
    marks = {one.mark for one in texts}
    assert marks >= {"", "struck", "struck, then written", "word", "scribble", "tick", "print"}


def test_what_is_struck_out_is_never_to_be_read() -> None:
    rng = np.random.default_rng(2)
    struck = [one for one in (sample_text(rng) for _ in range(3000)) if one.mark == "struck"]
    assert struck
    assert {one.target for one in struck} == {NOT_A_NUMBER}


def test_numbers_with_slashes_are_no_numbers() -> None:
    rng = np.random.default_rng(3)
    parted = [one for one in (sample_text(rng) for _ in range(3000)) if "/" in one.text]
    assert parted
    for one in parted:
        assert one.target == one.text.replace("/", NOT_A_NUMBER)


def test_cells_depend_on_the_seed_alone(composer: CellComposer) -> None:
    first, second = (composer.compose(5, np.random.default_rng(7)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.image, other.image)
        assert (one.target, one.cell) == (other.target, other.cell)


def test_cells_can_be_cut_as_those_of_pages_are(composer: CellComposer) -> None:
    for one in composer.compose(60, np.random.default_rng(8)):
        height, width = one.image.shape
        corners = np.array(one.cell.corners)
        assert (corners > 0).all()
        assert (corners < (width, height)).all()
        strip = cut_composed(one).strip
        assert strip is not None and len(strip.darkness) == STRIP_HEIGHT


@pytest.mark.parametrize(
    "text", ["7", "0123456789", "1.250,50", "-6", "1 250", "50.-", "=", "X", "3/20"]
)
def test_a_number_is_written_about_as_high_as_asked(hand: NumberHand, text: str) -> None:
    ink = write_number(text, hand, 40.0, np.random.default_rng(4))
    assert ink.dtype == np.uint8
    assert ink.max() > 128
    if digits_of(text):
        assert 25 < len(ink) < 90
        assert ink.shape[1] > 4 * len(digits_of(text))


def test_a_strike_crosses_most_of_the_number(hand: NumberHand) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        ink = write_number("407", hand, 40.0, rng)
        struck = strike(ink, 40.0, rng)
        margin = (struck.shape[1] - ink.shape[1]) // 2
        added = struck[margin:-margin, margin:-margin].astype(int) - ink
        assert (added > 60).any(axis=0).mean() > 0.3


def test_words_and_long_strokes_have_ink() -> None:
    rng = np.random.default_rng(5)
    for ink in (write_word(4, 30.0, rng), long_strokes(1, 30.0, rng), long_strokes(2, 30.0, rng)):
        assert ink.max() > 128
        assert min(ink.shape) > 3


def test_scans_move_no_pixel(composer: CellComposer) -> None:
    image = composer.compose(1, np.random.default_rng(9))[0].image
    rng = np.random.default_rng(10)
    for _ in range(60):
        seen = scanned(image, rng)
        assert seen.dtype == np.uint8
        assert seen.shape == image.shape


def test_a_strip_needs_a_place_for_each_character() -> None:
    assert fits(LabelledStrip(np.zeros((STRIP_HEIGHT, 10), np.uint8), "12345"))
    assert not fits(LabelledStrip(np.zeros((STRIP_HEIGHT, 10), np.uint8), "11345"))
