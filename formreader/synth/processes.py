"""Pages rendered by as many processes as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

from formreader.core.options import usable_cores

_TOLD_EACH = 250
_ITEMS_A_TASK = 8

_T = TypeVar("_T")


def map_in_processes(
    function: Callable[[int], _T],
    numbers: Sequence[int],
    tell: Callable[[str], None] | None = None,
) -> list[_T]:
    """`function` of each of the `numbers` of pages, in their order.

    `function` must be picklable. `tell` hears how many pages are done.
    """
    done: list[_T] = []
    if not numbers:
        return done
    # Spawned: a fork would inherit the threads of TensorFlow, but not their work.
    with ProcessPoolExecutor(
        min(usable_cores(), len(numbers)), get_context("spawn"), cv2.setNumThreads, (1,)
    ) as pool:
        for result in pool.map(function, numbers, chunksize=_ITEMS_A_TASK):
            done.append(result)
            if tell and len(done) % _TOLD_EACH == 0:
                tell(f"rendered {len(done)} of {len(numbers)} pages")
    return done
