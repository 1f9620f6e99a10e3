"""A first convolution over columns as channels gives the bytes of the one that it replaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from formreader.core.classes import Crops
from formreader.core.graph_trial import GraphTrial
from formreader.core.model_folder import (
    QUICK_FILE,
    file_hashes,
    load_graph,
    model_folder,
    read_checked,
)
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise.model_card import read_card
from formreader.training import quantise
from formreader.training.quantise import quantise_digits

FILTERS = 5
CROPS: Crops = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)


def write_exact(path: Path, size: int, stride: int = 1, side: int = 28) -> None:
    """A network of two convolutions, the first with filters of `size` x `size`."""
    rng = np.random.default_rng(size)
    tensors: dict[str, npt.NDArray[np.generic]] = {
        "axis": np.array([1], np.int64),
        "factor": np.array([1 / 255], np.float32),
        "kernel": rng.normal(0, 1, (FILTERS, 1, size, size)).astype(np.float32),
        "bias": rng.normal(0, 1, FILTERS).astype(np.float32),
        "last.kernel": rng.normal(0, 1, (11, FILTERS, 1, 1)).astype(np.float32),
    }
    first: dict[str, Any] = {
        "auto_pad": "SAME_UPPER", "kernel_shape": [size, size], "strides": [stride, stride]
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["crops"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "axis"], ["maps"]),
        helper.make_node("Mul", ["maps", "factor"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "kernel", "bias"], ["sums"], name="first", **first),
        helper.make_node("Relu", ["sums"], ["ink"]),
        helper.make_node("MaxPool", ["ink"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["pooled"], ["features"]),
        helper.make_node("Conv", ["features", "last.kernel"], ["last"], name="last"),
        helper.make_node("Flatten", ["last"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", side, side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 11])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)


def quantised(folder: Path, crops: Crops) -> Path:
    quantise_digits(folder / "exact.onnx", folder / QUICK_FILE, crops)
    return folder / QUICK_FILE


def logits(path: Path, crops: Crops) -> npt.NDArray[np.float32]:
    hashes = file_hashes(path.parent, (path.name,))
    trial = GraphTrial({"crops": crops[:1]}, "logits", (1, 11))
    session = load_graph(path.parent, hashes, 1, trial, path.name)
    (found,) = session.run(["logits"], {"crops": crops})
    return np.asarray(found, np.float32)


def first_kernel(path: Path) -> tuple[int, ...]:
    """Shape of the first convolution's kernel."""
    graph = onnx.load(path).graph
    layer = next(node for node in graph.node if node.op_type == "Conv")
    maker = next(node for node in graph.node if layer.input[1] in node.output)
    return next(tuple(t.dims) for t in graph.initializer if t.name == maker.input[0])


@pytest.mark.parametrize(("size", "width"), [(1, 1), (3, 3), (5, 3), (11, 5)])
def test_the_wide_layer_gives_the_same_bytes(
    size: int, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exact(tmp_path / "exact.onnx", size)
    wide = quantised(tmp_path, CROPS)
    assert first_kernel(wide) == (4 * FILTERS, 4, size, width)
    onnx.checker.check_model(onnx.load(wide), full_check=True)
    found = logits(wide, CROPS)
    monkeypatch.setattr(quantise, "widen_first_layer", lambda model, width: None)
    narrow = quantised(tmp_path, CROPS)
    assert first_kernel(narrow) == (FILTERS, 1, size, size)
    assert found.tobytes() == logits(narrow, CROPS).tobytes()


@pytest.mark.parametrize(("size", "stride", "side"), [(3, 2, 28), (4, 1, 28), (3, 1, 30)])
def test_other_layers_stay_as_they_are(size: int, stride: int, side: int, tmp_path: Path) -> None:
    write_exact(tmp_path / "exact.onnx", size, stride, side)
    path = quantised(tmp_path, np.zeros((1, side, side), np.uint8) + CROPS[:9, :1, :1])
    assert first_kernel(path) == (FILTERS, 1, size, size)


def test_the_shipped_graph_is_wide(tmp_path: Path) -> None:
    folder = model_folder(DEFAULT_MODEL)
    content = read_checked(folder, read_card(folder).files, QUICK_FILE)
    (tmp_path / QUICK_FILE).write_bytes(content)
    assert first_kernel(tmp_path / QUICK_FILE)[1] == 4
