"""Model folders: where they are, whether their files are whole, and their graphs run on the CPU."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from formreader.core.errors import ModelError
from formreader.core.options import DEFAULT_MODEL

if TYPE_CHECKING:
    import onnxruntime

_T = TypeVar("_T")

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
    package = Path(__file__).parents[1]
    return [package / "models" / model, package.parent / "models" / model]


def file_hashes(folder: Path, names: tuple[str, ...] = (KERAS_FILE, ONNX_FILE)) -> dict[str, str]:
    """SHA-256 of files in `folder`, by name."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def read_card_file(folder: Path, schema: int) -> dict[str, object]:
    """What the card of a model folder says, as JSON has it, of a layout that is known.

    Raises:
        ModelError: the folder has no card, or it is damaged or of another layout.
    """
    path, remedy = folder / CARD_FILE, how_to_renew(folder)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder}: no model there ({CARD_FILE} is missing). Check --model. {remedy}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the model card cannot be read ({error}). {remedy}") from error
    with card_errors(folder):
        table = checked(card, dict, "the card")
        if table.get("schema") != schema:
            raise ValueError(
                f"its schema is {table.get('schema')!r}, this version of formreader reads {schema}"
            )
    return table


def card_hashes(card: Mapping[str, object]) -> dict[str, str]:
    """SHA-256 of the files of a model folder, by name, as its card has them.

    Raises:
        KeyError, TypeError: the card names no files.
    """
    files = checked(card["files"], dict, "files")
    return {str(name): checked(sha256, str, str(name)) for name, sha256 in files.items()}


@contextmanager
def card_errors(folder: Path) -> Iterator[None]:
    """Turns what is wrong in the card of `folder` into a `ModelError` that says what to do."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(
            f"{folder / CARD_FILE}: the model card is not valid: {cause}. {how_to_renew(folder)}"
        ) from error


def checked(value: object, kind: type[_T], what: str) -> _T:
    """A value of a card, if it is of the type that it must be.

    Raises:
        TypeError: it is not; numbers are no truth values, and the other way round.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{what} must be of type {kind.__name__}. Received: {value!r:.80}")
    return value


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
