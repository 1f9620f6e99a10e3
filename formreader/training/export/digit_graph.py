"""A trained network as an ONNX graph for CPU inference.

The export uses `onnx` alone. The networks have few kinds of layers, and this way batch
normalisation is folded into the layer before it, the input is bytes without a transposition, and
no operation mixes the crops of a batch. Fully connected layers therefore become 1x1 convolutions:
a matrix product may round a row differently beside other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import layers
from onnx import TensorProto, helper

from formreader.core.classes import CLASSES, CROP_SIDE
from formreader.training.export.onnx_graph import OnnxGraph, folded_weights, following_norms


def export_onnx(network: keras.Model, path: Path) -> None:
    """Write a network of `build_network` as ONNX.

    `crops` (n, 28, 28) uint8 give `logits` (n, 11) and `last_features` (n, f), what the last layer
    gets.

    Raises:
        ValueError: the network has a layer that cannot be exported.
        OSError: the file cannot be written.
    """
    graph = OnnxGraph()
    numbers = graph.add("Cast", ["crops"], "numbers", to=TensorProto.FLOAT)
    axis = {"maps.axis": np.array([1], np.int64)}
    names = {network.inputs[0].name: graph.add("Unsqueeze", [numbers], "maps", axis)}
    norms = following_norms(network)
    for layer in network.layers[1:]:  # after the input
        if isinstance(layer, layers.BatchNormalization):
            continue  # folded into the layer before it
        norm = norms.get(layer.output.name)
        end = layer if norm is None else norm
        names[end.output.name] = _add_layer(graph, layer, _inputs_of(layer, names), norm)
    graph.add("Flatten", [names[network.outputs[0].name]], "logits", axis=1)
    last = network.layers[-1].input
    graph.add("Flatten", [names[last.name]], "last_features", axis=1)
    model = graph.model(
        "digits",
        helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", CROP_SIDE, CROP_SIDE]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(CLASSES)]),
        helper.make_tensor_value_info("last_features", TensorProto.FLOAT, ["n", last.shape[-1]]),
    )
    path.write_bytes(model.SerializeToString())


def _inputs_of(layer: keras.Layer, names: Mapping[str, str]) -> list[str]:
    """Names in the graph of a layer's inputs."""
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    missing = [tensor.name for tensor in tensors if tensor.name not in names]
    if missing:  # outputs before a folded normalisation do not exist in the graph
        raise ValueError(f"cannot export the inputs of the layer {layer.name}: {missing}")
    return [names[tensor.name] for tensor in tensors]


def _add_layer(
    graph: OnnxGraph, layer: keras.Layer, inputs: list[str], norm: layers.BatchNormalization | None
) -> str:
    """Append a layer, with the normalisation after it folded in; returns its output.

    All tensors are maps (n, channels, height, width); after flattening height and width are 1.
    """
    match layer:
        case layers.Conv2D() | layers.Dense():
            return _add_convolution(graph, layer, inputs, norm)
        case _ if norm is not None:
            raise ValueError(f"cannot export the normalisation {norm.name} after {layer.name}")
        case layers.Rescaling(scale=scale, offset=0.0):
            factor = {f"{layer.name}.factor": np.array([scale], np.float32)}
            return graph.add("Mul", inputs, layer.name, factor)
        case layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            return graph.add("Relu", inputs, layer.name)
        case layers.Add():
            return graph.add("Add", inputs, layer.name)
        case layers.AveragePooling2D(padding="valid", pool_size=size, strides=strides):
            return graph.add(
                "AveragePool", inputs, layer.name, kernel_shape=list(size), strides=list(strides)
            )
        case layers.GlobalAveragePooling2D():
            return graph.add("GlobalAveragePool", inputs, layer.name)
        case layers.Flatten():
            return _add_flattening(graph, layer.name, inputs)
        case layers.Dropout():
            return inputs[0]
        case _:
            raise ValueError(f"cannot export the layer {layer.name} ({type(layer).__name__})")


def _add_flattening(graph: OnnxGraph, name: str, inputs: list[str]) -> str:
    """Append the reshaping of all values of the maps to channels, in the order of Keras."""
    rows = graph.add("Transpose", inputs, f"{name}.rows", perm=[0, 2, 3, 1])
    shape = {f"{name}.shape": np.array([0, -1, 1, 1], np.int64)}  # 0 keeps the batch axis
    return graph.add("Reshape", [rows], name, shape)


def _add_convolution(
    graph: OnnxGraph,
    layer: layers.Conv2D | layers.Dense,
    inputs: list[str],
    norm: layers.BatchNormalization | None,
) -> str:
    """Append a convolution, or a fully connected layer as one."""
    if layer.activation is not keras.activations.linear:
        raise ValueError(f"cannot export the activation in the layer {layer.name}")
    kernel, bias = folded_weights(layer, norm)
    settings = {"auto_pad": "VALID", "strides": [1, 1]}
    if isinstance(layer, layers.Dense):
        kernel = kernel[None, None]
    elif layer.groups == 1 and layer.dilation_rate == (1, 1):
        padding = {"same": "SAME_UPPER", "valid": "VALID"}[layer.padding]
        settings = {"auto_pad": padding, "strides": list(layer.strides)}
    else:
        raise ValueError(f"cannot export this kind of convolution: {layer.name}")
    constants = {
        f"{layer.name}.kernel": kernel.transpose(3, 2, 0, 1).astype(np.float32),
        f"{layer.name}.bias": bias.astype(np.float32),
    }
    size = list(kernel.shape[:2])
    return graph.add("Conv", inputs, f"{layer.name}.maps", constants, kernel_shape=size, **settings)
