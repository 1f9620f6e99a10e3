"""Training data: found or explained, and split without a writer on both sides."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formreader.core.errors import NoInputError
from formreader.training.data import examples
from formreader.training.data.examples import (
    Examples,
    held_out,
    joined,
    load_mnist,
    load_nondigits,
    load_writers,
    mnist_path,
)


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path


def test_mnist_is_read_from_where_keras_keeps_it(keras_home: Path) -> None:
    x, y = np.arange(3 * 784).reshape(3, 28, 28).astype(np.uint8), np.uint8([4, 5, 6])
    np.savez(mnist_path(), x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    training, test = load_mnist()
    assert (training.crops == x).all()
    assert training.labels.tolist() == [4, 5, 6]
    assert len(test) == 1


def test_real_mnist(keras_home: Path, mnist: Path) -> None:
    shutil.copy(mnist, mnist_path())
    training, test = load_mnist()
    assert (len(training), len(test)) == (60000, 10000)
    assert training.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 truncated"])
def test_a_damaged_mnist_is_explained(keras_home: Path, content: bytes) -> None:
    mnist_path().write_bytes(content)
    with pytest.raises(NoInputError, match="not MNIST") as caught:
        load_mnist()
    assert str(mnist_path()) in str(caught.value)


def test_another_archive_is_not_mnist(keras_home: Path) -> None:
    np.savez(mnist_path(), images=np.zeros(3))
    with pytest.raises(NoInputError, match="not MNIST"):
        load_mnist()


def test_a_missing_mnist_without_a_network_is_explained(
    keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    def offline() -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    with pytest.raises(NoInputError, match=r"could not be fetched .*Name or service"):
        load_mnist()


def test_writers_are_column_two(tmp_path: Path) -> None:
    table = np.array([[5, 4, 2154, 59], [0, 0, 7, 30]], np.int32)
    np.savez(tmp_path / "writers.npz", train=table)
    assert load_writers(tmp_path / "writers.npz", 2).tolist() == [2154, 7]


def test_writers_of_other_digits_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "writers.npz", train=np.zeros((3, 8), np.int32))
    with pytest.raises(NoInputError, match="writers of 3 digits"):
        load_writers(tmp_path / "writers.npz", 4)


def test_what_is_no_table_of_writers_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "writers.npz", train=np.zeros(3, np.int32))
    with pytest.raises(NoInputError, match="not a table"):
        load_writers(tmp_path / "writers.npz", 3)
    with pytest.raises(NoInputError, match="not a table"):
        load_writers(tmp_path / "missing.npz", 3)


def test_own_nondigits(tmp_path: Path) -> None:
    path = tmp_path / "marks.npz"
    np.savez(path, images=np.ones((2, 40, 30), np.uint8))
    assert load_nondigits(path).shape == (2, 40, 30)
    np.savez(path, images=np.ones((2, 40, 30)))
    with pytest.raises(NoInputError, match="uint8"):
        load_nondigits(path)
    with pytest.raises(NoInputError, match="examples cannot be read"):
        load_nondigits(tmp_path / "missing.npz")


@given(st.integers(2, 30), st.floats(0.05, 0.9), st.integers(0, 2**32 - 1))
def test_no_writer_is_on_both_sides(writers: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    by = np.repeat(np.arange(writers), 20)
    rng.shuffle(by)
    held = held_out(len(by), share, rng, by)
    assert not set(by[held]) & set(by[~held])
    assert 0 < held.sum() < len(by)
    assert abs(held.mean() - share) <= 1 / writers + 1e-9 or held.sum() == len(by) - 20


def test_without_writers_the_last_examples_are_held_out() -> None:
    held = held_out(10, 0.3, np.random.default_rng(0))
    assert held.tolist() == [False] * 7 + [True] * 3


@pytest.mark.parametrize("share", [0.0, 1.0, 0.01, 0.99])
def test_a_share_that_leaves_one_side_empty_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="empty"):
        held_out(10, share, np.random.default_rng(0))


def test_examples_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Examples(np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.uint8))


def test_examples_are_joined_and_chosen() -> None:
    one = Examples(np.full((2, 28, 28), 1, np.uint8), np.uint8([1, 1]))
    two = Examples(np.full((1, 28, 28), 2, np.uint8), np.uint8([2]))
    both = joined(one, two)
    assert both.labels.tolist() == [1, 1, 2]
    assert both[both.labels == 2].crops.mean() == 2
    assert examples.joined(both).crops is not both.crops
