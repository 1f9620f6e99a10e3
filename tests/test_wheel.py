"""The built wheel: everything that scanning needs travels in it."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from formreader.output.report.report import SCRIPTS

pytestmark = pytest.mark.slow

MAX_MODELS = 8 * 2**20
"""Bytes: what is downloaded with each installation."""


def run(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, arguments)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (root / "models" / "digits" / "card.json").is_file():
        pytest.skip("the model has not been trained yet")
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable, "-m", "pip", "wheel", root, "--no-deps", "--no-build-isolation",
        "--wheel-dir", folder, "--quiet", "--disable-pip-version-check", cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def test_models_report_and_page_are_in_the_wheel(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    models = {name: size for name, size in sizes.items() if name.startswith("formreader/models/")}
    names = {"card.json", "model.keras", "model.onnx", "model.int8.onnx", "hand.npy"}
    assert {Path(name).name for name in models} == names
    assert sum(models.values()) < MAX_MODELS
    for name in ("report.html.j2", *SCRIPTS, "report.css"):
        assert f"formreader/output/report/{name}" in sizes
    for name in ("parts.js", "base.css", "words.en.json", "words.de.json"):
        assert f"formreader/output/web/{name}" in sizes
    page = {path.name for path in (root / "formreader" / "service" / "web").iterdir()}
    assert {"index.html.j2", "main.js", "texts.js", "style.css", "icon.svg"} < page
    assert {f"formreader/service/web/{name}" for name in page} < sizes.keys()
    for name in ("editor.html.j2", "editor.js", "editor.css"):
        assert f"formreader/template/editor/{name}" in sizes
    assert "formreader/py.typed" in sizes
    assert not any(name.startswith(("tests/", "samples/")) for name in sizes)
    assert not any(name.endswith("README.md") for name in sizes)


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    names = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    python = environment.joinpath(*names)
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
        "--quiet", "--disable-pip-version-check", wheel, cwd=folder,
    )  # fmt: skip
    # The dependencies of this environment serve the new one too, so no network is needed.
    packages = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    ours = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(packages.strip()) / "dependencies.pth").write_text("\n".join(sorted(ours)))
    place = run(python, "-c", "import formreader; print(formreader.__file__)", cwd=folder)
    assert Path(place.strip()).is_relative_to(environment)
    return python


def test_an_installed_wheel_scans(python: Path, samples: Path, tmp_path: Path) -> None:
    program = python.with_name("formreader.exe" if sys.platform == "win32" else "formreader")
    printed = run(program, "scan", samples / "comb.png", "--workers", "1", cwd=tmp_path)
    assert printed.split() == ["results.csv", "results.html"]
    assert "40719265" in (tmp_path / "results.csv").read_text(encoding="utf-8")
    assert "<script" in (tmp_path / "results.html").read_text(encoding="utf-8")


TYPED = """
from formreader import FieldReading, Reader, ScanSummary, load_results, scan

reader = Reader(model="digits", review_below=0.95)
field: FieldReading = reader.read(b"").fields[0]
reveal_type(field.value)
reveal_type(field.box.left)
summary: ScanSummary = scan(["scans/"], out="results.csv", progress=lambda event: print(event.done))
reveal_type(summary.pages)
reader.read(1)
scan(["scans/"], row="field")
"""


def test_the_installed_wheel_is_typed(python: Path, tmp_path: Path) -> None:
    """mypy finds the types of the public names, and wrong uses of them."""
    (tmp_path / "use.py").write_text(TYPED)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "use.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert re.findall(r'Revealed type is "(?:builtins\.)?(\w+)"', done.stdout) == [
        "str", "float", "int",
    ]  # fmt: skip
    errors = re.findall(r"use\.py:(\d+): error: .*\[([\w-]+)\]", done.stdout)
    assert errors == [("10", "arg-type"), ("11", "call-arg")], done.stdout + done.stderr
