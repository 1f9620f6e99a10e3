"""Training batches, each augmented with a seed of its own, made in threads ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from formreader.core.classes import Crops
from formreader.training.augment.augmentation import augment
from formreader.training.data.examples import Examples, Labels, joined

_T = TypeVar("_T")

_MAKING_THREADS = 2
"""Threads that make items. No record of a measurement."""
MAX_MADE_AHEAD = 16
"""Items made or being made ahead of their use: enough to even out that some take longer."""


@dataclass(slots=True, eq=False)
class TrainingBatches:
    """The examples, or a `share` of them, in the shuffled order of one epoch in batches of `batch`.

    Where `augmented`, `training` is augmented in every way and `scanned` in shape only, as
    scanning has already degraded it. The content of a batch depends on `seed`, `epoch` and its
    place alone, never on which thread makes it or when.
    """

    training: Examples
    scanned: Examples
    batch: int
    augmented: bool
    seed: int
    epoch: int
    share: float = 1.0
    _examples: Examples = field(init=False)
    _order: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._examples = joined(self.training, self.scanned)
        rng = np.random.default_rng([self.seed, self.epoch])
        self._order = rng.permutation(len(self._examples))

    def __len__(self) -> int:
        return max(1, int(self.share * len(self._examples)) // self.batch)

    def __getitem__(self, place: int) -> tuple[Crops, Labels]:
        chosen = self._order[place * self.batch : (place + 1) * self.batch]
        crops = self._examples.crops[chosen]
        if self.augmented:
            rng = np.random.default_rng([self.seed, self.epoch, place])
            crops = augment(crops, rng, scanned=chosen >= len(self.training))
        return crops[..., None], self._examples.labels[chosen]


def made_ahead(make: Callable[[int], _T], n: int) -> Generator[_T]:
    """Yield `make(0)` to `make(n - 1)`, in order, made by threads while earlier ones are in use.

    Errors of `make` are raised here. Close the iterator if it is not exhausted, to end its
    threads.
    """
    pool = ThreadPoolExecutor(_MAKING_THREADS)
    places = iter(range(n))
    try:
        waiting = deque(pool.submit(make, place) for place in islice(places, MAX_MADE_AHEAD))
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(pool.submit(make, place) for place in islice(places, 1))
            yield made
    finally:
        pool.shutdown(cancel_futures=True)
