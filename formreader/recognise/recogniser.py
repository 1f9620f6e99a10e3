"""Batches of crops in, calibrated probabilities out, on a CPU or a GPU.

On a CPU the exported graph runs in ONNX Runtime: Keras would take ten seconds to
import. On a GPU the Keras model runs itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from formreader.core.errors import UsageError
from formreader.core.model_folder import model_folder
from formreader.core.options import DEFAULT_MODEL, Device, usable_cores
from formreader.core.records import Crops
from formreader.recognise.architectures import CLASSES
from formreader.recognise.model_card import Card, read_card

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""(n, 11) float32, rows sum to 1; columns are the digits 0-9 and "not a digit"."""


class Recogniser(ABC):
    """Reads crops with one model; `card` tells all about it, `device` where it runs."""

    def __init__(self, card: Card, device: Device, batch: int) -> None:
        self.card = card
        self.device = device
        self._batch = batch

    def probabilities(self, crops: Crops) -> Probabilities:
        """Calibrated probabilities (n, 11) float32 of crops (n, 28, 28) or (n, 28, 28, 1) uint8.

        Raises:
            ValueError: `crops` has another shape or type.
        """
        return self._read(crops, self._logits)

    def drafts(self, crops: Crops) -> Probabilities:
        """What `probabilities` gives, but roughly where that is faster.

        It is for choosing which of many crops to read.

        Raises:
            ValueError: `crops` has another shape or type.
        """
        return self._read(crops, self._draft_logits)

    def _read(
        self, crops: Crops, logits_of: Callable[[Crops], npt.NDArray[np.float32]]
    ) -> Probabilities:
        """Probabilities by what gives the logits of one batch."""
        if crops.dtype != np.uint8 or crops.shape[1:] not in ((28, 28), (28, 28, 1)):
            raise ValueError(
                f"crops must be (n, 28, 28) uint8. Received: {crops.shape} {crops.dtype}"
            )
        crops = crops.reshape(-1, 28, 28)
        parts = [
            logits_of(crops[start : start + self._batch])
            for start in range(0, len(crops), self._batch)
        ]
        logits = np.concatenate(parts) if parts else np.zeros((0, len(CLASSES)), np.float32)
        return softmax(logits, self.card.temperature)

    @abstractmethod
    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        """Logits (n, 11) of one batch of crops (n, 28, 28), n > 0."""

    def _draft_logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        """The same for drafts."""
        return self._logits(crops)


def load_recogniser(
    model: str = DEFAULT_MODEL,
    device: Device = "auto",
    batch: int = 1024,
    threads: int | None = None,
) -> Recogniser:
    """A recogniser ready to read.

    Args:
        model: name of a model that ships with the program, or a model folder.
        device: `auto` takes the GPU where there is one and TensorFlow can use it.
        batch: crops that the network sees at a time.
        threads: for the CPU; as many as there are usable cores where it is None.

    Raises:
        ModelError: the model folder is missing, damaged, or of another version.
        UsageError: `device` is `gpu` and there is none, or `batch` is not positive.
    """
    if batch < 1:
        raise UsageError(f"--batch must be at least 1. Received: {batch}")
    from formreader.recognise import runtimes

    if device == "gpu" and not runtimes.has_gpu():
        raise UsageError(
            "--device gpu: this machine has no NVIDIA GPU or no driver for it. Use --device cpu."
        )
    folder = model_folder(model)
    card = read_card(folder)
    if device == "gpu" or (device == "auto" and runtimes.can_use_gpu()):
        return runtimes.KerasRecogniser.load(folder, card, batch)
    return runtimes.OnnxRecogniser.load(folder, card, batch, threads or usable_cores())


def softmax(logits: npt.NDArray[np.float32], temperature: float) -> Probabilities:
    """Probabilities of logits (n, k) at a temperature, (n, k) float32."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
