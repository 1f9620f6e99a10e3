"""Prefetching: make items in threads, a few ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")

_MAKING_THREADS = 2
"""Threads that make items. No record of a measurement."""
MAX_MADE_AHEAD = 16
"""Items made or being made ahead of their use: enough to even out that some take longer."""


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
