"""The shipped model: runtimes agree, the batch size has no effect, damage is noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession

from formreader.core.classes import Crops
from formreader.core.errors import ModelError, UsageError
from formreader.core.model_folder import (
    KERAS_FILE,
    ONNX_FILE,
    file_hashes,
    load_graph,
    model_folder,
)
from formreader.core.options import DEFAULT_MODEL
from formreader.recognise import load_recogniser as load_recogniser_module
from formreader.recognise import runtimes
from formreader.recognise.load_recogniser import load_recogniser
from formreader.recognise.model_card import read_card
from formreader.recognise.recogniser import Recogniser, softmax
from formreader.recognise.runtimes import (
    DIGIT_TRIAL,
    MIN_QUICK_CONFIDENCE,
    KerasRecogniser,
    OnnxRecogniser,
)
from formreader.training.data.examples import Examples
from formreader.training.data.mixture import draw_digits, mixture
from formreader.training.quantise import quantise_digits


@pytest.fixture(scope="module")
def examples() -> Examples:
    """300 drawn digits and 33 non-digits, the same in every run."""
    rng = np.random.default_rng(5)
    return mixture(draw_digits(300, rng), rng, other_hands=False)


@pytest.fixture(scope="module")
def crops(examples: Examples) -> Crops:
    return examples.crops


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser(device="cpu")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, to damage."""
    return Path(shutil.copytree(model_folder(DEFAULT_MODEL), tmp_path / "copy"))


def test_probabilities_are_probabilities(recogniser: Recogniser, crops: Crops) -> None:
    probabilities = recogniser.probabilities(crops)
    assert probabilities.shape == (len(crops), 11)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_drawn_digits_are_read_and_non_digits_recognised(
    recogniser: Recogniser, examples: Examples
) -> None:
    guesses = recogniser.probabilities(examples.crops).argmax(axis=1)
    digits = examples.labels < 10
    assert (guesses == examples.labels)[digits].mean() > 0.97
    assert (guesses == examples.labels)[~digits].mean() > 0.85


@pytest.mark.parametrize("batch", [1, 7, 64, 4096])
def test_batch_size_changes_no_byte(recogniser: Recogniser, crops: Crops, batch: int) -> None:
    other = load_recogniser(device="cpu", batch=batch, threads=1)
    assert other.probabilities(crops).tobytes() == recogniser.probabilities(crops).tobytes()


@pytest.fixture(scope="module")
def quick(crops: Crops, tmp_path_factory: pytest.TempPathFactory) -> InferenceSession:
    """The shipped model's graph in 8-bit integers."""
    folder = tmp_path_factory.mktemp("quick")
    quantise_digits(model_folder(DEFAULT_MODEL) / ONNX_FILE, folder / ONNX_FILE, crops)
    return load_graph(folder, file_hashes(folder, (ONNX_FILE,)), 1, DIGIT_TRIAL)


@pytest.fixture(scope="module")
def exact(recogniser: Recogniser) -> InferenceSession:
    """The shipped model's exact graph."""
    return load_graph(model_folder(DEFAULT_MODEL), recogniser.card.files, 1, DIGIT_TRIAL)


@pytest.mark.slow
def test_keras_and_the_exported_graphs_agree(
    exact: InferenceSession, recogniser: Recogniser, crops: Crops
) -> None:
    folder, card = model_folder(DEFAULT_MODEL), recogniser.card
    expected = KerasRecogniser.load(folder, card, batch=256, device="cpu").probabilities(crops)
    for got, tolerance in (
        (OnnxRecogniser(card, exact, 64).probabilities(crops), 1e-3),
        (recogniser.probabilities(crops), 0.02),  # 8 bits where the quick graph is confident
    ):
        assert (expected.argmax(axis=1) == got.argmax(axis=1)).all()
        np.testing.assert_allclose(got, expected, atol=tolerance)


