"""The runtimes of a model: ONNX Runtime on a CPU, Keras on a GPU."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, CROP_SIDE, Crops
from formreader.core.errors import ModelError, UsageError, is_disk_full
from formreader.core.graph_trial import GraphTrial
from formreader.core.installed import is_installed
from formreader.core.model_folder import (
    HAND_FILE,
    KERAS_FILE,
    ONNX_FILE,
    QUICK_FILE,
    how_to_renew,
    load_graph,
    read_checked,
    try_graph,
)
from formreader.core.options import Device
from formreader.core.quiet_keras import start_keras
from formreader.recognise.model_card import Card
from formreader.recognise.page_hand import PageHand
from formreader.recognise.recogniser import Recogniser, softmax

if TYPE_CHECKING:
    import keras
    import onnxruntime

MIN_QUICK_CONFIDENCE = 0.99
"""Crops that the quick graph reads with less confidence are read again by the exact one.

Measured with the model of version 0.2 on the 10,000 digits of MNIST's test set and 7,395 varied
crops. From this confidence on both graphs gave the same class, and their probabilities differed by
at most 0.006; below it, by up to 0.1. Of MNIST's digits 5 % were read again.
"""

_QUICK_CROPS_PER_CALL = 64
"""Crops in one call of the quick graph, so that its maps stay in the processor's cache: 109 us of
processor time per digit, against 139 with 745 crops. The exact graph gains nothing by it."""

_MIN_CROPS_PER_THREAD = 16
"""Least number of crops for one more thread. They take milliseconds, far longer than starting a
thread. Not measured."""

DIGIT_TRIAL = GraphTrial(
    {"crops": np.eye(CROP_SIDE, dtype=np.uint8)[None] * 255}, "logits", (1, len(CLASSES))
)
"""A crop with a slanted stroke, which the network must be able to read."""

_LOGITS = ("logits",)
_LOGITS_AND_FEATURES = ("logits", "last_features")
"""Outputs of the graphs. Models without writer adaptation have only the first."""

_DRIVER_FILES = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg")
"""Files of which an NVIDIA driver creates at least one on Linux or Windows Subsystem for Linux."""

_CUDA_WHEELS = ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")
"""Python distributions of which TensorFlow with CUDA installs one."""


class OnnxRecogniser(Recogniser):
    """The exported graph in ONNX Runtime, on the CPU.

    `quick`, if the model has one, is the same graph in 8-bit integers. It reads all crops first.
    Then `exact` reads those again whose confidence is below `MIN_QUICK_CONFIDENCE`.

    Each of `threads` threads reads a part of the batch, in a session with one thread. A session
    that shares each operation among threads costs far more processor time. With two threads it
    took 316 us per digit against 193 in batches of 1024, and 488 against 218 in batches of 128.

    The result of a crop does not depend on the batch, as every operation of the graphs works on
    each crop by itself.
    """

    def __init__(
        self,
        card: Card,
        exact: onnxruntime.InferenceSession,
        batch: int,
        quick: onnxruntime.InferenceSession | None = None,
        threads: int = 1,
        hand: PageHand | None = None,
    ) -> None:
        super().__init__(card, "cpu", batch, hand)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="digits")
        self._exact = exact
        self._quick = quick

    @classmethod
    def load(cls, folder: Path, card: Card, batch: int, threads: int) -> OnnxRecogniser:
        """Load the exported graph of a model folder; also the quick one and the hand, if listed.

        Raises:
            ModelError: a file is missing or damaged, or its graph does not run here.
        """
        hand = load_hand(folder, card)
        exact = _load_digit_graph(folder, card, ONNX_FILE, hand)
        quick = None
        if QUICK_FILE in card.files:
            quick = _load_digit_graph(folder, card, QUICK_FILE, hand)
        return cls(card, exact, batch, quick, threads, hand)

    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        return self._split_among_threads(self._checked, crops)

    def _logits_and_features(self, crops: Crops) -> npt.NDArray[np.float32]:
        return self._split_among_threads(partial(self._checked, names=_LOGITS_AND_FEATURES), crops)

    def _split_among_threads(
        self, outputs_of: Callable[[Crops], npt.NDArray[np.float32]], crops: Crops
    ) -> npt.NDArray[np.float32]:
        """Outputs (n, k) of a batch, of which each thread reads a part."""
        parts = min(self._threads, -(-len(crops) // _MIN_CROPS_PER_THREAD))
        return np.concatenate(list(self._pool.map(outputs_of, np.array_split(crops, parts))))

    def _checked(self, crops: Crops, names: Sequence[str] = _LOGITS) -> npt.NDArray[np.float32]:
        """Outputs (n, k) of a part of a batch, exact where the quick graph is unsure."""
        if self._quick is None:
            return _run(self._exact, crops, names)
        return self._read_again(_run_in_pieces(self._quick, crops, names), crops, names)

    def _read_again(
        self, outputs: npt.NDArray[np.float32], crops: Crops, names: Sequence[str]
    ) -> npt.NDArray[np.float32]:
        """The outputs of the quick graph, exact where it is unsure."""
        logits = outputs[:, : len(CLASSES)]
        unsure = softmax(logits, self.card.temperature).max(axis=1) < MIN_QUICK_CONFIDENCE
        if unsure.any():
            outputs[unsure] = _run(self._exact, crops[unsure], names)
        return outputs


def load_hand(folder: Path, card: Card) -> PageHand | None:
    """The writer adaptation of a model, if its card lists it.

    Raises:
        ModelError: the file is missing, damaged or not valid.
    """
    return PageHand.load(folder, card.files) if HAND_FILE in card.files else None


def _load_digit_graph(
    folder: Path, card: Card, name: str, hand: PageHand | None
) -> onnxruntime.InferenceSession:
    """Load a graph of a model folder. With a `hand` it must give features, too.

    Raises:
        ModelError: it is missing or damaged, or does not run here.
    """
    session = load_graph(folder, card.files, 1, DIGIT_TRIAL, name)
    if hand is not None:
        shape = (1, hand.features)
        trial = replace(DIGIT_TRIAL, output=_LOGITS_AND_FEATURES[1], shape=shape)
        try_graph(session, trial, folder, name)
    return session


def _run_in_pieces(
    session: onnxruntime.InferenceSession, crops: Crops, names: Sequence[str] = _LOGITS
) -> npt.NDArray[np.float32]:
    """Outputs (n, k) of crops (n, 28, 28), n > 0, read some at a time."""
    pieces = range(0, len(crops), _QUICK_CROPS_PER_CALL)
    return np.concatenate(
        [_run(session, crops[i : i + _QUICK_CROPS_PER_CALL], names) for i in pieces]
    )


def _run(
    session: onnxruntime.InferenceSession, crops: Crops, names: Sequence[str] = _LOGITS
) -> npt.NDArray[np.float32]:
    """Outputs of crops (n, 28, 28), n > 0, concatenated: (n, k)."""
    outputs = session.run(list(names), {"crops": crops})
    return np.concatenate([np.asarray(one, np.float32) for one in outputs], axis=1)


class KerasRecogniser(Recogniser):
    """The Keras model, on the GPU where TensorFlow finds one."""

    def __init__(
        self,
        card: Card,
        network: keras.Model,
        device: Device,
        batch: int,
        hand: PageHand | None = None,
    ) -> None:
        super().__init__(card, device, batch, hand)
        self._network = network
        self._with_features = network if hand is None else features_too(network)

    @classmethod
    def load(cls, folder: Path, card: Card, batch: int, device: Device = "gpu") -> KerasRecogniser:
        """Load the Keras model of a model folder.

        Raises:
            ModelError: the file is missing or damaged, or this Keras cannot load it.
            UsageError: `device` is `gpu` and TensorFlow finds no GPU.
        """
        network = load_network(folder, card)
        import tensorflow as tf

        if device == "gpu" and not tf.config.list_physical_devices("GPU"):
            raise UsageError(
                "--device gpu: TensorFlow finds no GPU. Install formreader[gpu] and the GPU's "
                "driver, or use --device cpu."
            )
        hand = load_hand(folder, card)
        crops = DIGIT_TRIAL.inputs["crops"]
        try:
            recogniser = cls(card, network, device, batch, hand)
            DIGIT_TRIAL.check(recogniser._logits(crops))
            if hand is not None:
                shape = (1, len(CLASSES) + hand.features)
                replace(DIGIT_TRIAL, shape=shape).check(recogniser._logits_and_features(crops))
        except Exception as error:  # Keras lets errors of any type through
            raise ModelError(
                f"{folder / KERAS_FILE}: the network is not one that formreader can use: {error}. "
                f"{how_to_renew(folder)}"
            ) from error
        return recogniser

    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        logits = self._network.predict_on_batch(crops[..., None])
        return np.asarray(logits, np.float32)

    def _logits_and_features(self, crops: Crops) -> npt.NDArray[np.float32]:
        outputs = self._with_features.predict_on_batch(crops[..., None])
        return np.concatenate([np.asarray(one, np.float32) for one in outputs], axis=1)


def features_too(network: keras.Model) -> keras.Model:
    """The network with two outputs: the logits, and the input of its last layer, (n, f)."""
    import keras

    return keras.Model(network.inputs, [network.outputs[0], network.layers[-1].input])


def load_network(folder: Path, card: Card) -> keras.Model:
    """The Keras model of a model folder.

    Raises:
        ModelError: the file is missing or damaged, or this Keras cannot load it.
    """
    content = read_checked(folder, card.files, KERAS_FILE)
    start_keras()
    import keras

    try:
        with tempfile.TemporaryDirectory() as copies:
            checked = Path(copies) / KERAS_FILE
            checked.write_bytes(content)
            return keras.saving.load_model(checked, compile=False)
    except Exception as error:  # Keras lets errors of any type through
        if is_disk_full(error):
            raise  # not the model's fault: the folder for temporary files is full
        raise ModelError(
            f"{folder / KERAS_FILE}: Keras cannot load the model ({error}). "
            "Update keras, or train the model again."
        ) from error


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU with a driver."""
    return any(os.path.exists(path) for path in _DRIVER_FILES)


def can_use_gpu() -> bool:
    """Whether there is a GPU and TensorFlow with CUDA, without importing it.

    CUDA's wheels alone are not enough: other packages (PyTorch) install them too.
    """
    return (
        has_gpu()
        and is_installed("tensorflow")
        and any(_has_wheel(wheel) for wheel in _CUDA_WHEELS)
    )


def _has_wheel(distribution: str) -> bool:
    import importlib.metadata  # slow, and only needed where there is a GPU

    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
