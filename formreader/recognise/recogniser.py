"""Read crops in batches: the base class of all runtimes, and the softmax.

The runtimes are in `runtimes`; `load_recogniser` chooses one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from formreader.core.classes import CLASSES, CROP_SIDE, Crops, Probabilities
from formreader.core.errors import ModelError
from formreader.core.options import Device
from formreader.recognise.model_card import Card
from formreader.recognise.page_hand import Features, PageHand


class Recogniser(ABC):
    """Reads crops on `device` with the model that `card` describes.

    With a `hand` the readings are adapted to the writer of the page.
    """

    def __init__(
        self, card: Card, device: Device, batch: int, hand: PageHand | None = None
    ) -> None:
        self.card = card
        self.device = device
        self._batch = batch
        self.hand = hand

    def probabilities(self, crops: Crops) -> Probabilities:
        """Calibrated probabilities (n, 11) float32 of crops (n, 28, 28) or (n, 28, 28, 1) uint8.

        Raises:
            ValueError: `crops` has another shape or type.
            ModelError: the network gives numbers that are not finite.
        """
        return self._calibrated(self._outputs(crops, self._logits))

    def with_features(self, crops: Crops) -> tuple[Probabilities, Features]:
        """Probabilities of crops as in `probabilities`, and their features for `hand`, (n, f).

        Without a hand the features are (n, 0). Errors are those of `probabilities`.
        """
        if self.hand is None:
            return self.probabilities(crops), np.zeros((len(crops), 0), np.float32)
        outputs = self._outputs(crops, self._logits_and_features, self.hand.features)
        logits, features = np.split(outputs, [len(CLASSES)], axis=1)
        return self._calibrated(logits), features

    def _outputs(
        self,
        crops: Crops,
        outputs_of: Callable[[Crops], npt.NDArray[np.float32]],
        features: int = 0,
    ) -> npt.NDArray[np.float32]:
        """Logits and then features of crops, (n, 11 + f); `call` is made once per batch."""
        if crops.dtype != np.uint8 or crops.shape[1:] not in (
            (CROP_SIDE,) * 2,
            (CROP_SIDE, CROP_SIDE, 1),
        ):
            raise ValueError(
                f"crops must be (n, 28, 28) uint8. Received: {crops.shape} {crops.dtype}"
            )
        crops = crops.reshape(-1, CROP_SIDE, CROP_SIDE)
        parts = [
            outputs_of(crops[start : start + self._batch])
            for start in range(0, len(crops), self._batch)
        ]
        return np.concatenate([np.zeros((0, len(CLASSES) + features), np.float32), *parts])

    def _calibrated(self, logits: npt.NDArray[np.float32]) -> Probabilities:
        """Calibrated probabilities (n, 11) of logits."""
        if not np.isfinite(logits).all():
            raise ModelError(
                f"The network {self.card.name} {self.card.version} gives numbers that are not "
                "finite for a digit of these pages. Train it again, or use another --model"
            )
        return softmax(logits, self.card.temperature)

    @abstractmethod
    def _logits(self, crops: Crops) -> npt.NDArray[np.float32]:
        """Logits (n, 11) of one batch of crops (n, 28, 28), n > 0."""

    def _logits_and_features(self, crops: Crops) -> npt.NDArray[np.float32]:
        """Logits of one batch and the features of `hand`, (n, 11 + f)."""
        raise NotImplementedError(f"{type(self).__name__} reads no features")


def softmax(logits: npt.NDArray[np.float32], temperature: float) -> Probabilities:
    """Probabilities (n, k) float32 of logits (n, k), which are divided by the temperature first."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
