"""Quantise exported graphs to 8-bit integers: nearly as exact, 2 to 3 times as fast on CPUs.

Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (2018): weights have a scale for each output channel,
activations one for each tensor, taken from their range on some crops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from formreader.core.classes import Crops

Sample: TypeAlias = Mapping[str, npt.NDArray[np.uint8]]
"""The inputs of a graph, by name."""

_CROPS_AT_A_TIME = 256
"""Crops whose activations are in memory at a time."""

_PREPARED = onnx.StringStringEntryProto(key="onnx.quant.pre_process", value="onnxruntime.quant")
"""Tells the quantiser that nothing is left to fold; it would warn otherwise."""


def quantise_digits(exact: Path, quick: Path, crops: Crops) -> None:
    """Write the graph `exact` of `export_onnx` in 8-bit integers as `quick`.

    Args:
        exact: the graph to begin with.
        quick: the file to write.
        crops: (n, 28, 28) uint8, some hundred typical crops.

    Raises:
        OSError: a file cannot be read or written.
    """
    starts = range(0, len(crops), _CROPS_AT_A_TIME)
    quantise_graph(exact, quick, ({"crops": crops[i : i + _CROPS_AT_A_TIME]} for i in starts))
    quantised = onnx.load(quick)
    widen_first_layer(quantised, width=crops.shape[2])
    onnx.save(quantised, quick)


def quantise_graph(
    exact: Path, quick: Path, samples: Iterable[Sample], *, first_exact: bool = False
) -> None:
    """Write a graph of convolutions in 8-bit integers.

    Weights get 7 bits: on CPUs without instructions for 8-bit dot products (most before 2020)
    the sum of two 8-bit products could overflow, and results would differ between machines.
    The last layer stays exact: logits in steps of a 255th of their range would be too coarse.

    Args:
        exact: the graph to begin with.
        quick: the file to write.
        samples: typical inputs, which tell the ranges of the activations.
        first_exact: whether the first layer stays exact as well. With a single channel it gains
            nothing from integers unless it can be widened.

    Raises:
        OSError: a file cannot be read or written.
    """
    model = onnx.load(exact)
    model.metadata_props.append(_PREPARED)
    layers = [node.name for node in model.graph.node if node.op_type == "Conv"]
    quantize_static(
        model,
        quick,
        _Samples(samples),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[*layers[:1], layers[-1]] if first_exact else layers[-1:],
    )


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    """Gives the quantiser the inputs one after the other."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> Sample | None:
        return next(self._samples, None)


_COLUMNS_FOLDED = 4
"""Columns that become channels. Measured with the network of version 2.0: the layer took 15 us a
crop with 4, 38 with 2, 30 with 7, and 60 without folding."""


