"""Imports point down only, and siblings do not know one another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import formreader

PACKAGE = Path(formreader.__file__).parent

LAYERS: tuple[tuple[str, ...], ...] = (
    ("", "errors", "types"),
    ("places", "pyramid"),
    ("options", "remote"),
    ("keras_start", "model_files"),
    ("digits", "forms", "results"),
    ("surroundings", "worker_process"),
    ("page_work", "process_executor", "debug", "inputs", "page_log"),
    ("page_pool", "plan", "recognition", "outputs"),
    ("cluster", "job", "page_counter"),
    ("pipeline", "single_images"),
    ("training",),
    ("progress",),
    ("stop_signals",),
    ("program", "command_options"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
"""Rooms and modules from the ground up; "" is the package itself."""

LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
HEAVY = {
    "cv2", "distributed", "fsspec", "keras", "onnx", "onnxruntime", "pandas", "pyarrow",
    "tensorflow",
}  # fmt: skip
LIGHT = (
    "__init__", "__main__", "cli", "command_options", "errors", "options", "places", "program",
    "progress", "stop_signals", "types",
)  # fmt: skip

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """The first name below the package: a room, or a module of its own."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removesuffix("__init__")


def imports(nodes: list[ast.stmt] | ast.AST) -> set[str]:
    """Full names of all modules that code imports."""
    found = set[str]()
    trees = nodes if isinstance(nodes, list) else [nodes]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] != "formreader":
            continue
        other = parts[1] if len(parts) > 1 else ""
        if other.startswith("__version__"):
            other = ""
        assert other == room or LEVEL[other] < LEVEL[room], f"{room} imports {name}"


@pytest.mark.parametrize("name", LIGHT)
def test_the_ground_and_the_command_line_import_nothing_heavy(name: str) -> None:
    tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert HEAVY.isdisjoint(module.split(".")[0] for module in imports(list[ast.stmt](top)))


def test_only_the_finder_of_forms_and_the_makers_of_pictures_know_opencv() -> None:
    users = {
        room_of(path)
        for path in MODULES
        if any(name.split(".")[0] == "cv2" for name in imports(ast.parse(path.read_text("utf-8"))))
    }
    assert users <= {
        *("debug", "digits", "forms", "page_work", "pyramid", "surroundings", "training")
    }
