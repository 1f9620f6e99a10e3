"""Labelled crops; MNIST as Keras stores it, its writers, and the split that holds some out."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.core.errors import NoInputError

Labels: TypeAlias = npt.NDArray[np.uint8]
"""(n,) uint8: 0-9 a digit, 10 a non-digit."""

DAMAGED = (
    OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Errors of NumPy, zipfile and zlib for an archive that is damaged or lacks the expected arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Crops (n, 28, 28) uint8 with their labels (n,) uint8."""

    crops: Crops
    labels: Labels

    def __post_init__(self) -> None:
        if self.crops.shape != (len(self.labels), 28, 28):
            raise ValueError(
                f"crops and labels do not fit. Received: crops {self.crops.shape}, "
                f"labels {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Examples:
        return Examples(self.crops[chosen], self.labels[chosen])


def joined(*parts: Examples) -> Examples:
    """Concatenate the examples of `parts`."""
    return Examples(
        np.concatenate([p.crops for p in parts]), np.concatenate([p.labels for p in parts])
    )


def mnist_path() -> Path:
    """Where Keras stores MNIST: `~/.keras/datasets/mnist.npz`, or the same below KERAS_HOME."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def load_mnist() -> tuple[Examples, Examples]:
    """Load MNIST's 60,000 training and 10,000 test digits, as `keras.datasets.mnist.load_data`.

    Reads the file that Keras stores without importing Keras; has Keras fetch it where it is
    missing.

    Raises:
        NoInputError: the file is missing and cannot be fetched, or it is damaged.
    """
    path = mnist_path()
    if not path.is_file():
        _fetch_mnist(path)
    try:
        x_train, y_train, x_test, y_test = read_arrays(
            path, "x_train", "y_train", "x_test", "y_test"
        )
        return Examples(x_train, y_train), Examples(x_test, y_test)
    except DAMAGED as error:
        raise NoInputError(
            f"{path}: not MNIST as Keras stores it ({error}). Delete the file and train again "
            "with an internet connection, or put a good mnist.npz there."
        ) from error


def _fetch_mnist(path: Path) -> None:
    import keras

    try:
        keras.datasets.mnist.load_data()
    except Exception as error:  # urllib, the OS and Keras each raise their own
        raise NoInputError(
            f"{path}: MNIST is not there and could not be fetched ({error}). Put mnist.npz "
            "there (from a machine where keras.datasets.mnist.load_data() worked)."
        ) from error


def load_writers(path: Path, n: int) -> npt.NDArray[np.int64]:
    """Load the writer of each of MNIST's `n` training digits, (n,) int64.

    The file is an .npz whose `train` has QMNIST's columns: label, NIST series,
    writer, ... (Yadav and Bottou, "Cold Case: The Lost MNIST Digits", 2019).

    Raises:
        NoInputError: the file is missing, damaged, or of another length.
    """
    try:
        (table,) = read_arrays(path, "train")
        writers: npt.NDArray[np.int64] = table[:, 2].astype(np.int64)
    except DAMAGED as error:
        raise NoInputError(
            f"{path}: not a table of MNIST's writers ({error}). It needs an array `train` with "
            "the writer in column 2; leave out --writers to split without it."
        ) from error
    if len(writers) != n:
        raise NoInputError(f"{path}: names the writers of {len(writers)} digits, the set has {n}.")
    return writers


def load_nondigits(path: Path) -> Crops:
    """Load a user's own examples of non-digits, (n, h, w) uint8, bright ink on black.

    Raises:
        NoInputError: the file is missing or damaged, or its `images` are missing or of another
            kind.
    """
    try:
        (images,) = read_arrays(path, "images")
    except DAMAGED as error:
        raise NoInputError(
            f"{path}: the examples cannot be read ({error}). It needs an array `images` "
            "(n, h, w) uint8."
        ) from error
    if images.ndim != 3 or images.dtype != np.uint8 or len(images) == 0:
        raise NoInputError(
            f"{path}: `images` must be (n, h, w) uint8. Received: {images.shape} {images.dtype}"
        )
    return images


def read_arrays(path: Path, *names: str) -> list[npt.NDArray[Any]]:
    """Read arrays of an .npz; raises one of `DAMAGED` where it cannot."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        return [file[name] for name in names]


def held_out(
    n: int, share: float, rng: np.random.Generator, writers: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.bool_]:
    """Choose which of `n` examples to validate on, (n,) bool, about `share` of them.

    With `writers` all examples of some writers are held out. Without, the last examples are.
    MNIST is only partly in the order of its writers: 35 % of the images in its last tenth come
    from writers who are trained on too (measured with QMNIST's table).

    Raises:
        ValueError: `share` leaves nothing to train on or to validate on.
    """
    if not 0 < share < 1 or round(n * share) in (0, n):
        raise ValueError(f"a share of {share} of {n} examples leaves one side empty")
    if writers is None:
        return np.arange(n) >= n - round(n * share)
    names, counts = np.unique(writers, return_counts=True)
    order = rng.permutation(len(names))
    enough = int(np.searchsorted(np.cumsum(counts[order]), share * n)) + 1
    return np.isin(writers, names[order[: min(enough, len(names) - 1)]])
