"""`deploy/requirements-scan.txt` is enough to scan, and lists nothing else."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import formreader
from formreader.cli.serve import serve
from formreader.service.access import is_loopback

PACKAGE = Path(formreader.__file__).parent

ENTRANCES = ("formreader.cli.scan", "formreader.cli.predict", "formreader.output.results_frame")
"""What must work after an installation from the file."""

FOR_OTHERS = {
    "distributed",
    "keras",
    "openpyxl",
    "pillow_heif",
    "rapidocr",
    "tensorflow",
    "xlsxwriter",
}
"""Packages that a scan imports only with `--cluster` or `--second-reader`, on a GPU, for HEIF pages
or for Excel."""

PACKAGE_NAMES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "python_multipart": "python-multipart",
    "re2": "google-re2",
    "stdnum": "python-stdnum",
}
"""Names under which PyPI has the modules that are named otherwise there."""

NOT_NEEDED = ("keras", "matplotlib", "onnx", "scipy", "sklearn", "tensorflow")

NO_SUCH_MODULE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Missing())
"""
"""A `sitecustomize` module: Python runs it first in each process, workers included."""


@pytest.fixture
def run_hook(tmp_path: Path) -> Path:
    """A folder that hides all packages beyond scanning from a Python that has it on its path."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(NO_SUCH_MODULE.format(names=NOT_NEEDED))
    return hook


BY_RULES = {"python-stdnum"}
"""Packages that are imported only where a template has a rule that asks for them."""

CPU = ("--device", "cpu")
RunWithout = Callable[..., str]


@pytest.fixture
def run_without(tmp_path: Path) -> RunWithout:
    """Runs Python in an empty folder as if some packages were not installed."""

    def run(names: tuple[str, ...], *arguments: str | Path) -> str:
        hook = tmp_path / "hook"
        hook.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(NO_SUCH_MODULE.format(names=names))
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(hook), str(PACKAGE.parent)])},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def requirements(root: Path) -> list[str]:
    lines = (root / "deploy" / "requirements-scan.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_packages_that_are_taken_away_are_gone(run_without: RunWithout) -> None:
    program = "import importlib.util as u, sys; [u.find_spec(name) for name in sys.argv[1:]]"
    for name in NOT_NEEDED:
        with pytest.raises(AssertionError, match=f"No module named '{name}'"):
            run_without(NOT_NEEDED, "-c", program, name)


@pytest.mark.parametrize(
    "table",
    [
        "results.csv",
        pytest.param("results.jsonl", marks=pytest.mark.slow),
        pytest.param("results.parquet", marks=pytest.mark.slow),
    ],
)
def test_a_scan_needs_no_package_of_training(
    run_without: RunWithout, samples: Path, tmp_path: Path, table: str
) -> None:
    scan = ("scan", samples / "comb.png", "--workers", "1", "--out", table, *CPU)
    printed = run_without((*NOT_NEEDED, "pandas"), "-m", "formreader", *scan)
    assert printed.split() == [table, "results.html"]
    assert "<script" in (tmp_path / "results.html").read_text(encoding="utf-8")
    load = (
        "from pathlib import Path; from formreader.output.results_frame import load_results; "
        f"print(*load_results(Path({table!r}))['value'])"
    )
    assert "40719265" in run_without(NOT_NEEDED, "-c", load).split()


@pytest.mark.slow
def test_what_the_docs_call_slim_needs_no_package_of_training(
    run_without: RunWithout, samples: Path, tmp_path: Path
) -> None:
    for command in (
        ("scan", samples / "comb.png", "--workers", "1", "--out", "results.csv", *CPU),
        ("audit", "results.csv", "--sample", "2"),
        ("template", "new", samples / "comb.png", "--out", "comb", "--workers", "1"),
        ("template", "edit", "comb"),
        ("template", "check", "comb"),
    ):
        run_without(NOT_NEEDED, "-m", "formreader", *command)
    table = (tmp_path / "results.csv").read_text(encoding="utf-8")
    (tmp_path / "edited.csv").write_text(table.replace("40719265", "40719266"), encoding="utf-8")
    correct = ("correct", "edited.csv", "--to", "results.csv")
    run_without(NOT_NEEDED, "-m", "formreader", *correct)
    assert "40719266" in (tmp_path / "results.csv").read_text(encoding="utf-8")


def test_single_digits_need_no_package_of_training(run_without: RunWithout, samples: Path) -> None:
    predict = ("predict", samples / "comb.png", *CPU)
    printed = run_without((*NOT_NEEDED, "pandas"), "-m", "formreader", *predict)
    assert printed.startswith("file,digit,")


def test_the_file_lists_what_a_scan_imports(requirements: list[str]) -> None:
    listed = {name_of(line) for line in requirements}
    imported = {PACKAGE_NAMES.get(name, name) for name in packages_of(*ENTRANCES)}
    assert imported | BY_RULES == listed | FOR_OTHERS


def test_the_file_agrees_with_the_project(root: Path, requirements: list[str]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(requirements) <= set(project["dependencies"])
    assert requirements == sorted(requirements)


SERVED = ("formreader.cli.serve", *ENTRANCES)
"""What must work after an installation for the service."""

OF_FASTAPI = {"pydantic", "starlette"}
"""Packages that FastAPI brings."""


def test_the_service_needs_what_its_file_and_its_extra_list(
    root: Path, requirements: list[str]
) -> None:
    text = (root / "deploy" / "requirements-serve.txt").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert listed == project["optional-dependencies"]["serve"] == sorted(listed)
    imported = {PACKAGE_NAMES.get(name, name) for name in packages_of(*SERVED)}
    names = {name_of(line) for line in (*requirements, *listed)}
    assert imported | BY_RULES == names | FOR_OTHERS | OF_FASTAPI


def test_the_container_has_what_the_page_offers(root: Path) -> None:
    text = (root / "deploy" / "Containerfile").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert re.findall(r"'([\w-]+>=[\d.]+)'", text) == sorted(extras["excel"] + extras["heif"])


@pytest.mark.parametrize("name", ["formreader.service", "Containerfile"])
def test_the_service_is_started_with_options_that_exist(root: Path, name: str) -> None:
    text = (root / "deploy" / name).read_text(encoding="utf-8").replace("\\\n", "")
    commands = [line for line in text.splitlines() if re.search(r"\bserve\b.*--data", line)]
    assert commands
    for command in commands:
        words = re.sub(r"[\[\],\"]", " ", command.split("serve", 1)[1]).split()
        with serve.make_context("serve", words) as context:
            options = context.params
        needs_token = not is_loopback(options["host"])
        assert needs_token == (options["token_file"] is not None)


def name_of(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0]


def packages_of(*entrances: str) -> set[str]:
    """Packages of others that modules import, at their top or later, and all that these import."""
    packages, seen, waiting = set[str](), set[str](), list(entrances)
    while waiting:
        module = waiting.pop()
        if module in seen or (path := path_of(module)) is None:
            continue
        seen.add(module)
        for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
            package = name.partition(".")[0]
            if package == "formreader":
                waiting += [name, name.rpartition(".")[0]]
            elif package not in sys.stdlib_module_names:
                packages.add(package)
    return packages


def path_of(module: str) -> Path | None:
    """The file of one of our modules; None for a name in a module."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    places = (path.with_suffix(".py"), path / "__init__.py")
    return next((place for place in places if place.is_file()), None)


def imports(node: ast.AST) -> Iterator[str]:
    """Full names of all that code imports when it runs, so not for types."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from imports(child)


@pytest.mark.parametrize("command", ["train", "evaluate", "compare", "inspect", "explain"])
def test_commands_that_need_more_say_so(tmp_path: Path, command: str, run_hook: Path) -> None:
    arguments = ("digit.png",) if command == "explain" else ()
    done = subprocess.run(
        [sys.executable, "-m", "formreader", command, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(run_hook), str(PACKAGE.parent)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "keras" in done.stderr
    assert "pip install formreader" in done.stderr
    assert "a bug" not in done.stderr
