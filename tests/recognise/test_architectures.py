"""The networks: their size, input and output."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from formreader.core.classes import CLASSES
from formreader.core.options import Architecture
from formreader.recognise.architectures import USUAL_STAGES, NetworkConfig, Stages, build_network

pytestmark = pytest.mark.slow

MAX_PARAMETERS = 500_000
CROPS = np.random.default_rng(1).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)


def test_classes_are_the_digits_and_not_a_digit() -> None:
    assert CLASSES[:10] == tuple("0123456789")
    assert CLASSES[10:] == ("not a digit",)


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_bytes_go_in_and_logits_come_out(arch: Architecture) -> None:
    network = build_network(NetworkConfig(arch))
    assert network.input_shape == (None, 28, 28, 1)
    assert network.input.dtype == "uint8"
    logits = np.asarray(network(np.full((3, 28, 28, 1), 255, np.uint8)))
    assert (logits.shape, logits.dtype) == ((3, 11), np.float32)
    assert np.abs(logits).max() < 50  # 255 times as much without the scaling inside
    assert network.count_params() <= MAX_PARAMETERS


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_the_seed_alone_fixes_the_weights(arch: Architecture) -> None:
    one, same, other = (
        np.asarray(build_network(NetworkConfig(arch), seed)(CROPS)) for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).all()


def test_the_layers_of_a_network_begin_with_different_weights() -> None:
    network = build_network(NetworkConfig(stages=((4,), (8, 8, 8))))
    second, third = (
        np.asarray(network.get_layer(f"stage2_{place}_convolution").kernel) for place in (2, 3)
    )
    assert (second != third).all()


def test_lenet_has_the_parameters_of_the_publication() -> None:
    # 156 + 2416 + 48120 + 10164 with all maps of the second layer connected, then 84 to 11.
    assert build_network(NetworkConfig("lenet")).count_params() == 60_856 + 85 * 11


def test_a_residual_block_adds_its_input() -> None:
    network = build_network(NetworkConfig("resnet", stages=((4, 4),)))
    for part in ("a", "b"):
        convolution = network.get_layer(f"stage1_2_{part}_convolution")
        convolution.kernel.assign(np.zeros(convolution.kernel.shape))
    before, after = (network.get_layer(f"stage1_{place}").output for place in (1, 2))
    maps = keras.Model(network.input, [before, after])(CROPS)
    assert np.asarray(maps[0]).max() > 0
    np.testing.assert_array_equal(*map(np.asarray, maps))


def test_logits_are_full_precision_when_training_is_not() -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = build_network(NetworkConfig(stages=((2,), (4,))))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert network.get_layer("features").compute_dtype == "bfloat16"
    assert network.output.dtype == "float32"


@pytest.mark.parametrize("stages", [((),), ((8,), ()), ((0,),)])
def test_stages_without_filters_are_refused(stages: Stages) -> None:
    with pytest.raises(ValueError, match="filters"):
        NetworkConfig(stages=stages)


@pytest.mark.parametrize(
    ("arch", "stages"), [("mlp", ((8,), (8,))), ("lenet", ((6, 6), (8,), (8,)))]
)
def test_stages_of_another_network_are_refused(arch: Architecture, stages: Stages) -> None:
    with pytest.raises(ValueError, match=f"`{arch}` has stages like"):
        NetworkConfig(arch, stages)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="mlp, lenet, cnn, resnet"):
        NetworkConfig("vgg")  # type: ignore[arg-type]


def test_dropout_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="dropout"):
        NetworkConfig(dropout=1.0)
