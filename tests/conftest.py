"""What tests of several rooms share: small forms, a tiny model, readings, the command line."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import formreader
from formreader.cli.main import main
from formreader.core.geometry import Box
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, ONNX_FILE, file_hashes
from formreader.core.records import DigitReading, FieldReading, ReviewField, Status, Thumbnail
from formreader.output.report.report import ReportSummary
from formreader.recognise.model_card import Card
from formreader.synth import FormSpec, render_form
from formreader.training.data.examples import Examples, mnist_path
from formreader.training.data.mixture import draw_digits

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

ROOT = Path(__file__).parents[1]

# A change that is right must not fail for an example that nobody drew before, or for one that took
# long on a busy machine: the same ones are drawn each time, without a limit.
# `pytest --hypothesis-profile=search` looks for others.
settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None)
settings.load_profile("repeat")

Complaints: TypeAlias = "Callable[[WebDriver], list[str]]"
DrawMnist = Callable[[int], Examples]
Moments = Callable[[Path], AbstractContextManager[list[Path]]]
RunProgram = Callable[..., Result]
RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No MNIST where Keras keeps it and no way to fetch it, so that no test passes only with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        # Keras fetches by https. Nothing listens here: a download fails at once.
        patch.setenv("https_proxy", "http://127.0.0.1:9")
        patch.setenv("no_proxy", "localhost,127.0.0.1,::1")
        yield


@pytest.fixture(scope="session")
def mnist() -> Path:
    """MNIST itself, `mnist.npz`, from the developers' data."""
    shared = os.environ.get("FORMREADER_SHARED")
    path = Path(shared or ".") / "digits" / "mnist.npz"
    if shared is None or not path.is_file():
        pytest.skip("needs MNIST: set FORMREADER_SHARED to a folder that holds digits/mnist.npz")
    return path


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "samples"


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose network is a single random layer: quick, sure of itself, and no use."""
    folder = tmp_path_factory.mktemp("model")
    kernel = np.random.default_rng(1).normal(0, 0.02, (11, 1, 28, 28)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["numbers", "axis"], ["maps"]),
            helper.make_node("Conv", ["maps", "kernel"], ["squares"]),
            helper.make_node("Flatten", ["squares"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 11])],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / ONNX_FILE)
    (folder / KERAS_FILE).write_bytes(b"not needed on a CPU")
    card = Card(
        name="tiny", version="1", created="2026-01-01", parameters=kernel.size, temperature=20.0,
        training={}, recipe={}, tests=(), calibration=(), files=file_hashes(folder),
    )  # fmt: skip
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def endless() -> onnx.ModelProto:
    """A graph from crops to logits that computes for years and takes hardly any memory."""
    yes = helper.make_tensor_value_info("yes", TensorProto.BOOL, [])
    sums = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("in", "out")]
    step = helper.make_tensor_value_info("step", TensorProto.INT64, [])
    nodes = [
        helper.make_node("Identity", ["yes"], ["still"]),
        helper.make_node("Abs", ["in"], ["out"]),
    ]
    still = helper.make_tensor_value_info("still", TensorProto.BOOL, [])
    body = helper.make_graph(nodes, "body", [step, yes, sums[0]], [still, sums[1]])
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Loop", ["steps", "go", "floats"], ["logits"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.array(2**60), "steps"),
            numpy_helper.from_array(np.array(True), "go"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class _Inline(Executor):
    """Runs a call at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture(scope="session")
def inline() -> Executor:
    """An executor of this process, for tests that are about what comes of a call."""
    return _Inline()


@pytest.fixture(scope="session")
def form_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small filled form."""
    page = render_form(3, FormSpec(dpi=100, width=120, height=110))
    path = tmp_path_factory.mktemp("form") / "form.png"
    Image.fromarray(page.image).save(path, dpi=(100, 100))
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser without a window, which keeps what it logs."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium with chromedriver on this machine")
    pytest.importorskip("selenium", reason="the browser tests need selenium")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1200,900",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # The path is given, so that selenium looks for no driver on a network.
    chrome = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    yield chrome
    chrome.quit()


@pytest.fixture(scope="session")
def complaints() -> Complaints:
    """Takes what a browser has logged of pages since it was asked last.

    What it logs of its own pages is left out: on a busy machine it calls its new tab slow.
    """

    def take(browser: WebDriver) -> list[str]:
        logged = [one["message"] for one in browser.get_log("browser")]  # type: ignore[no-untyped-call]
        return [message for message in logged if not message.startswith("chrome://")]

    return take


@pytest.fixture(scope="session")
def drawn_forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `forms` has, drawn once; no test may change it."""
    folder = tmp_path_factory.mktemp("drawn") / "forms"
    (folder / "more").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.jpg", "more/c.tif"), 1):
        page = render_form(seed, FormSpec(dpi=100, width=120, height=110))
        Image.fromarray(page.image).save(folder / name, dpi=(100, 100))
    return folder


@pytest.fixture
def forms(tmp_path: Path, drawn_forms: Path) -> Path:
    """A folder with three small forms, one of them in a folder of its own."""
    return shutil.copytree(drawn_forms, tmp_path / "forms")


