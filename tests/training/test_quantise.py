"""The graph in 8-bit integers: near the exact one, and as independent of the batch."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest

from formreader.core.classes import Crops
from formreader.core.options import Architecture
from formreader.recognise.architectures import USUAL_STAGES, NetworkConfig, build_network
from formreader.training.data.mixture import draw_digits
from formreader.training.onnx_graph import export_onnx
from formreader.training.quantise import quantise_digits

pytestmark = pytest.mark.slow

CROPS: Crops = draw_digits(300, np.random.default_rng(3)).crops


def logits(path: Path, crops: Crops) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"crops": crops})
    return np.asarray(found, np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each network its exact and its quick graph."""
    folder = tmp_path_factory.mktemp("graphs")
    for arch in USUAL_STAGES:
        export_onnx(build_network(NetworkConfig(arch), seed=5), folder / f"{arch}.onnx")
        quantise_digits(folder / f"{arch}.onnx", folder / f"{arch}.int8.onnx", CROPS[:200])
    return folder


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_quick_and_exact_logits_are_near(arch: Architecture, folder: Path) -> None:
    exact, quick = (logits(folder / f"{arch}{kind}.onnx", CROPS[200:]) for kind in ("", ".int8"))
    assert (exact != quick).any()
    assert np.abs(exact - quick).mean() < 0.05 * np.std(exact)


@pytest.mark.parametrize("arch", USUAL_STAGES)
def test_quick_logits_do_not_depend_on_the_batch(arch: Architecture, folder: Path) -> None:
    together = logits(folder / f"{arch}.int8.onnx", CROPS[:19])
    alone = [logits(folder / f"{arch}.int8.onnx", crop[None]) for crop in CROPS[:3]]
    assert np.concatenate(alone).tobytes() == together[:3].tobytes()


def test_weights_keep_clear_of_overflow(folder: Path) -> None:
    tensors = onnx.load(folder / "cnn.int8.onnx").graph.initializer
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in tensors]
    kernels = [values for values in weights if values.dtype == np.int8 and values.ndim == 4]
    assert len(kernels) == 7
    assert max(int(np.abs(values.astype(int)).max()) for values in kernels) <= 64


def test_quantising_is_silent_and_gives_the_same_bytes_again(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        quantise_digits(folder / "lenet.onnx", tmp_path / "again.onnx", CROPS[:200])
    assert caplog.messages == []
    assert (tmp_path / "again.onnx").read_bytes() == (folder / "lenet.int8.onnx").read_bytes()
