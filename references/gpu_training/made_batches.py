"""Batches made by processes that are forked before a GPU is in use."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from shared.batches import Batch

_MOST_WAITING = 96
"""Batches that are being made, or wait to be used, at most."""

_of_process: dict[str, Callable[[int], Batch]] = {}


class MadeBatches:
    """Makes the batches of steps in `processes` processes, ahead of their use.

    `make` makes the batch of a step. The processes have it, and all its data, as it is when the
    context is entered. A thread pool of OpenCV that runs then would hang in them.
    """

    def __init__(self, make: Callable[[int], Batch], processes: int) -> None:
        self._make, self._processes = make, processes

    def __enter__(self) -> Self:
        _of_process["make"] = self._make
        context = multiprocessing.get_context("fork")
        self._room = context.Semaphore(_MOST_WAITING)
        self._pool = context.Pool(self._processes)
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.terminate()

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """The batches of the steps from `first` to before `last`, in their order."""

        def steps() -> Iterator[int]:
            for step in range(first, last):
                self._room.acquire()
                yield step

        for batch in self._pool.imap(_made, steps()):
            self._room.release()
            yield batch


def _made(step: int) -> Batch:
    return _of_process["make"](step)


def seeded(make: Callable[[np.random.Generator], Any], seed: int) -> Callable[[int], Any]:
    """`make` with a random generator that depends on the seed and the step alone."""
    return lambda step: make(np.random.default_rng((seed, step)))