@pytest.fixture
def program() -> RunProgram:
    """Runs the program in this process: `program("scan", folder)`."""

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, list(map(str, arguments)), prog_name="formreader")

    return run


@pytest.fixture
def process(tmp_path: Path) -> RunProcess:
    """Runs Python in a process of its own, in an empty folder, with this formreader."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        package = str(Path(formreader.__file__).parents[1])
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": package},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


BOX_SIDE = 50

MakeField = Callable[..., ReviewField]


def digit_reading(cell: str, confidence: float, column: int) -> DigitReading:
    """The reading `cell` ("0".."9", "." or "?") in the box at `column`; ok from 0.95 on."""
    box = Box(100.4 + column * BOX_SIDE, 200.0, BOX_SIDE, BOX_SIDE)
    if cell == ".":
        return DigitReading(box, None, 1.0, Status.BLANK)
    if cell == "?":
        return DigitReading(box, None, 0.0, Status.REVIEW, 3, 0.04)
    status = Status.OK if confidence >= 0.95 else Status.REVIEW
    return DigitReading(box, int(cell), confidence, status, (int(cell) + 1) % 10, 0.02)


def field_reading(cells: str, confidences: list[float]) -> FieldReading:
    pairs = enumerate(zip(cells, confidences, strict=True))
    digits = tuple(digit_reading(cell, confidence, i) for i, (cell, confidence) in pairs)
    product = float(np.prod([digit.confidence for digit in digits]))
    statuses = {digit.status for digit in digits}
    worst = next(s for s in (Status.REVIEW, Status.OK, Status.BLANK) if s in statuses)
    lowest = min(digit.confidence for digit in digits)
    return FieldReading(digits, cells.replace(".", ""), cells, product, worst, lowest=lowest)


@pytest.fixture
def moments(tmp_path_factory: pytest.TempPathFactory) -> Moments:
    """What kills would leave of a folder: a copy of it at each change of a file within `with`.

    That is quicker than to kill a process at each of these moments, and none is missed. The first
    copy is of the beginning.
    """

    @contextmanager
    def watch(folder: Path) -> Iterator[list[Path]]:
        copies, place, own = list[Path](), tmp_path_factory.mktemp("killed"), Lock()

        def keep() -> None:
            if own.acquire(blocking=False):  # not for the changes that a copy makes itself
                try:
                    copies.append(shutil.copytree(folder, place / str(len(copies))))
                finally:
                    own.release()

        def before(change: Callable[..., Any]) -> Callable[..., Any]:
            def step(path: Any, *rest: Any, **options: Any) -> Any:
                if "dir_fd" in options or Path(path).is_relative_to(folder):
                    keep()
                return change(path, *rest, **options)

            return step

        def opened(path: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            stream = open_file(path, mode, *rest, **options)
            if mode[0] in "wxa" and Path(path).is_relative_to(folder):
                keep()  # it is there, and empty
            return stream

        open_file = io.open
        with pytest.MonkeyPatch.context() as patch:
            for name in ("mkdir", "remove", "rename", "replace", "rmdir", "unlink"):
                patch.setattr(os, name, before(getattr(os, name)))
            patch.setattr(io, "open", opened)
            keep()
            yield copies

    return watch


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.tile(np.linspace(0, 255, 300, dtype=np.uint8), (110, 1))).save(
        stream, "JPEG"
    )
    return stream.getvalue()


@pytest.fixture
def make_field(jpeg: bytes) -> MakeField:
    rng = np.random.default_rng(1)

    def make(
        cells: str, confidences: list[float], file: str = "a.png", page: int = 0, number: int = 0
    ) -> ReviewField:
        sprite = io.BytesIO()
        noise = rng.integers(0, 256, (28, 28 * len(cells)), dtype=np.uint8)
        Image.fromarray(noise).save(sprite, "PNG")
        thumbnail = Thumbnail(jpeg, Box(70, 170, 300, 110), 1.0)
        reading = field_reading(cells, confidences)
        return ReviewField(file, page, number, reading, thumbnail, sprite.getvalue())

    return make


@pytest.fixture
def summary() -> ReportSummary:
    return ReportSummary(
        files=3,
        pages=4,
        fields=12,
        digits=1234,
        blank=5,
        review=6,
        failed=1,
        review_below=0.95,
        made=datetime(2026, 3, 2, 9, 5),
        version="0.1.0",
        model="digits 1",
        csv_name="results.csv",
        options=(("--rows", "field"),),
    )


@pytest.fixture
def draw_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DrawMnist:
    """Puts `n` drawn digits where Keras keeps MNIST, the first five also as its test digits."""

    def draw(n: int) -> Examples:
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        mnist_path().parent.mkdir()
        drawn = draw_digits(n, np.random.default_rng(4))
        x, y = drawn.crops, drawn.labels
        np.savez(mnist_path(), x_train=x, y_train=y, x_test=x[:5], y_test=y[:5])
        return drawn

    return draw


@pytest.fixture
def eager() -> Iterator[None]:
    """TensorFlow without tracing, which takes longer than the few steps of a test."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
