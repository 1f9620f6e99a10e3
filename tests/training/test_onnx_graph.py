"""The exported graph gives what the Keras network gives, whatever the batch."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from keras import layers

from formreader.core.classes import Crops
from formreader.core.options import Architecture
from formreader.recognise.architectures import USUAL_STAGES, NetworkConfig, build_network
from formreader.training.onnx_graph import export_onnx

pytestmark = pytest.mark.slow

CROPS: Crops = np.random.default_rng(3).integers(0, 256, (19, 28, 28), dtype=np.uint8)


def shaken_network(arch: Architecture) -> keras.Model:
    """A network whose biases and normalisations are no longer those of a fresh one."""
    network = build_network(NetworkConfig(arch), seed=5)
    rng = np.random.default_rng(7)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.gamma.shape
            spread, shift = rng.uniform(0.5, 1.5, (2, *shape)), rng.normal(0, 0.2, (2, *shape))
            layer.set_weights([spread[0], shift[0], shift[1], spread[1]])
        elif getattr(layer, "use_bias", False):
            layer.bias.assign(rng.normal(0, 0.2, layer.bias.shape))
    return network


def graph_logits(path: Path, crops: Crops) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"crops": crops})
    return np.asarray(logits, np.float32)


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_graph_and_keras_agree(arch: Architecture, tmp_path: Path) -> None:
    network = shaken_network(arch)
    export_onnx(network, tmp_path / "model.onnx")
    expected = np.asarray(network(CROPS[..., None], training=False))
    assert np.ptp(expected, axis=0).min() > 0.01
    np.testing.assert_allclose(graph_logits(tmp_path / "model.onnx", CROPS), expected, atol=1e-4)


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_a_crop_gives_the_same_bytes_alone_and_among_others(
    arch: Architecture, tmp_path: Path
) -> None:
    export_onnx(shaken_network(arch), tmp_path / "model.onnx")
    together = graph_logits(tmp_path / "model.onnx", CROPS)
    alone = [graph_logits(tmp_path / "model.onnx", crop[None]) for crop in CROPS[:3]]
    assert np.concatenate(alone).tobytes() == together[:3].tobytes()
    assert graph_logits(tmp_path / "model.onnx", CROPS[:7]).tobytes() == together[:7].tobytes()


def test_export_is_the_same_bytes_again(tmp_path: Path) -> None:
    network = shaken_network("lenet")
    for name in ("one.onnx", "other.onnx"):
        export_onnx(network, tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "other.onnx").read_bytes()


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([layers.Softmax()], "cannot export the layer"),
        ([layers.Rescaling(1.0, offset=-0.5)], "cannot export the layer"),
        ([layers.Rescaling(1.0), layers.BatchNormalization()], "normalisation"),
        ([layers.BatchNormalization(), layers.ReLU()], "inputs of the layer"),
        ([layers.Conv2D(11, 28, activation="relu")], "activation"),
        ([layers.Conv2D(11, 3, dilation_rate=2)], "this kind of convolution"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    chain: list[keras.Layer], message: str, tmp_path: Path
) -> None:
    x = crops = keras.Input((28, 28, 1), dtype="float32")
    for layer in chain:
        x = layer(x)
    with pytest.raises(ValueError, match=message):
        export_onnx(keras.Model(crops, x), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
