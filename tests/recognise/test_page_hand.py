"""A page is one hand: what its clear digits show settles doubtful ones, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from formreader.core.classes import NOT_A_DIGIT, Crops, Probabilities
from formreader.core.errors import ModelError
from formreader.core.model_folder import (
    CARD_FILE,
    HAND_FILE,
    KERAS_FILE,
    ONNX_FILE,
    QUICK_FILE,
    file_hashes,
    model_folder,
)
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import read_card
from formreader.recognise.page_hand import PRIOR, STRENGTH, PageHand
from formreader.recognise.runtimes import KerasRecogniser
from formreader.training.data.mixture import draw_digits

FEATURES = 12
ONE, SEVEN = 1, 7


def all_hands() -> PageHand:
    """Means along one axis each, 4 apart from the others, and spreads of 1."""
    return PageHand(4 * np.eye(NOT_A_DIGIT, FEATURES), np.eye(FEATURES))


def certain(digit: int, probability: float = 0.99) -> npt.NDArray[np.float32]:
    """Probabilities (11,) of a digit that is as clear as this."""
    row = np.full(11, (1 - probability) / 10, np.float32)
    row[digit] = probability
    return row


def page_of_sevens(features: npt.NDArray[np.float32]) -> Probabilities:
    """Clear sevens, and at the end a crop that is as much a 1 as a 7."""
    doubtful = np.full(11, 0.002, np.float32)
    doubtful[[ONE, SEVEN]] = 0.491
    return np.stack([certain(SEVEN)] * (len(features) - 1) + [doubtful])


def direct_evidence(hand: PageHand, shares: npt.NDArray[np.float64], crop: int) -> list[float]:
    """The evidence for one crop, from the means themselves."""
    evidence = []
    for digit in range(NOT_A_DIGIT):
        away = FEATURE_ROWS @ hand.whitening - hand.means[digit] @ hand.whitening
        weight = shares[:, digit].copy()
        weight[crop] = 0
        own = weight @ away / (weight.sum() + PRIOR)
        evidence.append(float(((away[crop]) ** 2).sum() - ((away[crop] - own) ** 2).sum()) / 2)
    return evidence


FEATURE_ROWS = np.random.default_rng(3).normal(0, 2, (9, FEATURES)).astype(np.float32)


def test_a_doubtful_digit_is_what_the_pages_own_digits_are_like() -> None:
    features = np.zeros((9, FEATURES), np.float32)
    features[:, SEVEN], features[:, 11] = 4, 6  # this hand crosses its sevens
    adapted = all_hands().adapted(page_of_sevens(features), features)
    assert adapted[-1, SEVEN] > 0.6 > 0.5 > adapted[-1, ONE]
    np.testing.assert_allclose(adapted.sum(axis=1), 1, atol=1e-6)

    features[-1, 11] = -6  # crossed as no other is
    assert all_hands().adapted(page_of_sevens(features), features)[-1, SEVEN] < 0.45


def test_the_evidence_is_the_difference_of_the_distances() -> None:
    rng = np.random.default_rng(8)
    hand = PageHand(rng.normal(0, 2, (10, FEATURES)), rng.normal(0, 1, (FEATURES, FEATURES)))
    probabilities = np.stack([certain(d % 10, 0.9) for d in range(len(FEATURE_ROWS))])
    shares = np.where(probabilities[:, :10] > 0.02, probabilities[:, :10], 0).astype(np.float64)
    adapted = hand.adapted(probabilities, FEATURE_ROWS)
    for crop in range(len(FEATURE_ROWS)):
        logs = np.log(probabilities[crop, :NOT_A_DIGIT].astype(np.float64))
        logs += STRENGTH * np.array(direct_evidence(hand, shares, crop))
        expected = np.exp(logs - logs.max())
        expected *= (1 - probabilities[crop, NOT_A_DIGIT]) / expected.sum()
        np.testing.assert_allclose(adapted[crop, :NOT_A_DIGIT], expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(adapted[:, NOT_A_DIGIT], probabilities[:, NOT_A_DIGIT])


@pytest.mark.parametrize("number", [0, 1])
def test_digits_that_are_alone_stay_as_they_are(number: int) -> None:
    features = FEATURE_ROWS[:number]
    probabilities = page_of_sevens(np.zeros((2, FEATURES), np.float32))[:number]
    assert all_hands().adapted(probabilities, features) is probabilities


def test_digits_among_doubtful_ones_stay_as_they_are() -> None:
    features = FEATURE_ROWS[:4]
    doubtful = np.stack([certain(digit, 0.3) for digit in range(4)])
    np.testing.assert_allclose(all_hands().adapted(doubtful, features), doubtful, atol=1e-6)


@pytest.fixture(scope="module")
def crops() -> Crops:
    return draw_digits(80, np.random.default_rng(12)).crops


def test_features_are_the_same_in_any_batch(crops: Crops) -> None:
    recogniser = load_recogniser(device="cpu")
    probabilities, features = recogniser.with_features(crops)
    assert features.shape == (80, 96)
    np.testing.assert_array_equal(probabilities, recogniser.probabilities(crops))
    part, own = load_recogniser(device="cpu", batch=17, threads=2).with_features(crops[:50])
    assert part.tobytes() == probabilities[:50].tobytes()
    assert own.tobytes() == features[:50].tobytes()
    assert [len(one) for one in recogniser.with_features(crops[:0])] == [0, 0]


def test_both_runtimes_know_the_hand(crops: Crops) -> None:
    folder = model_folder(DEFAULT_MODEL)
    keras = KerasRecogniser.load(folder, read_card(folder), 64, "cpu")
    onnx = load_recogniser(device="cpu")
    assert keras.hand is not None and onnx.hand is not None
    np.testing.assert_allclose(
        keras.hand.adapted(*keras.with_features(crops)),
        onnx.hand.adapted(*onnx.with_features(crops)),
        atol=0.03,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, to change."""
    return Path(shutil.copytree(model_folder(DEFAULT_MODEL), tmp_path / "digits"))


