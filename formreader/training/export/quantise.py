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
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from formreader.core.classes import Crops
from formreader.training.export.wide_layer import widen_first_layer

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
