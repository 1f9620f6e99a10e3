"""Model folders: find them, check their files against the card, load their graphs on the CPU."""

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

_FATAL_SEVERITY = 4
"""Of ONNX Runtime's messages: it logs nothing below."""

CARD_FILE = "card.json"
KERAS_FILE = "model.keras"
ONNX_FILE = "model.onnx"
QUICK_FILE = "model.int8.onnx"
"""The graph of `ONNX_FILE` quantised to 8-bit integers; a model need not have it."""

BOX_MODEL, NUMBER_MODEL, LINE_MODEL = "boxes", "numbers", "lines"
"""Names of the model folders with the networks that find boxes, that read whole numbers, and that
tell which way up print is; no option replaces them."""

_SHIPPED = (DEFAULT_MODEL, BOX_MODEL, NUMBER_MODEL, LINE_MODEL)
"""Names of all models that come with the program."""


def model_folder(model: str) -> Path:
    """The folder of a model given by name or by path; a shipped model comes before a path.

    Raises:
        ModelError: neither exists.
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
    if any(folder in _shipped_places(model) for model in _SHIPPED):
        return "Install formreader again."
    return "Copy the model folder again, or train one with `formreader train`."


def _shipped_places(model: str) -> list[Path]:
    """The places of a shipped model: in an installed wheel, and in the repository."""
    package = Path(__file__).parents[1]
    return [package / "models" / model, package.parent / "models" / model]


def file_hashes(folder: Path, names: tuple[str, ...] = (KERAS_FILE, ONNX_FILE)) -> dict[str, str]:
    """SHA-256 of files in `folder`, by name."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def read_card_file(folder: Path, schema: int) -> dict[str, object]:
    """The card of a model folder as parsed JSON, if its schema is the given one.

    Raises:
        ModelError: the card is missing, damaged or of another schema.
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
    """SHA-256 of the files of a model folder, by name, as its card states them.

    Raises:
        KeyError, TypeError: the card names no files.
    """
    files = checked(card["files"], dict, "files")
    return {str(name): checked(sha256, str, str(name)) for name, sha256 in files.items()}


@contextmanager
def card_errors(folder: Path) -> Iterator[None]:
    """Turn any error in the content of the card of `folder` into a `ModelError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(
            f"{folder / CARD_FILE}: the model card is not valid: {cause}. {how_to_renew(folder)}"
        ) from error


def checked(value: object, kind: type[_T], what: str) -> _T:
    """`value`, a value of a card, if it is of type `kind`; a bool does not count as an int.

    Raises:
        TypeError: it is of another type; `what` names it in the message.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{what} must be of type {kind.__name__}. Received: {value!r:.80}")
    return value


def read_checked(folder: Path, hashes: Mapping[str, str], name: str) -> bytes:
    """The bytes of the model file `name`, checked against the SHA-256 of its card.

    Raises:
        ModelError: the file cannot be read, or is not the one that the card describes.
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
    """Load the exported graph `name` of a model folder in ONNX Runtime, on the CPU.

    Raises:
        ModelError: the file is missing or damaged, or ONNX Runtime cannot run it.
    """
    graph = read_checked(folder, hashes, name)
    import onnxruntime

    onnxruntime.set_default_logger_severity(_FATAL_SEVERITY)  # else it warns of missing GPUs
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_SEVERITY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep a plan for each size of page
    try:
        return onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        raise ModelError(
            f"{folder / name}: ONNX Runtime cannot run the graph ({error}). "
            f"Update onnxruntime. {how_to_renew(folder)}"
        ) from error
