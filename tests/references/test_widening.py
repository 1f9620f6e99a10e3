"""A wide network begins as a narrow one: it computes nearly the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from number_network.widening import Weights, widened

Chain = list[Weights]


def chain(*channels: int) -> Chain:
    """Convolutions by 1 x 1, each with a vector of one number a channel."""
    rng = np.random.default_rng(4)
    weights: Chain = []
    for entering, leaving in pairwise(channels):
        weights.append(rng.normal(size=(1, 1, entering, leaving)).astype(np.float32))
        weights.append(rng.normal(size=leaving).astype(np.float32))
    return weights


def computed(weights: Chain, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        x = np.maximum(x @ kernel[0, 0] + bias, 0)
    return x


def test_a_widened_chain_computes_nearly_the_same() -> None:
    narrow = chain(3, 4, 6, 5)
    wide = widened(narrow, [one.shape for one in chain(3, 7, 16, 5)])
    assert [one.shape for one in wide] == [one.shape for one in chain(3, 7, 16, 5)]
    x = np.random.default_rng(1).normal(size=(50, 3))
    wanted = computed(narrow, x)
    assert np.abs(computed(wide, x) - wanted).mean() < 0.05 * wanted.std()


def test_copies_of_a_channel_differ() -> None:
    kernel = widened(chain(3, 4, 6), [one.shape for one in chain(3, 8, 6)])[0]
    assert len(np.unique(kernel[0, 0], axis=1).T) == 8


def test_a_chain_of_the_same_width_stays_as_it_is() -> None:
    narrow = chain(3, 4, 6)
    same = widened(narrow, [one.shape for one in narrow])
    assert all(np.array_equal(a, b) for a, b in zip(same, narrow, strict=True))


@pytest.mark.parametrize("channels", [(3, 4), (3, 2, 6), (2, 4, 6)], ids=str)
def test_another_chain_is_refused(channels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs"):
        widened(chain(3, 4, 6), [one.shape for one in chain(*channels)])