def write_card(folder: Path, *files: str) -> None:
    card = replace(read_card(folder), files=file_hashes(folder, files))
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")


def test_a_model_without_a_hand_reads_each_digit_by_itself(copy: Path, crops: Crops) -> None:
    write_card(copy, KERAS_FILE, ONNX_FILE, QUICK_FILE)
    recogniser = load_recogniser(str(copy), device="cpu")
    assert recogniser.hand is None
    read, features = recogniser.with_features(crops)
    assert read.tobytes() == recogniser.probabilities(crops).tobytes()
    assert features.shape == (80, 0)


@pytest.mark.parametrize(
    "table",
    [
        np.zeros((106, 95), np.float32),
        np.zeros((106, 96), np.float64),
        np.full((106, 96), np.nan, np.float32),
        np.zeros((10, 0), np.float32),
        np.zeros(5, np.float32),
        np.zeros((60, 50), np.float32),  # of a network with fewer features
        np.array([{"a": 1}], object),
    ],
    ids=["unequal", "double", "not finite", "empty", "one axis", "other network", "objects"],
)
def test_a_hand_that_does_not_fit_is_a_message(copy: Path, table: npt.NDArray[np.float32]) -> None:
    np.save(copy / HAND_FILE, table, allow_pickle=True)
    write_card(copy, KERAS_FILE, ONNX_FILE, QUICK_FILE, HAND_FILE)
    with pytest.raises(ModelError, match=r"not valid|not one that formreader can use"):
        load_recogniser(str(copy), device="cpu")


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_hand_that_is_no_array_is_a_message(copy: Path, content: bytes) -> None:
    (copy / HAND_FILE).write_bytes(content)
    write_card(copy, KERAS_FILE, ONNX_FILE, QUICK_FILE, HAND_FILE)
    with pytest.raises(ModelError, match="not valid"):
        load_recogniser(str(copy), device="cpu")


def test_a_changed_hand_is_noticed(copy: Path) -> None:
    content = bytearray((copy / HAND_FILE).read_bytes())
    content[-1] ^= 1
    (copy / HAND_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="damaged or belongs to another model"):
        load_recogniser(str(copy), device="cpu")
