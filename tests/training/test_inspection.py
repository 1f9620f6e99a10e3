"""What a set of digits holds."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.training.data.examples import Examples
from formreader.training.evaluate.inspection import Spread, count_copies, mean_images, summary


@pytest.fixture
def examples() -> Examples:
    """Four crops: two alike with different labels, one with a quarter of ink, one blank."""
    crops = np.zeros((4, 28, 28), np.uint8)
    crops[:2, 5, 5] = 255
    crops[2, :14, :14] = 200
    return Examples(crops, np.array([1, 7, 1, 10], np.uint8))


def test_classes_ink_and_blanks(examples: Examples) -> None:
    found = summary(examples)
    assert [c.n for c in found.classes] == [0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 1]
    assert found.classes[1].ink == pytest.approx((1 / 784 + 1 / 4) / 2)
    assert found.classes[0].ink == found.classes[10].ink == 0
    assert found.blank == 1
    assert (found.heights, found.widths, found.writers, found.digits_a_writer) == (None,) * 4


def test_copies_and_contradictions(examples: Examples) -> None:
    assert count_copies(examples) == (1, 1)
    assert count_copies(examples[np.array([0, 0, 0, 2])]) == (2, 0)


def test_sizes_and_writers(examples: Examples) -> None:
    sizes = np.array([[16, 10], [16, 20], [16, 30], [16, 90]])
    found = summary(examples, sizes, np.array([5, 5, 5, 9]))
    assert found.heights == Spread(16, 16, 16)
    assert found.widths == Spread(10, 25, 90)
    assert found.writers == 2
    assert found.digits_a_writer == Spread(1, 2, 3)


def test_means_are_of_each_class(examples: Examples) -> None:
    means, labels = mean_images(examples)
    assert labels.tolist() == [1, 7, 10]
    assert means[0, 5, 5] == 228  # of 255 and 200, rounded to even
    assert means[0, 0, 0] == 100
    assert means[1, 5, 5] == 255
    assert not means[2].any()
