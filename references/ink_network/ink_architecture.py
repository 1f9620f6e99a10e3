"""The ink network: architecture and export."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from onnx import TensorProto, helper

from formreader.look.ink_parts import PATCH_SHAPE
from formreader.training.onnx_graph import OnnxGraph
from shared.convolution import convolution

_LAYERS = ((16, 2), (32, 2), (48, 2), (64, 2), (96, 1))
"""Channels and stride of each convolution."""
_KERNEL = 3
_HIDDEN = 32
"""Outputs of the layer before the last."""
_DROPOUT = 0.3
_BRIGHT = 255.0
"""Largest number in a patch; the network is trained with 1."""


def build_ink_network() -> keras.Model:
    """The network: patches (n, *PATCH_SHAPE, 2) in 0..1 to log odds (n, 1)."""
    patches = keras.Input((*PATCH_SHAPE, 2), name="patches")
    x = patches
    for i, (width, stride) in enumerate(_LAYERS):
        x = convolution(x, width, f"conv{i}", _KERNEL, stride)
    # Channels first, as in the graph.
    x = layers.Flatten(name="flat")(layers.Permute((3, 1, 2), name="turned")(x))
    x = layers.Dropout(_DROPOUT, name="dropout")(x)
    x = layers.Dense(_HIDDEN, activation="relu", name="hidden")(x)
    return keras.Model(patches, layers.Dense(1, name="logit", dtype="float32")(x), name="ink")


def export_ink_network(network: keras.Model, path: Path) -> None:
    """Write a network of `build_ink_network` as ONNX.

    In: `patches` (n, 2, *PATCH_SHAPE) uint8. Out: `logits` (n, 1) float32.

    Raises:
        OSError: the file cannot be written.
    """
    graph = OnnxGraph()
    last = graph.add("Cast", ["patches"], "numbers", to=TensorProto.FLOAT)
    for i, (_, stride) in enumerate(_LAYERS):
        (kernel,) = network.get_layer(f"conv{i}").get_weights()
        norm = network.get_layer(f"conv{i}.norm")
        gamma, beta, mean, variance = norm.get_weights()
        factor = gamma / np.sqrt(variance + norm.epsilon)
        scale = _BRIGHT if i == 0 else 1.0
        constants = {
            f"conv{i}.kernel": (kernel * factor / scale).transpose(3, 2, 0, 1).astype(np.float32),
            f"conv{i}.bias": (beta - mean * factor).astype(np.float32),
        }
        sums = graph.add(
            "Conv", [last], f"conv{i}", constants, auto_pad="SAME_UPPER",
            kernel_shape=[_KERNEL, _KERNEL], strides=[stride, stride],
        )  # fmt: skip
        last = graph.add("Relu", [sums], f"relu{i}")
    flat = graph.add("Flatten", [last], "flat")
    hidden = graph.add("Gemm", [flat], "hidden", _dense(network, "hidden"))
    graph.add("Gemm", [graph.add("Relu", [hidden], "seen")], "logits", _dense(network, "logit"))
    shape: list[str | int | None] = ["n", 2, *PATCH_SHAPE]
    patches = helper.make_tensor_value_info("patches", TensorProto.UINT8, shape)
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1])
    path.write_bytes(graph.model("ink", patches, logits).SerializeToString())


def _dense(network: keras.Model, name: str) -> dict[str, npt.NDArray[np.float32]]:
    kernel, bias = network.get_layer(name).get_weights()
    return {f"{name}.kernel": kernel.astype(np.float32), f"{name}.bias": bias.astype(np.float32)}
