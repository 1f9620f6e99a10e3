"""ONNX graphs of trained networks, for CPU inference.

The export uses `onnx` alone. The networks have few kinds of layers, and this way batch
normalisation is folded into the layer before it, the input is bytes without a transposition, and
no operation mixes the crops of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from formreader.core.classes import CLASSES, CROP_SIDE

Array: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.int64]

_OPSET = 17
"""ONNX operator set: of 2022, so that runtimes since then can read it."""
_IR_VERSION = 8
"""Format version that belongs to opset 17; older runtimes refuse later ones."""


@dataclass(slots=True)
class OnnxGraph:
    """An ONNX graph under construction: operations in the order of computation, and weights."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(
        self,
        kind: str,
        inputs: list[str],
        name: str,
        constants: Mapping[str, Array] | None = None,
        **attributes: Any,
    ) -> str:
        """Append an operation with `constants` as its further inputs; returns its output."""
        constants = constants or {}
        for key, value in constants.items():
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), key))
        node = helper.make_node(kind, [*inputs, *constants], [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def model(
        self, name: str, graph_input: onnx.ValueInfoProto, *outputs: onnx.ValueInfoProto
    ) -> onnx.ModelProto:
        """Make the model and check it; raises the errors of `onnx.checker` for an invalid graph."""
        model = helper.make_model(
            helper.make_graph(self.nodes, name, [graph_input], list(outputs), self.weights),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="formreader",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def following_norms(network: keras.Model) -> dict[str, layers.BatchNormalization]:
    """The normalisations of a network by the names of the tensors that they normalise."""
    return {
        layer.input.name: layer
        for layer in network.layers
        if isinstance(layer, layers.BatchNormalization)
    }


def folded_weights(
    layer: layers.Conv2D | layers.Dense, norm: layers.BatchNormalization | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Kernel (..., in, out) and bias (out,) of a layer with its normalisation folded in."""
    kernel = np.asarray(layer.kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[-1])
    if norm is None:
        return kernel, bias
    deviation = np.sqrt(np.asarray(norm.moving_variance, np.float64) + norm.epsilon)
    factor = np.asarray(norm.gamma, np.float64) / deviation
    return kernel * factor, (bias - np.asarray(norm.moving_mean)) * factor + np.asarray(norm.beta)


def export_onnx(network: keras.Model, path: Path) -> None:
    """Write a network of `build_network` as ONNX.

    `crops` (n, 28, 28) uint8 give `logits` (n, 11) and `last_features` (n, f), what the last layer
    gets. Fully connected layers become 1x1 convolutions: a matrix product may round a row
    differently beside other rows.

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
