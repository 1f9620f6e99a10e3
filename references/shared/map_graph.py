"""Export a network that makes maps of a page as an ONNX graph for CPU inference.

In: `darkness` (height, width) uint8, with sides that are multiples of 32. Out: `maps_out`
(channels, height / 4, width / 4) float32. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import layers
from onnx import TensorProto, helper

from formreader.training.onnx_graph import OnnxGraph, folded_weights, following_norms

_MAX_DARKNESS = 255.0
"""Darkness of black in bytes; the network is trained with 1."""


def export_maps(network: keras.Model, path: Path) -> None:
    """Write a U-Net as ONNX: from darkness (n, height, width, 1) in 0..1 to maps.

    Raises:
        ValueError: the network has a layer that cannot be exported.
        OSError: the file cannot be written.
    """
    graph = OnnxGraph()
    numbers = graph.add("Cast", ["darkness"], "numbers", to=TensorProto.FLOAT)
    axes = {"image.axes": np.array([0, 1], np.int64)}
    names = {network.inputs[0].name: graph.add("Unsqueeze", [numbers], "image", axes)}
    norms = following_norms(network)
    grouped = any(isinstance(layer, layers.DepthwiseConv2D) for layer in network.layers)
    for layer in network.layers[1:]:  # after the input
        tensors = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [names[tensor.name] for tensor in tensors]
        norm = norms.get(layer.output.name)
        names[layer.output.name] = add_layer(graph, layer, inputs, norm, grouped)
    last = names[network.outputs[0].name]
    graph.add("Squeeze", [last], "maps_out", {"maps_out.axes": np.array([0], np.int64)})
    darkness = helper.make_tensor_value_info("darkness", TensorProto.UINT8, ["height", "width"])
    maps = helper.make_tensor_value_info(
        "maps_out", TensorProto.FLOAT, [network.output_shape[-1], "rows", "columns"]
    )
    path.write_bytes(graph.model(network.name, darkness, maps).SerializeToString())


def add_layer(
    graph: OnnxGraph,
    layer: keras.Layer,
    inputs: list[str],
    norm: layers.BatchNormalization | None,
    grouped: bool = False,
) -> str:
    """Append a layer, with the normalisation after it folded in; returns its output.

    A convolution of `image`, which is bytes, becomes what it was with 0..1. `grouped`: the network
    has depthwise convolutions, so that all name their groups.

    Raises:
        ValueError: it cannot be exported.
    """
    match layer:
        case layers.DepthwiseConv2D(depth_multiplier=1) if norm and _keeps_size(layer):
            return _add_depthwise(graph, layer, inputs, norm)
        case layers.Conv2D(groups=1, dilation_rate=(1, 1)) if _keeps_size(layer):
            return _add_convolution(graph, layer, inputs, norm, grouped)
        case layers.BatchNormalization():
            return inputs[0]  # folded into the convolution before it
        case layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            return graph.add("Relu", inputs, layer.name)
        case layers.Add():
            return graph.add("Add", inputs, layer.name)
        case layers.Concatenate(axis=-1):
            return graph.add("Concat", inputs, layer.name, axis=1)
        case layers.UpSampling2D(size=(2, 2), interpolation="nearest"):
            scales = {f"{layer.name}.scales": np.array([1, 1, 2, 2], np.float32)}
            return graph.add(
                "Resize", [*inputs, ""], layer.name, scales, mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
        case _:
            raise ValueError(f"cannot export the layer {layer.name} ({type(layer).__name__})")


def _keeps_size(layer: layers.Conv2D | layers.DepthwiseConv2D) -> bool:
    """Whether a convolution with stride 1 has an output as large as its input."""
    return bool(layer.padding == "same" or layer.kernel_size == (1, 1))


def _add_depthwise(
    graph: OnnxGraph,
    layer: layers.DepthwiseConv2D,
    inputs: list[str],
    norm: layers.BatchNormalization,
) -> str:
    """Its kernel, (height, width, channels, 1), becomes one of a convolution in groups."""
    scale = np.asarray(norm.gamma, np.float64) / np.sqrt(
        np.asarray(norm.moving_variance, np.float64) + norm.epsilon
    )
    kernel = (np.asarray(layer.kernel, np.float64)[..., 0] * scale)[:, :, None, :]
    bias = np.asarray(norm.beta) - np.asarray(norm.moving_mean) * scale
    return _add(graph, layer, inputs, kernel, bias, {"group": kernel.shape[-1]})


def _add_convolution(
    graph: OnnxGraph,
    layer: layers.Conv2D,
    inputs: list[str],
    norm: layers.BatchNormalization | None,
    grouped: bool,
) -> str:
    kernel, bias = folded_weights(layer, norm)
    if inputs == ["image"]:  # the input is bytes, the network was trained on 0..1
        kernel = kernel / _MAX_DARKNESS
    return _add(graph, layer, inputs, kernel, bias, {"group": 1} if grouped else {})


def _add(
    graph: OnnxGraph,
    layer: layers.Conv2D | layers.DepthwiseConv2D,
    inputs: list[str],
    kernel: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64],
    groups: dict[str, int],
) -> str:
    constants = {
        f"{layer.name}.kernel": kernel.transpose(3, 2, 0, 1).astype(np.float32),
        f"{layer.name}.bias": bias.astype(np.float32),
    }
    return graph.add(
        "Conv", inputs, layer.name, constants, auto_pad="SAME_UPPER", **groups,
        kernel_shape=list(layer.kernel_size), strides=list(layer.strides),
    )  # fmt: skip
