"""Rendering of many pages, in as many processes as there are cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import cv2

from formreader.core.options import usable_cores

_PAGES_PER_REPORT = 250
"""Pages between two reports of the progress."""

_PAGES_PER_TASK = 8
"""Pages that a process is handed at a time; no record of a measurement."""

_T = TypeVar("_T")


def map_in_processes(
    function: Callable[[int], _T],
    numbers: Sequence[int],
    report: Callable[[str], None] | None = None,
) -> list[_T]:
    """Call `function` with each of the `numbers` of pages; returns the results in their order.

    `function` must be picklable. `report` is called now and then with a line of text that
    says how many pages are done.
    """
    done: list[_T] = []
    if not numbers:
        return done
    # Spawned: a forked process would inherit TensorFlow's locks, but not its threads.
    with ProcessPoolExecutor(
        min(usable_cores(), len(numbers)), get_context("spawn"), cv2.setNumThreads, (1,)
    ) as pool:
        for result in pool.map(function, numbers, chunksize=_PAGES_PER_TASK):
            done.append(result)
            if report and len(done) % _PAGES_PER_REPORT == 0:
                report(f"rendered {len(done)} of {len(numbers)} pages")
    return done
