"""Export the trained page network as an ONNX graph for CPU inference.

In: `darkness` (height, width) uint8, with sides that are multiples of 32. Out: `maps_out`
(CHANNELS, height / 4, width / 4) float32. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from onnx import TensorProto, helper

from formreader.look.page_maps import CHANNELS
from formreader.training.export.onnx_graph import OnnxGraph, folded_weights, following_norms

_MAX_DARKNESS = 255.0
"""Darkness of black in bytes; the network is trained with 1."""


def export_page_network(network: keras.Model, path: Path) -> None:
    """Write a network of `build_page_network` as ONNX.

    Raises:
        ValueError: the network has a layer that cannot be exported.
        OSError: the file cannot be written.
    """
    graph = OnnxGraph()
    numbers = graph.add("Cast", ["darkness"], "numbers", to=TensorProto.FLOAT)
    axes = {"image.axes": np.array([0, 1], np.int64)}
    names = {network.inputs[0].name: graph.add("Unsqueeze", [numbers], "image", axes)}
    norms = following_norms(network)
    for layer in network.layers[1:]:  # after the input
        tensors = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [names[tensor.name] for tensor in tensors]
        norm = norms.get(layer.output.name)
        names[layer.output.name] = _add_layer(graph, layer, inputs, norm)
    last = names[network.outputs[0].name]
    graph.add("Squeeze", [last], "maps_out", {"maps_out.axes": np.array([0], np.int64)})
    darkness = helper.make_tensor_value_info("darkness", TensorProto.UINT8, ["height", "width"])
    maps = helper.make_tensor_value_info(
        "maps_out", TensorProto.FLOAT, [CHANNELS, "rows", "columns"]
    )
    path.write_bytes(graph.model("page", darkness, maps).SerializeToString())


def _add_layer(
    graph: OnnxGraph, layer: keras.Layer, inputs: list[str], norm: layers.BatchNormalization | None
) -> str:
    """Append a layer, with the normalisation after it folded in; returns its output."""
    match layer:
        case layers.DepthwiseConv2D() | layers.Conv2D():
            return _add_convolution(graph, layer, inputs, norm)
        case layers.BatchNormalization():
            return inputs[0]  # folded into the convolution before it
        case layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            return graph.add("Relu", inputs, layer.name)
        case layers.Add():
            return graph.add("Add", inputs, layer.name)
        case layers.UpSampling2D(size=(2, 2), interpolation="nearest"):
            scales = {f"{layer.name}.scales": np.array([1, 1, 2, 2], np.float32)}
            return graph.add(
                "Resize", [*inputs, ""], layer.name, scales, mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
        case _:
            raise ValueError(f"cannot export the layer {layer.name} ({type(layer).__name__})")


def _add_convolution(
    graph: OnnxGraph,
    layer: layers.Conv2D | layers.DepthwiseConv2D,
    inputs: list[str],
    norm: layers.BatchNormalization | None,
) -> str:
    deep = isinstance(layer, layers.DepthwiseConv2D)
    if deep:  # its kernel, (height, width, channels, 1), as one of a convolution in groups
        layer_kernel = np.asarray(layer.kernel, np.float64)[..., 0]
        scale = np.asarray(norm.gamma, np.float64) / np.sqrt(
            np.asarray(norm.moving_variance, np.float64) + norm.epsilon
        )
        kernel = (layer_kernel * scale)[:, :, None, :]
        bias = np.asarray(norm.beta) - np.asarray(norm.moving_mean) * scale
    else:
        kernel, bias = folded_weights(layer, norm)
    if inputs == ["image"]:  # the input is bytes, the network was trained on 0..1
        kernel = kernel / _MAX_DARKNESS
    constants = {
        f"{layer.name}.kernel": kernel.transpose(3, 2, 0, 1).astype(np.float32),
        f"{layer.name}.bias": bias.astype(np.float32),
    }
    return graph.add(
        "Conv", inputs, layer.name, constants, auto_pad="SAME_UPPER",
        group=kernel.shape[-1] if deep else 1,
        kernel_shape=list(layer.kernel_size), strides=list(layer.strides),
    )  # fmt: skip
