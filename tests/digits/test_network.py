"""The network: what it costs, what goes in and what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from formreader.digits.network import CLASSES, NetworkConfig, build_network, multiply_adds


def test_classes_are_the_digits_and_not_a_digit() -> None:
    assert CLASSES[:10] == tuple("0123456789")
    assert CLASSES[10:] == ("not a digit",)


def test_multiply_adds_of_a_network_counted_by_hand() -> None:
    # 28x28 with 1 -> 2 filters, then 14x14 with 2 -> 4, then 4 features to 11 classes.
    config = NetworkConfig(stages=((2,), (4,)))
    assert multiply_adds(config) == 9 * 2 * 784 + 9 * 2 * 4 * 196 + 44


def test_default_network_is_small() -> None:
    assert multiply_adds(NetworkConfig()) < 25_000_000
    assert build_network(NetworkConfig()).count_params() < 400_000


def test_bytes_go_in_and_are_scaled_inside() -> None:
    network = build_network(NetworkConfig(stages=((2,), (4,))))
    assert network.input_shape == (None, 28, 28, 1)
    assert network.input.dtype == "uint8"
    logits = np.asarray(network(np.full((3, 28, 28, 1), 255, np.uint8)))
    assert logits.shape == (3, 11)
    assert np.abs(logits).max() < 20


@pytest.mark.parametrize("stages", [(), ((),), ((8,), ()), ((0,),)])
def test_stages_without_filters_are_refused(stages: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="filters"):
        NetworkConfig(stages=stages)


def test_dropout_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="dropout"):
        NetworkConfig(dropout=1.0)
