"""The line network: architecture and export.

It scores how upright a piece of print looks. Trained and used is the difference of the scores of a
piece and of the same piece turned by 180 degrees, which is its log-odds of being upright.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from onnx import TensorProto, helper

from formreader.preprocess.print_lines import PIECE_HEIGHT, PIECE_WIDTH
from formreader.training.onnx_graph import OnnxGraph

_FILTERS = ((16, 1), (24, 2), (32, 2), (48, 2))
"""Filters and stride of each convolution."""

_KERNEL = 3
"""Side of the convolutions' kernels."""

_BLACK = 255.0
"""Darkness of black in bytes; the network is trained with 1."""


def build_scorer() -> keras.Model:
    """The network: darkness (n, PIECE_HEIGHT, PIECE_WIDTH, 1) in 0..1 to scores (n, 1)."""
    darkness = keras.Input((PIECE_HEIGHT, PIECE_WIDTH, 1), name="darkness")
    x = darkness
    for i, (filters, stride) in enumerate(_FILTERS):
        x = layers.Conv2D(
            filters, _KERNEL, strides=stride, padding="same", activation="relu",
            kernel_initializer="he_normal", name=f"conv{i}",
        )(x)  # fmt: skip
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(darkness, layers.Dense(1, name="score")(x), name="lines")


def both_ways(scorer: keras.Model) -> keras.Model:
    """The network to train: darkness to the log-odds (n, 1) that a piece is upright."""
    darkness = keras.Input((PIECE_HEIGHT, PIECE_WIDTH, 1), name="piece")
    turned = keras.ops.flip(darkness, axis=(1, 2))
    return keras.Model(darkness, scorer(darkness) - scorer(turned), name="both_ways")


def export_scorer(scorer: keras.Model, path: Path) -> None:
    """Write a network of `build_scorer` as ONNX.

    In: `pieces` (n, PIECE_HEIGHT, PIECE_WIDTH) uint8. Out: `scores` (n, 1) float32.

    Raises:
        OSError: the file cannot be written.
    """
    graph = OnnxGraph()
    numbers = graph.add("Cast", ["pieces"], "numbers", to=TensorProto.FLOAT)
    last = graph.add("Unsqueeze", [numbers], "image", {"image.axes": np.array([1], np.int64)})
    for i, (_, stride) in enumerate(_FILTERS):
        kernel, bias = scorer.get_layer(f"conv{i}").get_weights()
        scale = _BLACK if i == 0 else 1.0
        constants = {
            f"conv{i}.kernel": (kernel / scale).transpose(3, 2, 0, 1).astype(np.float32),
            f"conv{i}.bias": bias.astype(np.float32),
        }
        sums = graph.add(
            "Conv", [last], f"conv{i}", constants, auto_pad="SAME_UPPER",
            kernel_shape=[_KERNEL, _KERNEL], strides=[stride, stride],
        )  # fmt: skip
        last = graph.add("Relu", [sums], f"relu{i}")
    mean = graph.add("ReduceMean", [last], "mean", axes=[2, 3], keepdims=0)
    kernel, bias = scorer.get_layer("score").get_weights()
    constants = {"score.kernel": kernel.astype(np.float32), "score.bias": bias.astype(np.float32)}
    graph.add("Gemm", [mean], "scores", constants)
    shape: list[str | int | None] = ["n", PIECE_HEIGHT, PIECE_WIDTH]
    pieces = helper.make_tensor_value_info("pieces", TensorProto.UINT8, shape)
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 1])
    path.write_bytes(graph.model("lines", pieces, scores).SerializeToString())
