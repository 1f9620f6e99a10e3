"""What tests of several trainings share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from formreader.training.data.examples import Examples, mnist_path
from formreader.training.data.mixture import draw_digits

DrawMnist = Callable[[int], Examples]


@pytest.fixture
def draw_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DrawMnist:
    """Puts `n` drawn digits where Keras keeps MNIST, the first five also as its test digits."""

    def draw(n: int) -> Examples:
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        mnist_path().parent.mkdir()
        drawn = draw_digits(n, np.random.default_rng(4))
        x, y = drawn.crops, drawn.labels
        np.savez(mnist_path(), x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
        return drawn

    return draw


@pytest.fixture
def eager() -> Iterator[None]:
    """TensorFlow without tracing, which takes longer than the few steps of a test."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