def widen_first_layer(model: onnx.ModelProto, width: int) -> None:
    """Fold columns of the crops into channels for the first convolution of a graph, in place.

    The output is the same, four times as fast. A kernel on a single channel has so few weights that
    it leaves most of the CPU's integer dot product unused, and its input is gathered byte by byte.
    So k = `_COLUMNS_FOLDED` neighbouring columns become channels: maps (n, 1, h, w) are seen as
    (n, k, h, w / k), and there are k copies of each filter, one for each of the k columns that it
    computes. Most of their weights are zero, but sums of integers are exact. The runtime stores the
    channels of quantised maps last, so neither view moves a byte.

    The graph stays unchanged unless its first convolution has one input channel, stride 1 and
    padding on all sides, and the width is a multiple of four.

    Args:
        model: the output of `quantize_static`, with pairs of QuantizeLinear and DequantizeLinear
            around each layer.
        width: width of the crops in pixels.
    """
    graph = model.graph
    layer = next((node for node in graph.node if node.op_type == "Conv"), None)
    if layer is None or width % _COLUMNS_FOLDED or not _can_be_widened(graph, layer):
        return
    maps, kernel, bias = (_maker(graph, name) for name in layer.input)
    narrow = _value(graph, kernel.input[0])
    filters, _, height, _ = narrow.shape
    wide = _wide_kernel(narrow)
    _set_value(graph, kernel.input[0], wide)
    for name in (*kernel.input[1:], *bias.input):  # one value a filter
        _set_value(graph, name, np.tile(_value(graph, name), _COLUMNS_FOLDED))
    for attribute in layer.attribute:
        if attribute.name == "kernel_shape":
            attribute.ints[:] = [height, wide.shape[3]]
    (quantised,) = _users(graph, layer.output[0])
    _view_after(graph, _maker(graph, maps.input[0]), (width // _COLUMNS_FOLDED, _COLUMNS_FOLDED))
    _view_after(graph, quantised, (width, filters))
    del graph.value_info[:]  # the quantiser's notes of shapes, some of which changed


def _can_be_widened(graph: onnx.GraphProto, layer: onnx.NodeProto) -> bool:
    """Whether a convolution has the only form that `widen_first_layer` can widen."""
    settings = {a.name: helper.get_attribute_value(a) for a in layer.attribute}
    makers = [node for name in layer.input for node in graph.node if name in node.output]
    users = _users(graph, layer.output[0])
    if len(makers) != 3 or {node.op_type for node in makers} != {"DequantizeLinear"}:
        return False
    if [node.op_type for node in users] != ["QuantizeLinear"]:
        return False
    _, channels, _, width = _value(graph, makers[1].input[0]).shape
    same = settings.get("auto_pad") == b"SAME_UPPER" and settings.get("strides") == [1, 1]
    return same and channels == 1 and width % 2 == 1


def _wide_kernel(kernel: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Rearrange a kernel (filters, 1, h, w) for columns as channels: (4 * filters, 4, h, w').

    Filter f for column c of four becomes filter `c * filters + f`.
    """
    filters, _, height, width = kernel.shape
    reach = -(-(width // 2) // _COLUMNS_FOLDED)  # groups of columns to either side
    shape = (_COLUMNS_FOLDED, filters, _COLUMNS_FOLDED, height, 2 * reach + 1)
    wide = np.zeros(shape, kernel.dtype)
    for column in range(_COLUMNS_FOLDED):
        for x in range(width):
            group, channel = divmod(column + x - width // 2, _COLUMNS_FOLDED)
            wide[column, :, channel, :, reach + group] = kernel[:, 0, :, x]
    return wide.reshape(-1, *shape[2:])


def _view_after(graph: onnx.GraphProto, node: onnx.NodeProto, shape: tuple[int, int]) -> None:
    """Reshape each row of a node's output maps to `shape`, (columns, channels)."""
    name = node.output[0]
    before, rows, view, columns = (f"{name}.{part}" for part in ("before", "rows", "view", "shape"))
    node.output[0] = before
    # 0 keeps the batch axis and the rows.
    graph.initializer.append(numpy_helper.from_array(np.array([0, 0, *shape], np.int64), columns))
    steps = [
        helper.make_node("Transpose", [before], [rows], name=rows, perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", [rows, columns], [view], name=view),
        helper.make_node("Transpose", [view], [name], name=name, perm=[0, 3, 1, 2]),
    ]
    place = list(graph.node).index(node) + 1
    for offset, step in enumerate(steps):
        graph.node.insert(place + offset, step)


def _maker(graph: onnx.GraphProto, name: str) -> onnx.NodeProto:
    """The operation with the output `name`."""
    maker: onnx.NodeProto = next(node for node in graph.node if name in node.output)
    return maker


def _users(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    return [node for node in graph.node if name in node.input]


def _constant(graph: onnx.GraphProto, name: str) -> onnx.TensorProto:
    constant: onnx.TensorProto = next(t for t in graph.initializer if t.name == name)
    return constant


def _value(graph: onnx.GraphProto, name: str) -> npt.NDArray[np.int8]:
    return np.asarray(numpy_helper.to_array(_constant(graph, name)))


def _set_value(graph: onnx.GraphProto, name: str, value: npt.NDArray[np.int8]) -> None:
    _constant(graph, name).CopyFrom(numpy_helper.from_array(value, name))
