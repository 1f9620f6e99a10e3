"""Build ONNX graphs, and fold batch normalisation into the layer before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import onnx
from keras import layers
from onnx import helper, numpy_helper

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
