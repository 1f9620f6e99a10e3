"""What runs a model: ONNX Runtime on a CPU, Keras on a GPU."""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from formreader.digits.card import Card
from formreader.digits.recogniser import Recogniser
from formreader.errors import ModelError, UsageError
from formreader.model_files import KERAS_FILE, load_graph, read_checked
from formreader.options import Device
from formreader.types import Crops

if TYPE_CHECKING:
    import keras
    import onnxruntime

_DRIVER_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg")
"""Files that a driver for CUDA leaves on Linux and on Windows' Linux."""
_CUDA_WHEELS = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")


class OnnxRecogniser(Recogniser):
    """The exported graph in ONNX Runtime, on the CPU.

    The same crop gives the same bytes in a batch of any size: every operation of the
    graph works on one crop by itself.
    """

    def __init__(self, card: Card, session: onnxruntime.InferenceSession, batch: int) -> None:
        super().__init__(card, "cpu", batch)
        self._session = session

    @classmethod
    def load(cls, folder: Path, card: Card, batch: int, threads: int) -> OnnxRecogniser:
        """Load the exported graph of a model folder.

        Raises:
            ModelError: the file is missing, damaged, or no graph that runs here.
        """
        session = load_graph(folder, card.files, threads)
        return cls(card, session, batch)

    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        (logits,) = self._session.run(["logits"], {"crops": crops})
        return np.asarray(logits, np.float32)


class KerasRecogniser(Recogniser):
    """The Keras model, on the GPU where TensorFlow finds one."""

    def __init__(self, card: Card, network: keras.Model, device: Device, batch: int) -> None:
        super().__init__(card, device, batch)
        self._network = network

    @classmethod
    def load(cls, folder: Path, card: Card, batch: int, device: Device = "gpu") -> KerasRecogniser:
        """Load the Keras model of a model folder.

        Raises:
            ModelError: the file is missing, damaged, or of another Keras.
            UsageError: `device` is `gpu` and TensorFlow sees none.
        """
        network = load_network(folder, card)
        import tensorflow as tf

        if device == "gpu" and not tf.config.list_physical_devices("GPU"):
            raise UsageError(
                "--device gpu: TensorFlow finds no GPU. Install formreader[gpu] and the GPU's "
                "driver, or use --device cpu."
            )
        return cls(card, network, device, batch)

    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        logits = self._network.predict_on_batch(crops[..., None])
        return np.asarray(logits, np.float32)


def load_network(folder: Path, card: Card) -> keras.Model:
    """The Keras model of a model folder.

    Raises:
        ModelError: the file is missing, damaged, or of another Keras.
    """
    content = read_checked(folder, card.files, KERAS_FILE)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    try:
        with tempfile.TemporaryDirectory() as copies:
            checked = Path(copies) / KERAS_FILE
            checked.write_bytes(content)
            return keras.saving.load_model(checked, compile=False)
    except Exception as error:  # Keras raises whatever its layers raise
        raise ModelError(
            f"{folder / KERAS_FILE}: Keras cannot load the model ({error}). "
            "Update keras, or train the model again."
        ) from error


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU with a driver."""
    return any(os.path.exists(sign) for sign in _DRIVER_SIGNS)


def can_use_gpu() -> bool:
    """Whether there is a GPU and TensorFlow came with CUDA, without importing it."""
    return has_gpu() and any(_is_installed(wheel) for wheel in _CUDA_WHEELS)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
