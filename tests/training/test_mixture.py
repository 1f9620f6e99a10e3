"""What a run trains on: who is held out, what is mixed in, what the card says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from formreader.core.classes import NOT_A_DIGIT
from formreader.core.errors import UsageError
from formreader.core.options import TrainOptions
from formreader.training.data.digit_sets import PenStrokes
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import (
    DRAWN_DIGITS,
    DRAWN_NONDIGITS,
    OWN_NONDIGITS,
    draw_digits,
    mixture,
    prepare_data,
)

pytestmark = pytest.mark.slow

N = 120


@pytest.fixture
def options(tmp_path: Path, draw_mnist: Callable[[int], Examples]) -> TrainOptions:
    """Options for a small stand-in for MNIST, its twelve writers in turn, and two marks."""
    drawn = draw_mnist(N)
    writers = np.arange(N, dtype=np.int32) % 12
    np.savez(tmp_path / "writers.npz", train=np.stack([drawn.labels, writers, writers], axis=1))
    np.savez(tmp_path / "marks.npz", images=np.full((2, 40, 40), 255, np.uint8))
    return TrainOptions(
        writers=tmp_path / "writers.npz",
        nondigits=tmp_path / "marks.npz",
        validation=0.25,
        pages=0,
    )


def test_counts_are_those_of_the_card(options: TrainOptions) -> None:
    data = prepare_data(options)
    assert data.facts["writer_disjoint"] is True
    assert data.facts["training_examples"] == len(data.training)
    assert data.facts["validation_examples"] == len(data.validation)
    assert data.facts["validation_digits"] == N // 4
    assert data.facts["training_digits"] == N - N // 4
    assert data.test is not None
    assert len(data.test) == 5


def test_crops_of_scans_are_trained_on_as_they_are(tmp_path: Path, options: TrainOptions) -> None:
    crops = np.zeros((3, 28, 28), np.uint8)
    crops[:, 4:24, 9:12] = 255  # not framed as the normaliser would
    scans = tmp_path / "scans.npz"
    np.savez(scans, scanned_crops=crops, labels=np.array([1, 1, 7], np.uint8))
    data = prepare_data(replace(options, data=(*options.data, str(scans))))
    np.testing.assert_array_equal(data.scanned.crops, crops)
    assert data.scanned.labels.tolist() == [1, 1, 7]
    assert data.facts["training_digits"] == N - N // 4
    assert data.facts["training_crops_of_pages"] == 3


def test_crops_of_scans_alone_are_refused(tmp_path: Path, options: TrainOptions) -> None:
    scans = tmp_path / "scans.npz"
    np.savez(scans, scanned_crops=np.full((3, 28, 28), 255, np.uint8), labels=np.ones(3, np.uint8))
    with pytest.raises(UsageError, match="never held out"):
        prepare_data(replace(options, data=(str(scans),), writers=None))


def test_an_own_set_needs_no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "empty"))

    def no_network(path: Path) -> None:
        raise AssertionError(f"{path} was asked for")

    monkeypatch.setattr("formreader.training.data.examples._fetch_mnist", no_network)
    drawn = draw_digits(N, np.random.default_rng(4))
    np.savez(tmp_path / "own.npz", images=drawn.crops, labels=drawn.labels)
    data = prepare_data(TrainOptions(data=(str(tmp_path / "own.npz"),), validation=0.25, pages=3))
    assert data.test is None
    assert data.facts["training_digits"] == N - N // 4
    assert len(data.scanned) > 0


def test_a_set_too_small_to_hold_digits_out_is_refused(tmp_path: Path) -> None:
    few = str(tmp_path / "few.npz")
    np.savez(few, images=np.full((4, 28, 28), 90, np.uint8), labels=np.arange(4))
    with pytest.raises(UsageError, match=r"few\.npz: .*4 examples.*--validation"):
        prepare_data(TrainOptions(data=(few,)))


def test_no_held_out_digit_is_trained_on(options: TrainOptions) -> None:
    data = prepare_data(options)
    trained = {crop.tobytes() for crop in data.training.crops}
    held = data.validation.crops[: N // 4]
    assert not any(crop.tobytes() in trained for crop in held)


def test_own_marks_are_trained_on_but_not_validated_on(options: TrainOptions) -> None:
    data = prepare_data(options)
    assert (data.training.labels[-2:] == NOT_A_DIGIT).all()
    assert (data.training.crops[-2:, 10:18, 10:18] == 255).all()
    plain = prepare_data(replace(options, nondigits=None))
    assert len(plain.training) == len(data.training) - 2 * OWN_NONDIGITS
    assert (plain.validation.crops == data.validation.crops).all()


def test_writers_of_strokes_are_held_out_as_a_whole(options: TrainOptions, tmp_path: Path) -> None:
    writer = np.repeat(np.arange(8), 5)
    paths = [[np.array([(0.0, 0.0), (125.0 * one, 1000.0)])] for one in writer]
    PenStrokes(paths, np.ones(len(writer), np.uint8), writer).save(tmp_path / "strokes.npz")
    own = replace(options, data=(str(tmp_path / "strokes.npz"),), augment=False, nondigits=None)
    data = prepare_data(own)
    assert data.facts["writer_disjoint"] is True
    # 5 digits of each writer, 3 pens a digit.
    counts = [int((part.labels == 1).sum()) for part in (data.training, data.validation)]
    assert sum(counts) == 120
    assert min(counts) > 0
    assert counts[0] % 15 == counts[1] % 15 == 0


def test_without_augmentation_there_are_digits_and_marks_only(options: TrainOptions) -> None:
    data = prepare_data(replace(options, augment=False, writers=None, nondigits=None))
    assert data.facts["writer_disjoint"] is False
    digits = data.validation.labels != NOT_A_DIGIT
    assert digits.sum() == N // 4
    assert (~digits).sum() == round(DRAWN_NONDIGITS * N / 4)


def test_other_styles_are_mixed_in_under_their_own_label() -> None:
    sevens = draw_digits(400, np.random.default_rng(2))
    sevens = sevens[sevens.labels == 7]
    mixed = mixture(sevens, np.random.default_rng(5))
    drawn = round(DRAWN_DIGITS * len(sevens))
    restyled = mixed.labels[len(sevens) + round(DRAWN_NONDIGITS * len(sevens)) : -drawn]
    assert len(restyled) > 0
    assert (restyled == 7).all()


def test_crops_of_pages_train_and_calibrate(options: TrainOptions) -> None:
    data = prepare_data(replace(options, pages=5))
    assert data.facts["training_crops_of_pages"] == len(data.scanned) > 0
    assert data.facts["calibration_crops_of_pages"] == len(data.calibration) > 0
    assert len(data.scanned) > len(data.calibration)
    # The epoch is chosen on them as well.
    assert (data.validation.crops[-len(data.calibration) :] == data.calibration.crops).all()


def test_without_pages_what_is_validated_on_calibrates(options: TrainOptions) -> None:
    data = prepare_data(options)
    assert len(data.scanned) == 0
    assert len(data.calibration) == len(data.validation)


def test_the_seed_decides(options: TrainOptions) -> None:
    first, again = prepare_data(options), prepare_data(options)
    other = prepare_data(replace(options, seed=2))
    assert (first.training.crops == again.training.crops).all()
    assert (first.validation.labels[:30] != other.validation.labels[:30]).any()
