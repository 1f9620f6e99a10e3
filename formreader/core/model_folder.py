"""Model folders: where they are, whether their files are whole, and their graphs run on the CPU."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import formreader
from formreader.core.errors import ModelError
from formreader.core.options import DEFAULT_MODEL

if TYPE_CHECKING:
    import onnxruntime

CARD_FILE = "card.json"
KERAS_FILE = "model.keras"
ONNX_FILE = "model.onnx"
QUICK_FILE = "model.int8.onnx"
"""The graph of `ONNX_FILE` in 8-bit integers; a model may do without."""

BOX_MODEL = "boxes"
"""Name of the model folder with what finds the boxes; no other takes its place."""


def model_folder(model: str) -> Path:
    """The folder of a model given by name or by path; a shipped name comes first.

    Raises:
        ModelError: there is neither.
    """
    places = [Path(model)]
    if model == Path(model).name:
        places = [*_shipped_places(model), *places]
    for place in places:
        if place.is_dir():
            return place
    raise ModelError(
        f"{model}: no such model. Give --model the name of a shipped model ({DEFAULT_MODEL}) "
        "or a folder that `formreader train` wrote."
    )


def how_to_renew(folder: Path) -> str:
    """What to do about a model folder that is damaged or does not fit."""
    if any(folder in _shipped_places(model) for model in (DEFAULT_MODEL, BOX_MODEL)):
        return "Install formreader again."
    return "Copy the model folder again, or train one with `formreader train`."


def _shipped_places(model: str) -> list[Path]:
    """Where a model that comes with the program may be: in a wheel, in the repository."""
    package = Path(formreader.__file__).parent
    return [package / "models" / model, package.parent / "models" / model]


def file_hashes(folder: Path, names: tuple[str, ...] = (KERAS_FILE, ONNX_FILE)) -> dict[str, str]:
    """SHA-256 of files in `folder`, by name."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def read_checked(folder: Path, hashes: Mapping[str, str], name: str) -> bytes:
    """The bytes of the model file `name`, if its SHA-256 is the one that the card has for it.

    Raises:
        ModelError: the file is missing, unreadable, or not the one of the card.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: the model file cannot be read ({error.strerror}). {how_to_renew(folder)}"
        ) from error
    if hashes.get(name) != hashlib.sha256(content).hexdigest():
        raise ModelError(
            f"{path}: the file is damaged or belongs to another model "
            f"(its SHA-256 is not the one in {CARD_FILE}). {how_to_renew(folder)}"
        )
    return content


def load_graph(
    folder: Path, hashes: Mapping[str, str], threads: int, name: str = ONNX_FILE
) -> onnxruntime.InferenceSession:
    """The exported graph `name` of a model folder in ONNX Runtime, on the CPU.

    Raises:
        ModelError: the file is missing, damaged, or no graph that runs here.
    """
    graph = read_checked(folder, hashes, name)
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # it warns of GPUs it does not need
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # pages of many sizes would each leave a plan behind
    try:
        return onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        raise ModelError(
            f"{folder / name}: ONNX Runtime cannot run the graph ({error}). "
            f"Update onnxruntime. {how_to_renew(folder)}"
        ) from error