@pytest.mark.slow
def test_the_quick_graph_reads_first_and_the_exact_one_where_it_is_unsure(
    exact: InferenceSession, quick: InferenceSession, recogniser: Recogniser, crops: Crops
) -> None:
    card = recogniser.card
    both, slow, fast = (
        OnnxRecogniser(card, *graphs).probabilities(crops)
        for graphs in ((exact, 64, quick), (exact, 64), (quick, 64))
    )
    sure = fast.max(axis=1) >= MIN_QUICK_CONFIDENCE
    assert 0 < sure.sum() < len(crops)
    assert (both[sure] == fast[sure]).all()
    assert (both[~sure] == slow[~sure]).all()
    assert (fast != slow)[sure].any(axis=1).mean() > 0.5
    assert (both.argmax(axis=1) == slow.argmax(axis=1)).all()
    np.testing.assert_allclose(both, slow, atol=0.02)


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (7, 2), (4096, 1), (4096, 3)])
def test_neither_batch_nor_threads_change_a_byte_with_the_quick_graph(
    exact: InferenceSession, quick: InferenceSession, recogniser: Recogniser, crops: Crops,
    batch: int, threads: int,
) -> None:  # fmt: skip
    one, other = (
        OnnxRecogniser(recogniser.card, exact, *sizes).probabilities(crops)
        for sizes in ((64, quick, 1), (batch, quick, threads))
    )
    assert one.tobytes() == other.tobytes()


def test_no_crops_give_no_probabilities(recogniser: Recogniser) -> None:
    assert recogniser.probabilities(np.zeros((0, 28, 28), np.uint8)).shape == (0, 11)


def test_a_channel_axis_makes_no_difference(recogniser: Recogniser, crops: Crops) -> None:
    flat, deep = crops[:5], crops[:5, :, :, None]
    assert (recogniser.probabilities(flat) == recogniser.probabilities(deep)).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 28, 28), np.float32), np.zeros((28, 28), np.uint8)])
def test_crops_of_another_kind_are_refused(recogniser: Recogniser, wrong: Crops) -> None:
    with pytest.raises(ValueError, match=r"\(n, 28, 28\) uint8"):
        recogniser.probabilities(wrong)


def test_temperature_softens_without_changing_the_order() -> None:
    logits = np.array([[2.0, 0.0, 1.0]], np.float32)
    sharp, soft = softmax(logits, 0.5), softmax(logits, 2.0)
    assert sharp.argmax() == soft.argmax() == 0
    assert sharp[0, 0] > soft[0, 0]
    np.testing.assert_allclose(softmax(logits, 1.0)[0, 0], 1 / (1 + np.exp(-1) + np.exp(-2)))


def test_huge_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1e5, -1e5]], np.float32), 0.1).tolist() == [[1.0, 0.0]]


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ModelError, match="no such model"):
        load_recogniser("nonesuch")


def test_a_folder_can_be_a_model(copy: Path) -> None:
    assert load_recogniser(str(copy), device="cpu").card == read_card(copy)


def test_a_folder_of_the_same_name_does_not_hide_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / DEFAULT_MODEL).mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_recogniser(device="cpu").card.name == DEFAULT_MODEL


def test_an_altered_byte_is_noticed(copy: Path) -> None:
    content = bytearray((copy / ONNX_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / ONNX_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        load_recogniser(str(copy), device="cpu")


@pytest.mark.parametrize("name", [ONNX_FILE, KERAS_FILE])
def test_a_file_that_is_no_model_is_refused_even_with_the_right_hash(copy: Path, name: str) -> None:
    (copy / name).write_bytes(b"no model")
    card = replace(read_card(copy), files=file_hashes(copy))
    with pytest.raises(ModelError, match="cannot"):
        if name == ONNX_FILE:
            runtimes.OnnxRecogniser.load(copy, card, batch=1, threads=1)
        else:
            KerasRecogniser.load(copy, card, batch=1, device="cpu")


def test_gpu_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "has_gpu", lambda: False)
    with pytest.raises(UsageError, match="--device gpu"):
        load_recogniser(device="gpu")


def test_auto_without_a_gpu_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "has_gpu", lambda: False)
    assert load_recogniser(device="auto").device == "cpu"


def test_auto_without_tensorflow_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "has_gpu", lambda: True)
    monkeypatch.setattr(runtimes, "_has_wheel", lambda name: True)
    monkeypatch.setattr(runtimes, "is_installed", lambda name: name != "tensorflow")
    assert load_recogniser(device="auto").device == "cpu"


def test_a_gpu_without_tensorflow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "has_gpu", lambda: True)
    monkeypatch.setattr(load_recogniser_module, "is_installed", lambda name: False)
    with pytest.raises(UsageError, match=r"formreader\[gpu\]"):
        load_recogniser(device="gpu")


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--batch"):
        load_recogniser(batch=0)


def test_reading_on_the_cpu_does_not_import_tensorflow() -> None:
    code = (
        "import sys, numpy as np\n"
        "from formreader.recognise.load_recogniser import load_recogniser\n"
        "load_recogniser(device='cpu').probabilities(np.zeros((1, 28, 28), np.uint8))\n"
        "print({'tensorflow', 'keras', 'cv2', 'pandas'} & set(sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("set()", "")
