"""Batches for Keras, each augmented by its own seed while the one before is trained on."""

from __future__ import annotations

import keras
import numpy as np

from formreader.training.augment import augment
from formreader.training.data import Examples, Labels
from formreader.types import Crops


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """The examples in a new order each epoch, in batches of `batch`.

    What a batch holds depends on `seed`, the epoch and its place alone, never on
    which thread makes it or when.
    """

    def __init__(self, examples: Examples, batch: int, augmented: bool, seed: int) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=16)
        self._examples = examples
        self._batch = batch
        self._augmented = augmented
        self._seed = seed
        self._epoch = 0
        self._order = self._shuffled()

    def __len__(self) -> int:
        return max(1, len(self._examples) // self._batch)

    def __getitem__(self, place: int) -> tuple[Crops, Labels]:
        chosen = self._order[place * self._batch : (place + 1) * self._batch]
        crops = self._examples.crops[chosen]
        if self._augmented:
            crops = augment(crops, np.random.default_rng([self._seed, self._epoch, place]))
        return crops[..., None], self._examples.labels[chosen]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._examples))
