"""The folder of a training run: its settings, and the state from which it can be resumed."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.errors import OutputError, UsageError, is_disk_full
from formreader.core.model_folder import CARD_FILE
from formreader.core.options import TrainOptions, usable_cores
from formreader.core.version import __version__
from formreader.output.atomic_writing import check_writable
from formreader.recognise.architectures import NetworkConfig
from formreader.recognise.model_card import Facts
from formreader.training.data.examples import Examples

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Record: TypeAlias = dict[str, Any]
"""An object as JSON has it."""

RUN_FILE = "run.json"
"""File with the settings of the training and its environment."""
STATE_FILE = "state.npz"
"""File from which an interrupted training resumes; only there while a training is unfinished."""
BEST_FILE = "best.weights.npz"
LAST_FILE = "last.weights.npz"
HISTORY_FILE = "history.csv"

_RECORD = "record"
"""Name of the array with the record in the state's file."""


def prepare_folder(out: Path, within: str = "") -> Path:
    """Make the model folder, and one `within` it if given; returns the last one.

    Raises:
        OutputError: it cannot be made, or no card can be written into it.
    """
    folder = out / within
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    check_writable(out / CARD_FILE)
    return folder


def unwritable(out: Path, error: OSError) -> OutputError:
    """The error that a model folder cannot be written."""
    full = "Free some space and give the same command again, or choose"
    remedy = full if is_disk_full(error) else "Choose"
    return OutputError(
        f"{out}: the model folder cannot be written ({error.strerror or error}). "
        f"{remedy} another with --out."
    )


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Replace `path` by the file that `write` makes, once that file is complete.

    `write` gets a path in the same folder with the same suffix.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(f"part-{path.name}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save_weights(path: Path, weights: Sequence[npt.NDArray[Any]]) -> None:
    """Write the weights of a network, completely or not at all.

    Not as HDF5, as Keras would: where the disk is full, that library ends the process.

    Raises:
        OSError: the file cannot be written.
    """
    _write_arrays(path, {str(i): weight for i, weight in enumerate(weights)})


def load_weights(path: Path) -> list[npt.NDArray[Any]]:
    """Read what `save_weights` wrote.

    Raises:
        UsageError: the file is missing or damaged.
    """
    arrays = _read_arrays(path)
    return [arrays[name] for name in sorted(arrays, key=int)]


def save_state(run: Path, arrays: Arrays, record: Record) -> None:
    """Write arrays and a record into one file of the run's folder, completely or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    _write_arrays(run / STATE_FILE, dict(arrays) | {_RECORD: np.array(json.dumps(record))})


def load_state(run: Path) -> tuple[dict[str, npt.NDArray[Any]], Record]:
    """Read the arrays and the record that `save_state` wrote.

    Raises:
        UsageError: the file is damaged.
    """
    path = run / STATE_FILE
    arrays = _read_arrays(path)
    try:
        return arrays, json.loads(str(arrays.pop(_RECORD)))
    except (ValueError, LookupError) as error:
        raise _damaged(path, error) from error


def _write_arrays(path: Path, arrays: Arrays) -> None:
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    replace_file(path, lambda part: part.write_bytes(content.getbuffer()))


def _read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path}: the interrupted training cannot be resumed ({error}). Begin anew with --fresh"
    )


def is_unfinished(run: Path) -> bool:
    """Whether a training in this folder stopped before its model was written."""
    return (run / STATE_FILE).exists()


def finish(run: Path) -> None:
    """Delete the state, as the model is written and there is nothing to resume."""
    (run / STATE_FILE).unlink(missing_ok=True)


def begin(run: Path, settings: Record, fresh: bool) -> bool:
    """Whether to resume an interrupted training; where not, record the settings of a new one.

    Raises:
        UsageError: the interrupted training had other settings, and `fresh` is not set.
        OSError: the record cannot be written.
    """
    if is_unfinished(run) and not fresh:
        check_same(run, settings)
        return True
    finish(run)
    text = json.dumps(settings | {"environment": _environment()}, indent=2, ensure_ascii=False)
    replace_file(run / RUN_FILE, lambda part: part.write_text(f"{text}\n", encoding="utf-8"))
    return False


def check_same(run: Path, settings: Record) -> None:
    """Refuse to resume an interrupted training that had other `settings`.

    Raises:
        UsageError: it had; the message names the differences.
    """
    path = run / RUN_FILE
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        differences = [
            f"{_name(section, name)} {before[section].get(name)}, not {value}"
            for section, values in settings.items()
            for name, value in values.items()
            if before[section].get(name) != value
        ]
    except (OSError, ValueError, LookupError) as error:
        raise UsageError(
            f"{path}: the options of the interrupted training cannot be read ({error}). "
            "Begin anew with --fresh"
        ) from error
    if differences:
        raise UsageError(
            f"{run}: the interrupted training there had {'; '.join(differences)}. "
            "Give the same to resume it, or begin anew with --fresh"
        )


def as_planned(run: Path, options: TrainOptions) -> TrainOptions:
    """The options with the pages and epochs that an interrupted training planned for its minutes.

    They stay as they are if it had other minutes or cannot be read, which `check_same` tells.
    """
    try:
        before = json.loads((run / RUN_FILE).read_text(encoding="utf-8"))["options"]
        if options.minutes is not None and before["minutes"] == options.minutes:
            return replace(
                options,
                pages=int(before["pages"]),
                epochs=int(before["epochs"]),
                epoch_share=float(before["epoch_share"]),
            )
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return options


def option_settings(options: TrainOptions) -> Record:
    """The options on which a training's result depends, as JSON has them."""
    table = asdict(options)
    del table["out"], table["fresh"]
    settings: Record = json.loads(json.dumps(table, default=str))
    return {"options": settings}


def all_settings(
    options: TrainOptions, config: NetworkConfig, facts: Facts, *examples: Examples
) -> Record:
    """Everything on which a training's result depends, as JSON has it."""
    network = json.loads(json.dumps(asdict(config)))
    data = dict(facts) | {"checksum": _checksum(examples)}
    return option_settings(options) | {"network": network, "data": data}


def _checksum(examples: tuple[Examples, ...]) -> int:
    """CRC-32 of all crops and labels."""
    checksum = 0
    for part in examples:
        checksum = zlib.crc32(part.labels.tobytes(), zlib.crc32(part.crops.tobytes(), checksum))
    return checksum


def _name(section: str, name: str) -> str:
    """The name of a setting for people: of an option as on the command line."""
    if section != "options":
        return f"{section} {name}"
    return {"base": "--from"}.get(name, f"--{name.replace('_', '-')}")


def _environment() -> Record:
    """The machine of a training and the versions of its software."""
    import keras

    packages = ("keras", "tensorflow", "numpy", "opencv-python-headless")
    return {
        "formreader": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
        "platform": platform.platform(),
        "cores": usable_cores(),
        "gpus": keras.distribution.list_devices("gpu"),
    }
