"""The map of the house: imports point down only, and rooms of one floor do not know one another.

`references/`, the trainings that no command runs, stand on top of it.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import formreader

PACKAGE = Path(formreader.__file__).parent
REFERENCES = Path(__file__).parents[1] / "references"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("input", "preprocess", "crop", "store", "synth", "output", "rules"),
    ("detect",),
    ("look",),
    ("recognise", "template"),
    ("reading", "review"),
    ("batch",),
    ("training", "api", "service"),
    ("",),
    ("cli",),
    ("__main__",),
)
"""Rooms from the ground up; "" is the package's own `__init__`: the door for programs."""

TRAINING_FLOORS: tuple[tuple[str, ...], ...] = (
    ("augment", "onnx_graph", "quantise"),
    ("data",),
    ("fit",),
    ("evaluate",),
    ("write_model", "time_plan"),
    ("train_model",),
    ("improve_model",),
)
"""The same within `training`."""

REFERENCES_FLOORS: tuple[tuple[str, ...], ...] = (
    ("shared",),
    ("box_network", "add_hand", "clean_strokes"),
    ("line_network", "number_network", "page_network"),
    ("ink_network", "written_places", "gpu_training"),
)
"""The same within `references`, all of which may import all of `formreader`."""

HEAVY = {
    "cv2", "distributed", "fsspec", "keras", "onnx", "onnxruntime", "pandas", "pyarrow",
    "tensorflow",
}  # fmt: skip
LIGHT = ("__init__", "__main__", "cli/", "core/errors", "core/locations", "core/options")
"""What `formreader --help` loads: modules, and all modules of rooms."""

OPENCV = {
    "batch",
    "core",
    "crop",
    "detect",
    "input",
    "look",
    "preprocess",
    "reading",
    "synth",
    "template",
    "training",
}
"""Rooms that work on pixels."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def is_light(path: Path) -> bool:
    return any(
        name_of(path).startswith(light) if light.endswith("/") else name_of(path) == f"{light}.py"
        for light in LIGHT
    )


def room_of(path: Path, within: Path = PACKAGE) -> str:
    """The first name below a folder: a room, or a module of its own."""
    return path.relative_to(within).parts[0].removesuffix(".py").removesuffix("__init__")


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


def imports_of(path: Path) -> set[str]:
    return imports(ast.parse(path.read_text(encoding="utf-8")))


def floors(rooms: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {room: level for level, names in enumerate(rooms) for room in names}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    level = floors(FLOORS)
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "formreader":
            continue
        other = parts[1] if parts[1] in level else ""
        assert other == room or level[other] < level[room], f"{room} imports {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "training").rglob("*.py")), ids=name_of)
def test_imports_within_training_point_down(path: Path) -> None:
    level = floors(TRAINING_FLOORS)
    room = room_of(path, PACKAGE / "training")
    for name in imports_of(path):
        if not name.startswith("formreader.training."):
            continue
        other = name.split(".")[2]
        assert other == room or level[other] < level[room], f"{room} imports {name}"


@pytest.mark.parametrize(
    "path",
    sorted(REFERENCES.rglob("*.py")),
    ids=lambda path: path.relative_to(REFERENCES).as_posix(),
)
def test_imports_within_references_point_down(path: Path) -> None:
    level = floors(REFERENCES_FLOORS)
    room = room_of(path, REFERENCES)
    for name in imports_of(path):
        other = name.split(".")[0]
        assert other not in level or other == room or level[other] < level[room], (
            f"{room} imports {name}"
        )


def test_docs_have_the_same_map() -> None:
    page = Path(__file__).parents[1] / "docs" / "architecture.md"
    floors_of_page = page.read_text(encoding="utf-8").split("## Floors")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \| \[?`?(\w+?)(?:\.py|/)?`?[\]\s]", floors_of_page, re.MULTILINE)
    told = {room.replace("__init__", ""): int(level) for level, room in rows}
    above = {"references": len(FLOORS) - 1}
    assert told == above | {room: i for i, rooms in enumerate(FLOORS[:-1]) for room in rooms}


def test_the_house_knows_nothing_of_references() -> None:
    above = {name.name.removesuffix(".py") for name in REFERENCES.iterdir()}
    for path in MODULES:
        assert above.isdisjoint(name.split(".")[0] for name in imports_of(path)), name_of(path)


def test_modules_import_one_another_in_one_direction() -> None:
    known = {f"formreader.{name_of(path)[:-3].replace('/', '.')}": path for path in MODULES}
    waiting = {
        module: {
            other
            for name in imports_of(path)
            for other in (name, name.rpartition(".")[0])
            if other in known and other != module
        }
        for module, path in known.items()
    }
    while free := [module for module, needs in waiting.items() if not needs & waiting.keys()]:
        for module in free:
            del waiting[module]
    assert not waiting, f"these import one another: {', '.join(waiting)}"


def test_every_file_name_stands_once() -> None:
    names = [path.name for path in MODULES if path.name not in ("__init__.py", "__main__.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", [p for p in MODULES if is_light(p)], ids=name_of)
def test_the_command_line_imports_nothing_heavy(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert HEAVY.isdisjoint(module.split(".")[0] for module in imports(list[ast.stmt](top)))


def test_only_rooms_that_work_on_pixels_know_opencv() -> None:
    users = {
        room_of(path)
        for path in MODULES
        if any(name.split(".")[0] == "cv2" for name in imports_of(path))
    }
    assert users <= OPENCV


def module_numbers(path: Path) -> dict[str, float]:
    """Names of a module's numbers, of single ones and of those in tuples that are unpacked."""
    found = dict[str, float]()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                found |= numbers_of(target, node.value)
    return found


def numbers_of(target: ast.expr, value: ast.expr) -> dict[str, float]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = [numbers_of(*pair) for pair in zip(target.elts, value.elts, strict=False)]
        return {name: number for pair in pairs for name, number in pair.items()}
    if isinstance(target, ast.Name) and target.id.isupper():
        try:
            number = ast.literal_eval(value)
        except ValueError:
            return {}
        if isinstance(number, int | float) and not isinstance(number, bool):
            return {target.id: float(number)}
    return {}


def test_the_name_of_a_number_stands_for_one_value() -> None:
    values = defaultdict[str, dict[float, str]](dict)
    for path in MODULES:
        for name, number in module_numbers(path).items():
            values[name][number] = name_of(path)
    assert {name: places for name, places in values.items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_number_is_explained_below_it(path: Path) -> None:
    """A docstring literal stands below each number, or below the group that it is part of."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    unexplained = list[str]()
    waiting = list[str]()
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            waiting += [name for t in targets for name in numbers_of(t, node.value)]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            waiting = []
        else:
            unexplained += waiting
            waiting = []
    assert unexplained + waiting == []


TELL_THE_DATE = (
    "review/apply_corrections.py",  # when a person answered
    "review/audit_job.py",  # on the certificate
    "review/job_results.py",  # on the report
    "service/",  # how long files are kept, and who is signed in: also after a restart
    "training/write_model.py",  # in the card
)
"""Modules and rooms that ask what day it is."""

CLOCKS = re.compile(r"\btime\.time\b|\btime_ns\(|\b(?:now|today|utcnow)\(")


def test_no_wait_depends_on_a_clock_that_can_be_set() -> None:
    """`time.monotonic` measures: a wall clock jumps when it is set, and limits would never end."""
    others = (path for path in MODULES if not name_of(path).startswith(TELL_THE_DATE))
    texts = ((name_of(path), path.read_text(encoding="utf-8")) for path in others)
    assert [name for name, text in texts if CLOCKS.search(text)] == []
