"""A process that answers one call at a time, and may die or be killed at any moment.

Each has its own pipe: in the pools of `concurrent.futures` and Pebble all share one, and hang for
ever if a worker is killed while it holds a lock or in the middle of a message.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import spawn
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

Prepare: TypeAlias = Callable[[], None]
"""What a worker does before its first call; picklable."""

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function, its arguments and its named arguments; picklable."""

WORKER_IMPORTS = "formreader.batch.worker_imports"
"""The module to preload for workers that read pages. Its import takes most of a second in the
workers, and much of it again in the main process, so both start at the same time."""

_MAX_SECONDS_TO_START = 120.0
"""Longest wait for a worker: imports from a network drive take long. A choice, not measured."""

_MAX_SECONDS_TO_END = 5.0
"""Longest wait for a killed process to end and for its exit code. A choice, not measured."""

_MEMORY_LOOKS_SECONDS = 0.05
"""Seconds between two looks at the memory of a process that runs a call. In this time it can take
about 100 MB more; a look takes about 0.1 ms of the main process."""

_LONGEST_LOOK_SECONDS = 1.0
"""Most seconds that count between two looks. If it took longer, the whole program stood still
(Ctrl-Z, a laptop asleep), which is no fault of the call. A choice, not measured."""

_IDLE_SHARE = 0.5
"""Share of the limit of memory up to which an idle process is kept: what earlier calls left behind
must not count against the next one. A choice, not measured."""

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

_TERMINAL_SIGNALS = ("SIGINT", "SIGHUP")
"""Signals that a terminal sends to every process of the program; Windows has no SIGHUP."""

_children_lock = threading.Lock()
"""Held while a process is started or waited for. The list of child processes in `multiprocessing`
is not thread-safe, and a second thread that asks for an exit code gets a wrong one."""


class WorkerDiedError(Exception):
    """The process ended during the call; the message says how, e.g. `SIGKILL`."""


class TimeLimitError(Exception):
    """The call took too long, and its process was killed."""


class MemoryLimitError(Exception):
    """The call took too much memory, and its process was killed."""


@dataclass(frozen=True, slots=True)
class _Raised:
    """The exception that a call raised."""

    error: BaseException


class WorkerProcess:
    """A process for calls; the constructor starts it and waits until it is ready.

    A call may take at most `memory` bytes, all of the process included.

    Raises:
        WorkerDiedError: it ended before it was ready.
        TimeLimitError: it took too long to start.
        OSError, EOFError: the system cannot start a process.
    """

    def __init__(self, prepare: Prepare, preload: str, memory: float = math.inf) -> None:
        self._limit = memory
        context = _context(preload)
        self._pipe, worker_end = context.Pipe()
        with worker_end, _children_lock:
            self._process = context.Process(
                target=_answer_calls, args=(worker_end, prepare), daemon=True
            )
            with _without_main_module():
                self._process.start()
        self._memory = ProcessMemory(self._process.pid)
        self._receive(_MAX_SECONDS_TO_START)

    def call(self, call: Call, seconds: float) -> Any:
        """Run a call in the process; return its result, or raise its exception.

        Raises:
            WorkerDiedError: the process ended during the call.
            TimeLimitError: the call took more than `seconds`; the process was killed.
            MemoryLimitError: the process took more memory than its limit, and was killed.
        """
        try:
            self._pipe.send(call)
        except OSError as error:
            raise WorkerDiedError(self.end()) from error
        answer = self._receive(seconds)
        if isinstance(answer, _Raised):
            raise answer.error
        return answer

    def is_swollen(self) -> bool:
        """Whether an idle worker holds so much memory that the next call should have a new one."""
        return self._memory.resident() > _IDLE_SHARE * self._limit

    def is_alive(self) -> bool:
        """Whether an idle worker is alive: its pipe becomes readable only when it ends."""
        try:
            return not self._pipe.poll()
        except OSError:  # on Windows
            return False

    def kill(self) -> None:
        """Kill the process, from any thread; a call that it runs raises `WorkerDiedError`."""
        self._process.kill()

    def end(self) -> str:
        """Kill the process if it is alive; return how it ended: a signal or an exit code."""
        self._pipe.close()
        with _children_lock:
            self._process.kill()
            self._process.join(_MAX_SECONDS_TO_END)
            code = self._process.exitcode
        if code is None:
            return "does not end"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _receive(self, seconds: float) -> Any:
        left = seconds
        try:
            while left > 0:
                began = time.monotonic()
                if self._pipe.poll(min(left, _MEMORY_LOOKS_SECONDS)):
                    return self._pipe.recv()
                self._check_memory()
                left -= min(time.monotonic() - began, _LONGEST_LOOK_SECONDS)
        except (EOFError, OSError) as error:
            raise WorkerDiedError(self.end()) from error
        self.end()
        raise TimeLimitError(f"{seconds:g} s")

    def _check_memory(self) -> None:
        """Kill a process over its limit; with one of the system pdfium silently omits parts."""
        if self._memory.resident() > self._limit:
            self.end()
            raise MemoryLimitError(f"{self._limit / GIB:.2g} GiB")


def start_worker(level: int) -> None:
    """Prepare a worker with this logging level; its parent heeds Ctrl-C and a closed terminal."""
    for name in _TERMINAL_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    keep_to_one_thread()
    logging.basicConfig(format="%(name)s: %(message)s")
    logging.getLogger("formreader").setLevel(level)


def keep_to_one_thread() -> None:
    """Make OpenCV and NumPy's BLAS use one core in this process: pages run in parallel."""
    import cv2  # here: this module is imported before there are workers
    from threadpoolctl import threadpool_limits

    cv2.setNumThreads(1)
    threadpool_limits(1)


def start_early(preload: str) -> None:
    """Import the module `preload` for workers in the background, if the system supports it."""
    if _has_fork_server():
        from multiprocessing import forkserver

        _context(preload)
        forkserver.ensure_running()


def _context(preload: str) -> SpawnContext | ForkServerContext:
    """Return how to start processes: not by a plain fork, which is unsafe with threads."""
    if not _has_fork_server():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Start processes of this thread without the main module: each would run a script again."""
    prepare, thread = spawn.get_preparation_data, threading.get_ident()

    def without_main(name: str) -> dict[str, Any]:
        data = prepare(name)
        if threading.get_ident() == thread:
            data = {key: value for key, value in data.items() if not key.startswith("init_main")}
        return data

    spawn.get_preparation_data = without_main
    try:
        yield
    finally:
        spawn.get_preparation_data = prepare


def _has_fork_server() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _answer_calls(calls: Connection, prepare: Prepare) -> None:
    """Answer calls until the other end of the pipe is closed; runs in the worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    calls.send(None)  # it is ready
    with suppress(EOFError, OSError):  # of the pipe; exceptions of calls are sent as answers
        while True:
            answer = _answer(*calls.recv())
            # Connection.send uses an older pickle protocol, which copies arrays once more.
            calls.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _answer(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        error.add_note(traceback.format_exc())  # the traceback itself cannot be pickled
        return _Raised(error)


def _end_with_parent() -> None:
    """End this worker when its program was killed, even in the middle of a long call."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def worker_memory(workers: int, memory: float | None = None) -> int:
    """The bytes that each of `workers` may take, by `memory` in GiB or the machine's memory."""
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
