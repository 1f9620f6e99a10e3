"""How much memory a worker may take, and how much it takes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

GIB = 2**30
"""Bytes in a GiB, the unit of `--memory`."""

_USED_SHARE = 0.8
"""Share of the machine's memory that the program may take; the rest is for the system."""

_MAIN_PROCESS_BYTES = 1 * GIB
"""For the main process, with its networks and the pages that wait for them. 0.5 GiB were seen."""

_MIN_WORKER_BYTES = GIB // 2
"""Least limit that is derived: a worker takes 0.2 GiB on an A4 page of 300 dpi, 0.4 at 600 dpi."""

_MAX_WORKER_BYTES = 4 * GIB
"""Largest limit that is derived: no page within the limit of pixels needs more."""

_CONTROL_GROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where Linux states the limit of a container, in versions 2 and 1 of control groups."""


def worker_memory(workers: int, memory: float | None = None) -> int:
    """Return the bytes that each of `workers` processes may take.

    `memory` is the value of `--memory` in GiB; None derives it from the machine's memory.
    """
    if memory is not None:
        return round(memory * GIB)
    share = (_USED_SHARE * machine_memory() - _MAIN_PROCESS_BYTES) / workers
    return round(min(max(share, _MIN_WORKER_BYTES), _MAX_WORKER_BYTES))


def machine_memory() -> int:
    """Return the bytes of memory of the machine, or of the container if it has fewer."""
    limits = [int(psutil.virtual_memory().total)]
    for path in _CONTROL_GROUP_LIMITS:
        try:
            limits.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
    return min(limits)


class ProcessMemory:
    """The resident memory of another process of this machine."""

    def __init__(self, pid: int | None) -> None:
        self._process: psutil.Process | None = None
        with suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def resident(self) -> int:
        """Return the bytes of memory that it takes; 0 once it has ended."""
        try:
            return 0 if self._process is None else int(self._process.memory_info().rss)
        except psutil.Error:
            return 0
