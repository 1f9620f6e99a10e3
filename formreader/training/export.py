"""A trained network as an ONNX graph for CPU inference.

Written with `onnx` alone: the network is a plain chain of a few kinds of layers, and
this way batch normalisation is folded into the convolutions, bytes go in without a
transposition, and no operation mixes the crops of a batch. The last layer is a 1x1
convolution for that reason: a matrix product may round differently when it has other
rows beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from formreader.digits.network import CLASSES, SIDE

_OPSET = 17
_IR_VERSION = 8  # the one that belongs to opset 17; older runtimes refuse later ones


@dataclass(slots=True)
class _Chain:
    """A graph without branches; `end` is the name of its last tensor so far."""

    end: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(
        self,
        kind: str,
        name: str,
        constants: dict[str, npt.NDArray[np.float32] | npt.NDArray[np.int64]] | None = None,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        """Append one operation, with `constants` as its further inputs."""
        constants = constants or {}
        for key, value in constants.items():
            self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), key))
        inputs = [self.end, *constants]
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **(attributes or {})))
        self.end = name

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "digits",
            [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", SIDE, SIDE])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(CLASSES)])],
            self.weights,
        )
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(
            graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="formreader"
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def export_onnx(network: keras.Model, path: Path) -> None:
    """Write a network of `build_network` as ONNX: `crops` (n, 28, 28) uint8, `logits` (n, 11).

    Raises:
        ValueError: the network has a layer that this export does not know.
        OSError: the file cannot be written.
    """
    chain = _Chain(end="crops")
    chain.add("Cast", "numbers", attributes={"to": TensorProto.FLOAT})
    chain.add("Unsqueeze", "maps", {"maps.axis": np.array([1], np.int64)})
    remaining = list(network.layers)
    while remaining:
        layer = remaining.pop(0)
        normalisation = None
        normalised = remaining and isinstance(remaining[0], layers.BatchNormalization)
        if normalised and isinstance(layer, layers.Conv2D):
            normalisation = remaining.pop(0)
        _add_layer(chain, layer, normalisation)
    path.write_bytes(chain.model().SerializeToString())


def _add_layer(
    chain: _Chain, layer: keras.Layer, normalisation: layers.BatchNormalization | None
) -> None:
    match layer:
        case layers.InputLayer() | layers.Dropout():
            pass
        case layers.Rescaling(scale=scale, offset=0.0):
            chain.add("Mul", layer.name, {"scale.factor": np.array([scale], np.float32)})
        case layers.Conv2D():
            _add_convolution(chain, layer, normalisation)
        case layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0):
            chain.add("Relu", layer.name)
        case layers.GlobalAveragePooling2D():
            chain.add("GlobalAveragePool", layer.name)
        case layers.Dense():
            _add_dense(chain, layer)
        case _:
            raise ValueError(f"no export for the layer {layer.name} ({type(layer).__name__})")


def _add_convolution(
    chain: _Chain, layer: layers.Conv2D, normalisation: layers.BatchNormalization | None
) -> None:
    """A convolution without bias, with the normalisation after it folded in."""
    if layer.padding != "same" or layer.use_bias or layer.groups != 1:
        raise ValueError(f"no export for this kind of convolution: {layer.name}")
    kernel = np.asarray(layer.kernel).transpose(3, 2, 0, 1)  # (out, in, height, width)
    bias = np.zeros(len(kernel), np.float32)
    if normalisation is not None:
        moving = np.asarray(normalisation.moving_variance, np.float64) + normalisation.epsilon
        factor = np.asarray(normalisation.gamma) / np.sqrt(moving)
        kernel = kernel * factor[:, None, None, None]
        bias = np.asarray(normalisation.beta) - np.asarray(normalisation.moving_mean) * factor
    chain.add(
        "Conv",
        layer.name,
        {
            f"{layer.name}.kernel": kernel.astype(np.float32),
            f"{layer.name}.bias": bias.astype(np.float32),
        },
        {
            "auto_pad": "SAME_UPPER",
            "kernel_shape": list(layer.kernel_size),
            "strides": list(layer.strides),
        },
    )


def _add_dense(chain: _Chain, layer: layers.Dense) -> None:
    kernel = np.asarray(layer.kernel, np.float32).T[:, :, None, None]  # (out, in, 1, 1)
    bias = np.asarray(layer.bias, np.float32)
    chain.add("Conv", "maps_of_logits", {"dense.kernel": kernel, "dense.bias": bias})
    chain.add("Flatten", layer.name, attributes={"axis": 1})
