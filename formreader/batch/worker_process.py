"""A process that answers one call at a time, and may die or be ended at any moment.

The pools of `concurrent.futures` and of Pebble share one pipe and its locks among all their
workers: one that is killed while it holds a lock, or half through a message, stops the others
for good. Here each worker has a pipe of its own, which breaks with it alone.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

Prepare: TypeAlias = Callable[[], None]
"""What a worker does before its first call; picklable."""

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
"""A function, its arguments and its named arguments; picklable."""

_START_SECONDS = 120.0
"""Longest time until a worker is ready; imports from a slow network drive take long."""

_END_SECONDS = 5.0
"""Longest time that the system takes to end a process and to tell its exit code."""

_LONGEST_WAIT = 1e6
"""Seconds. Systems that count milliseconds in 32 bits wait no longer than twice that."""

_children = threading.Lock()
"""Held while a process is started or waited for: `multiprocessing` keeps a list of its
children that is not made for threads, and who asks second for an exit code gets another."""


class WorkerDiedError(Exception):
    """The process ended before the call did; the message says how, e.g. `SIGKILL`."""


class TimeLimitError(Exception):
    """The call took too long, and its process was ended."""


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a call raised instead of returning."""

    error: BaseException


class WorkerProcess:
    """A process of its own, started by the constructor.

    Raises:
        WorkerDiedError: it ended before it was ready.
        TimeLimitError: it does not get ready.
        OSError, EOFError: the system starts no process.
    """

    def __init__(self, prepare: Prepare, preload: str) -> None:
        context = _context(preload)
        self._pipe, theirs = context.Pipe()
        with theirs, _children:
            self._process = context.Process(
                target=_answer_calls, args=(theirs, prepare), daemon=True
            )
            with _without_main_module():
                self._process.start()
        self._receive(_START_SECONDS)

    def call(self, call: Call, seconds: float) -> Any:
        """What the call returns or raises.

        Raises:
            WorkerDiedError: the process ended before the call did.
            TimeLimitError: the call took more than `seconds`; the process is ended.
        """
        try:
            self._pipe.send(call)
        except OSError as error:
            raise WorkerDiedError(self.end()) from error
        answer = self._receive(seconds)
        if isinstance(answer, _Raised):
            raise answer.error
        return answer

    def is_alive(self) -> bool:
        """Whether a worker that has no call waits for one: unasked it only tells its end."""
        try:
            return not self._pipe.poll()
        except OSError:  # so Windows tells it
            return False

    def kill(self) -> None:
        """End the process now, from any thread; a call that is under way raises."""
        self._process.kill()

    def end(self) -> str:
        """End the process if it has not ended, and say how it did: a signal or an exit code."""
        self._pipe.close()
        with _children:
            self._process.kill()
            self._process.join(_END_SECONDS)
            code = self._process.exitcode
        if code is None:
            return "does not end"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _receive(self, seconds: float) -> Any:
        try:
            if self._pipe.poll(min(seconds, _LONGEST_WAIT)):
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerDiedError(self.end()) from error
        self.end()
        raise TimeLimitError(f"{seconds:g} s")


def start_early(preload: str) -> None:
    """Begin to import what workers will `preload`, while this process goes on.

    Where the system can; workers that are started before it is done wait for it.
    """
    if _has_fork_server():
        from multiprocessing import forkserver

        _context(preload)
        forkserver.ensure_running()


def _context(preload: str) -> SpawnContext | ForkServerContext:
    """Processes that inherit nothing by chance: threads and a plain fork do not go together."""
    if not _has_fork_server():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Start processes of this thread without the program's main module.

    Workers need nothing of it, and importing it again would run a script that has no
    `if __name__ == "__main__"` once more in each worker.
    """
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
    """A worker's life, which ends when nobody holds the other end of the pipe."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()
    calls.send(None)  # it is ready
    with suppress(EOFError, OSError):  # of the pipe; those of calls are answers
        while True:
            answer = _answer(*calls.recv())
            # The pipe's own protocol, an older one, copies arrays once more.
            calls.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _answer(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return fn(*args, **kwargs)
    except Exception as error:
        error.add_note(traceback.format_exc())  # the traceback itself cannot be pickled
        return _Raised(error)


def _end_with_parent() -> None:
    """End a worker whose program was killed, also in the middle of a long call."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
