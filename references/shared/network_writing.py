"""Write a trained network into its model folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from formreader.core.errors import ModelError
from formreader.core.model_folder import CARD_FILE, KERAS_FILE, ONNX_FILE, file_hashes
from formreader.training.network_folder import unwritable


def write_network(
    out: Path, network: keras.Model, export: Callable[[keras.Model, Path], None]
) -> dict[str, str]:
    """Write a network into a model folder, for Keras and with `export` as a graph.

    Returns the hashes of the files. The card of an earlier network is deleted, and the caller
    writes a new one as the last file, so a folder with a card is complete.

    Raises:
        OSError: a file cannot be written.
    """
    (out / CARD_FILE).unlink(missing_ok=True)
    network.save(out / KERAS_FILE)
    export(network, out / ONNX_FILE)
    return file_hashes(out)


@contextmanager
def output_errors(out: Path) -> Iterator[None]:
    """Turn an `OSError` in writing to the model folder `out` into an `OutputError`."""
    try:
        yield
    except OSError as error:
        raise unwritable(out, error) from error


@contextmanager
def base_errors(folder: Path, program: str) -> Iterator[None]:
    """Turn any error in taking weights from a model folder into a `ModelError`.

    `program` is the module that writes such folders.
    """
    try:
        yield
    except Exception as error:  # Keras raises errors of many kinds
        raise ModelError(
            f"{folder / KERAS_FILE}: training cannot start from this model ({error}). "
            f"Give --base a folder that this version of {program} wrote."
        ) from error
