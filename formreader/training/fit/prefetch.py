"""Making things in threads a little ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")

THREADS = 2
AHEAD = 16
"""Things that wait for their use: enough to even out that some take longer than others."""


def made_ahead(make: Callable[[int], _T], n: int) -> Generator[_T]:
    """`make(0)` to `make(n - 1)`, in order, made by threads while those before are in use.

    What `make` raises is raised here. Close the iterator where it is not used up: its threads
    then end.
    """
    pool = ThreadPoolExecutor(THREADS)
    places = iter(range(n))
    try:
        waiting = deque(pool.submit(make, place) for place in islice(places, AHEAD))
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(pool.submit(make, place) for place in islice(places, 1))
            yield made
    finally:
        pool.shutdown(cancel_futures=True)
