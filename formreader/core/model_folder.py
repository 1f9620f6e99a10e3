"""Model folders: find them, check their files against the card, load and try their graphs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from formreader.core.errors import ModelError
from formreader.core.options import DEFAULT_MODEL
from formreader.core.printable import printable
from formreader.core.user_files import parse_json, read_regular

if TYPE_CHECKING:
    import onnxruntime

_MAX_TRIAL_SECONDS = 20.0
"""Longest time that a network may take for its known input. Those that ship take milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphTrial:
    """A known input of a network, and its `output`: float32 of a `shape`, within `seconds`."""

    inputs: Mapping[str, npt.NDArray[np.uint8]]
    output: str
    shape: tuple[int, ...]
    seconds: float = _MAX_TRIAL_SECONDS

    def run(self, session: onnxruntime.InferenceSession) -> None:
        """Run a graph on the known input.

        Raises:
            ValueError: its answer is not of the expected kind, or it takes too long.
            Exception: ONNX Runtime cannot run it on this input; of several types.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.log_severity_level = session.get_session_options().log_severity_level
        watchdog = threading.Timer(self.seconds, setattr, (options, "terminate", True))
        watchdog.daemon = True
        watchdog.start()
        try:
            (answer,) = session.run([self.output], dict(self.inputs), options)
        except Exception as error:  # its exceptions have no common base
            if options.terminate:
                raise ValueError(
                    f"it takes more than {self.seconds:g} s for one example"
                ) from error
            raise
        finally:
            watchdog.cancel()
        self.check(answer)

    def check(self, answer: Any) -> None:
        """Check the network's answer to the known input.

        Raises:
            ValueError: it is of another type or shape, or not all of its numbers are finite.
        """
        if not isinstance(answer, np.ndarray) or answer.dtype != np.float32:
            kind = getattr(answer, "dtype", type(answer).__name__)
            raise ValueError(f"its output {self.output} is {kind}, not float32")
        if answer.shape != self.shape:
            raise ValueError(
                f"its output {self.output} has the shape {answer.shape}, not {self.shape}"
            )
        if not np.isfinite(answer).all():
            raise ValueError(f"its output {self.output} is not finite for a known input")


_T = TypeVar("_T")

_FATAL_SEVERITY = 4
"""Of ONNX Runtime's messages: it logs nothing below."""

_OTHER_FILES = "session.model_external_initializers_file_folder_path"
"""ONNX Runtime's option for the folder in which a graph's other files are."""

_MAX_CARD_BYTES, _MAX_FILE_BYTES = 2**24, 2**30
"""Largest card and largest model file that are read; those that ship have 20 kB and 4 MB."""

_MAX_NUMBER = 1e15
"""Largest magnitude of a number in a card: counts and weights are far below, and sums of numbers
up to it are exact enough not to overflow."""

_MAX_MESSAGE = 300
"""Longest message of another library that is passed on, in characters."""

CARD_FILE = "card.json"
KERAS_FILE = "model.keras"
ONNX_FILE = "model.onnx"
QUICK_FILE = "model.int8.onnx"
"""The network quantised to 8-bit integers. Of digits it is read first, if there is one; the network
of numbers has only this one."""

HAND_FILE = "hand.npy"
"""What tells the hand of a page from all hands, in a model of digits; see `recognise.page_hand`."""

BOX_MODEL, NUMBER_MODEL, LINE_MODEL, PAGE_MODEL = "boxes", "numbers", "lines", "page"
INK_MODEL = "ink"
"""Names of the model folders with the networks that find boxes, read whole numbers, tell which way
up print is, look at a page, and tell written ink from printed; no option replaces them."""

_SHIPPED = (DEFAULT_MODEL, BOX_MODEL, NUMBER_MODEL, LINE_MODEL, PAGE_MODEL, INK_MODEL)
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
    if is_shipped(folder):
        return "Install formreader again."
    return "Copy the model folder again, or train one with `formreader train`."


