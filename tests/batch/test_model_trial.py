"""Models of users are tried before they are used: wrong cards and graphs are exit code 5."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper

from formreader.batch import network_cards
from formreader.core.errors import ExitCode, ModelError
from formreader.core.model_folder import (
    BOX_MODEL,
    CARD_FILE,
    INK_MODEL,
    LINE_MODEL,
    NUMBER_MODEL,
    ONNX_FILE,
    QUICK_FILE,
    GraphTrial,
    file_hashes,
    load_graph,
    model_folder,
)
from formreader.detect.box_network import BoxNetwork
from formreader.look.ink_network import InkNetwork
from formreader.preprocess.print_direction import LineNetwork
from formreader.recognise.number_reader import NumberReader
from formreader.recognise.runtimes import DIGIT_TRIAL


def graph(
    *nodes: onnx.NodeProto,
    given: str = "crops",
    kind: int = TensorProto.UINT8,
    shape: tuple[str | int, ...] = ("n", 28, 28),
    output: str = "logits",
    weights: tuple[Any, ...] = (),
) -> onnx.ModelProto:
    parts = helper.make_graph(
        nodes,
        "wrong",
        [helper.make_tensor_value_info(given, kind, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [w if isinstance(w, TensorProto) else numpy_helper.from_array(*w) for w in weights],
    )
    return helper.make_model(parts, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(kind: str, given: str, output: str = "logits", **settings: Any) -> onnx.NodeProto:
    return helper.make_node(kind, given.split(), [output], **settings)


FLOATS = node("Cast", "crops", "floats", to=TensorProto.FLOAT)
LARGE = (np.array([2**36], np.int64), "large")


def outside(location: str) -> onnx.ModelProto:
    """A graph whose weights are in another file."""
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    return graph(FLOATS, node("Add", "floats w"), weights=(weights,))


WRONG: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "shape": (lambda: graph(FLOATS, node("Flatten", "floats")), r"the shape \(1, 784\), not"),
    "type": (lambda: graph(node("Identity", "crops")), "cannot run the graph"),
    "input": (lambda: graph(node("Cast", "x", to=TensorProto.FLOAT), given="x"), "crops"),
    "output": (lambda: graph(FLOATS, node("Identity", "floats", "x"), output="x"), "logits"),
    "text": (
        lambda: graph(FLOATS, node("Identity", "floats"), kind=TensorProto.FLOAT),
        "expected: .tensor.float",
    ),
    "size": (lambda: graph(FLOATS, node("Identity", "floats"), shape=("n", 3)), "rank"),
    "nan": (
        lambda: graph(
            FLOATS, node("Flatten", "floats", "flat"), node("Slice", "flat a b axis", "few"),
            node("Log", "few"), weights=(
                (np.array([0]), "a"), (np.array([11]), "b"), (np.array([1]), "axis"),
            ),
        ),
        "not finite",
    ),
    "file": (lambda: outside("weights.bin"), "cannot run the graph"),
    "file above": (lambda: outside("../weights.bin"), "cannot run the graph"),
    "file anywhere": (lambda: outside("/etc/hostname"), "cannot run the graph"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_graph_that_is_no_network_of_digits_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, reason = WRONG[kind]
    folder = tmp_path / "model"
    folder.mkdir()
    monkeypatch.chdir(folder)  # from where relative names lead to files that are there
    for place in (folder, tmp_path):
        (place / "weights.bin").write_bytes(bytes(4))
    onnx.save(make(), folder / ONNX_FILE)
    with pytest.raises(ModelError, match=reason) as caught:
        load_graph(folder, file_hashes(folder, (ONNX_FILE,)), 1, DIGIT_TRIAL)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 700


def test_a_network_that_does_not_end_is_stopped(tmp_path: Path, endless: onnx.ModelProto) -> None:
    onnx.save(endless, tmp_path / ONNX_FILE)
    trial = GraphTrial(DIGIT_TRIAL.inputs, DIGIT_TRIAL.output, DIGIT_TRIAL.shape, seconds=0.2)
    with pytest.raises(ModelError, match=r"it takes more than 0.2 s"):
        load_graph(tmp_path, file_hashes(tmp_path, (ONNX_FILE,)), 1, trial)


@pytest.fixture
def own(tmp_path: Path, tiny_model: Path) -> Path:
    """A copy of a small model, to damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "own"))


