"""An executor whose workers may die and whose calls may hang without harm to other calls."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from formreader.batch.worker_process import (
    Call,
    MemoryLimitError,
    Prepare,
    TimeLimitError,
    WorkerDiedError,
    WorkerProcess,
)

_P = ParamSpec("_P")
_T = TypeVar("_T")

_MAX_STARTS_IN_A_ROW = 5
"""Attempts to start a worker before it is an error. A choice, not measured."""

_START_PAUSE = 0.5
"""Seconds between two attempts to start: memory may be free by then. A choice, not measured."""


class WorkerStartError(Exception):
    """No process can be started; the message says why."""


class ProcessExecutor(Executor):
    """Runs calls in `workers` processes, which start in the background.

    A call raises `TimeLimitError` after `seconds`, `MemoryLimitError` over `memory` bytes, and
    `WorkerStartError` if no worker starts. If its worker dies, it is repeated once, and its result
    passed through `mark_repeated`; then it raises `WorkerDiedError`. All that is passed is pickled.
    `preload` names a module that is imported once for all workers, if the system supports it.
    """

    def __init__(
        self,
        workers: int,
        prepare: Prepare,
        seconds: float,
        preload: str,
        memory: float = math.inf,
        mark_repeated: Callable[[Any], Any] | None = None,
    ) -> None:
        self._prepare = prepare
        self._mark_repeated = mark_repeated
        self._seconds = seconds
        self._preload = preload
        self._memory = memory
        self._workers = set[WorkerProcess]()
        self._idle = SimpleQueue[WorkerProcess]()
        self._ended = False
        self._lock = threading.Lock()  # guards `_workers` and `_ended`
        # Each thread only waits for one worker.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="formreader-worker")
        for _ in range(workers):
            self._threads.submit(lambda: self._idle.put(self._start()))

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        return self._threads.submit(self._call, (fn, args, kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers when all calls are done; with `cancel_futures` at once, calls too.

        Without `wait`, workers that still have calls end with the program.
        """
        if cancel_futures:
            self._threads.shutdown(wait=False, cancel_futures=True)
            with self._lock:
                self._ended = True
                for worker in self._workers:
                    worker.kill()
        self._threads.shutdown(wait=wait)
        if wait:
            while self._workers:
                self._workers.pop().end()

    def _call(self, call: Call) -> Any:
        with suppress(WorkerDiedError):
            return self._call_once(call)
        result = self._call_once(call)
        return result if self._mark_repeated is None else self._mark_repeated(result)

    def _call_once(self, call: Call) -> Any:
        if self._ended:
            raise CancelledError
        worker = self._take()
        try:
            result = worker.call(call, self._seconds)
        except (WorkerDiedError, TimeLimitError, MemoryLimitError):
            self._forget(worker)
            raise
        except BaseException:  # raised by the call itself
            self._put_back(worker)
            raise
        self._put_back(worker)
        return result

    def _put_back(self, worker: WorkerProcess) -> None:
        """Keep an idle worker for the next call, unless it holds much memory."""
        if not worker.is_swollen():
            self._idle.put(worker)
            return
        worker.end()
        self._forget(worker)

    def _take(self) -> WorkerProcess:
        """Return an idle worker that is alive, or a new one."""
        with suppress(Empty):
            while True:
                worker = self._idle.get_nowait()
                if worker.is_alive():
                    return worker
                worker.end()
                self._forget(worker)
        return self._start()

    def _start(self) -> WorkerProcess:
        for _ in range(_MAX_STARTS_IN_A_ROW):
            try:
                worker = WorkerProcess(self._prepare, self._preload, self._memory)
            except (WorkerDiedError, TimeLimitError, MemoryLimitError, OSError, EOFError) as error:
                failure = error
                time.sleep(_START_PAUSE)
            else:
                return self._register(worker)
        raise WorkerStartError(str(failure) or type(failure).__name__) from failure

    def _register(self, worker: WorkerProcess) -> WorkerProcess:
        with self._lock:
            if not self._ended:
                self._workers.add(worker)
                return worker
        worker.end()
        raise CancelledError

    def _forget(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._workers.discard(worker)