def is_shipped(folder: Path) -> bool:
    """Whether a model folder is one of those that come with the program."""
    return any(folder in _shipped_places(model) for model in _SHIPPED)


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
        text = read_regular(path, _MAX_CARD_BYTES).decode()
        card = parse_json(text, real=_number_in_card, whole=_whole_number_in_card)
        json.dumps(card, ensure_ascii=False).encode()  # surrogates are no text
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder}: no model there ({CARD_FILE} is missing). Check --model. {remedy}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: the model card cannot be read ({_shortened(error)}). {remedy}"
        ) from error
    with card_errors(folder):
        table = checked(card, dict, "the card")
        if table.get("schema") != schema:
            raise ValueError(
                f"its schema is {table.get('schema')!r:.80}, "
                f"this version of formreader reads {schema}"
            )
    return table


def _number_in_card(text: str) -> float:
    """A number of a card, parsed; ValueError if computing with it would overflow."""
    number = float(text)
    if not abs(number) <= _MAX_NUMBER:  # so that NaN is refused, too
        raise ValueError(f"the number {text:.40} is too large or none")
    return number


def _whole_number_in_card(text: str) -> int:
    _number_in_card(text)
    return int(text)


def _shortened(error: BaseException) -> str:
    """The message of an exception of another library, as one printable line."""
    text = getattr(error, "strerror", None) or str(error)
    text = printable(" ".join(text.split()))
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."


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
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        cause = _shortened(error)
        if isinstance(error, KeyError):
            cause = f"{cause} is missing"
        raise ModelError(
            f"{folder / CARD_FILE}: the model card is not valid: {cause}. {how_to_renew(folder)}"
        ) from error


def card_number(value: object, what: str) -> float:
    """`value`, a value of a card, if it is a number; a whole one counts as well.

    Raises:
        TypeError: it is of another type; `what` names it in the message.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return checked(value, float, what)


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
        content = read_regular(path, _MAX_FILE_BYTES)
    except OSError as error:
        raise ModelError(
            f"{path}: the model file cannot be read ({_shortened(error)}). {how_to_renew(folder)}"
        ) from error
    if hashes.get(name) != hashlib.sha256(content).hexdigest():
        raise ModelError(
            f"{path}: the file is damaged or belongs to another model "
            f"(its SHA-256 is not the one in {CARD_FILE}). {how_to_renew(folder)}"
        )
    return content


def load_carded_graph(folder: Path, schema: int, trial: GraphTrial) -> onnxruntime.InferenceSession:
    """Load a network whose card tells nothing but hashes to a scan, to run in one thread.

    Raises:
        ModelError: the folder's card or graph is missing, damaged or of another version.
    """
    card = read_card_file(folder, schema)
    with card_errors(folder):
        hashes = card_hashes(card)
    return load_graph(folder, hashes, 1, trial)


def load_graph(
    folder: Path, hashes: Mapping[str, str], threads: int, trial: GraphTrial, name: str = ONNX_FILE
) -> onnxruntime.InferenceSession:
    """Load the exported graph `name` of a model folder in ONNX Runtime, on the CPU, and try it.

    Raises:
        ModelError: the file is missing or damaged, ONNX Runtime cannot run it, or it does not
            answer its `trial` as it must.
    """
    graph = read_checked(folder, hashes, name)
    import onnxruntime

    onnxruntime.set_default_logger_severity(_FATAL_SEVERITY)  # else it warns of missing GPUs
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_SEVERITY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep a plan for each size of page
    # A graph must be whole, as only its own file is checked: it finds no other below a file.
    options.add_session_config_entry(_OTHER_FILES, str((folder / name / "none").absolute()))
    try:
        session = onnxruntime.InferenceSession(graph, options, ["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base
        raise ModelError(
            f"{folder / name}: ONNX Runtime cannot run the graph ({_shortened(error)}). "
            f"Update onnxruntime. {how_to_renew(folder)}"
        ) from error
    try_graph(session, trial, folder, name)
    return session


def try_graph(
    session: onnxruntime.InferenceSession, trial: GraphTrial, folder: Path, name: str
) -> None:
    """Try the graph `name` of a model folder.

    Raises:
        ModelError: it does not answer its `trial` as it must.
    """
    try:
        trial.run(session)
    except Exception as error:
        raise ModelError(
            f"{folder / name}: the graph is not one that formreader can use: {_shortened(error)}. "
            f"{how_to_renew(folder)}"
        ) from error