def replace_graph(folder: Path, model: onnx.ModelProto) -> None:
    """Put another graph into a model folder whose card knows it."""
    onnx.save(model, folder / ONNX_FILE)
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps(card | {"files": file_hashes(folder)}))


@pytest.mark.slow
def test_a_graph_that_takes_all_memory_or_time_costs_a_process_and_no_more(
    program: Callable[..., Result],
    own: Path,
    form_png: Path,
    endless: onnx.ModelProto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = node("ConstantOfShape", "large", "zeros")
    folded = graph(large, node("ReduceSum", "zeros", "sum"), FLOATS, node("Add", "floats sum"),
                   weights=(LARGE,))  # fmt: skip
    replace_graph(own, folded)
    monkeypatch.setattr(network_cards, "worker_memory", lambda _: 2**29)
    done = program("predict", form_png, "--model", own)
    assert done.exit_code == ExitCode.MODEL
    assert "memory" in done.stderr or "allocate" in done.stderr
    replace_graph(own, endless)
    monkeypatch.setattr(network_cards, "_MAX_LOADING_SECONDS", 2.0)
    done = program("scan", form_png, "--out", own.parent / "r.csv", "--model", own)
    assert done.exit_code == ExitCode.MODEL
    assert "loading the model takes more than 2 s" in done.stderr
    assert not (own.parent / "r.csv").exists()


CARDS = {
    "surrogate": '"name": "\\ud800"',
    "levels": '"training": ' + "[" * 100_000 + "]" * 100_000,
    "digits": '"parameters": 1' + "0" * 10_000,
    "float": '"temperature": 1e999',
    "nan": '"temperature": NaN',
    "large": '"calibration": [{"threshold": 0, "n": 1' + "0" * 400 + ', "accepted": 1}]',
    "text": '"parameters": "many"',
    "list": '"training": []',
}


@pytest.mark.parametrize("kind", CARDS)
def test_a_hostile_card_is_refused(
    program: Callable[..., Result], own: Path, form_png: Path, kind: str
) -> None:
    text = (own / CARD_FILE).read_text()
    (own / CARD_FILE).write_text(text.rstrip().removesuffix("}") + ", " + CARDS[kind] + "}")
    done = program("predict", form_png, "--model", own)
    assert done.exit_code == ExitCode.MODEL
    assert str(own / CARD_FILE) in done.stderr
    assert len(done.stderr) < 1000


LOADERS = {
    BOX_MODEL: (BoxNetwork.load, "decisions", ONNX_FILE),
    INK_MODEL: (InkNetwork.load, "files", ONNX_FILE),
    LINE_MODEL: (LineNetwork.load, "scale", ONNX_FILE),
    NUMBER_MODEL: (NumberReader.load, "confidence", QUICK_FILE),
}


@pytest.mark.parametrize("name", LOADERS)
def test_the_other_networks_are_as_strict(tmp_path: Path, tiny_model: Path, name: str) -> None:
    load, key, graph = LOADERS[name]
    folder = Path(shutil.copytree(model_folder(name), tmp_path / name))
    card = json.loads((folder / CARD_FILE).read_text())
    for wrong in (float("nan"), [[]], "\ud800"):
        (folder / CARD_FILE).write_text(json.dumps(card | {key: wrong}))
        with pytest.raises(ModelError, match="model card"):
            load(folder)
    shutil.copy(tiny_model / ONNX_FILE, folder / graph)
    (folder / CARD_FILE).write_text(json.dumps(card | {"files": file_hashes(folder, (graph,))}))
    with pytest.raises(ModelError, match="not one that formreader can use"):
        load(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such files")
@pytest.mark.parametrize("name", [CARD_FILE, ONNX_FILE])
def test_a_pipe_is_no_model_file(
    program: Callable[..., Result], own: Path, form_png: Path, name: str
) -> None:
    (own / name).unlink()
    os.mkfifo(own / name)
    done = program("predict", form_png, "--model", own)
    assert done.exit_code == ExitCode.MODEL
    assert "it is not a file" in done.stderr
