"""One executor shared by several scans: calls take turns by lane, urgent ones go first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call that waits for a worker, and the future that its caller has."""

    lane: Lane
    promised: Future[Any]
    run: Callable[[Executor], Future[Any]]


class Lanes:
    """Passes calls to `executor`, at most `calls` at a time, so that none waits inside it.

    Lanes take turns, so that a scan of thousands of pages does not keep another of one page
    waiting. Calls of an urgent lane go before all others.
    """

    def __init__(self, executor: Executor, calls: int) -> None:
        self._executor = executor
        self._free = calls
        self._urgent = deque[_Call]()
        self._turns = deque[Lane]()  # lanes with waiting calls, the next one first
        self.lock = threading.Lock()

    def open(self, *, urgent: bool = False) -> Lane:
        """Return a new lane; it is an executor of its own."""
        return Lane(self, urgent=urgent)

    def add(self, call: _Call) -> None:
        """Let a call wait for its turn; for `Lane`."""
        with self.lock:
            if call.lane.urgent:
                self._urgent.append(call)
            else:
                if not call.lane.waiting:
                    self._turns.append(call.lane)
                call.lane.waiting.append(call)
            call.lane.unfinished.add(call.promised)
        self._start_next()

    def drop(self, lane: Lane) -> list[Future[Any]]:
        """Forget the waiting calls of a lane; return the futures of all its calls; for `Lane`."""
        with self.lock:
            if lane.waiting:
                self._turns.remove(lane)
                lane.waiting.clear()
            self._urgent = deque(call for call in self._urgent if call.lane is not lane)
            unfinished = list(lane.unfinished)
            lane.unfinished.clear()
        return unfinished

    def waiting(self) -> int:
        """Return the number of calls that wait for a worker."""
        with self.lock:
            return len(self._urgent) + sum(len(lane.waiting) for lane in self._turns)

    def _next(self) -> _Call | None:
        """Take the call whose turn it is, if a worker is free for it."""
        with self.lock:
            if self._free == 0 or not (self._urgent or self._turns):
                return None
            self._free -= 1
            if self._urgent:
                return self._urgent.popleft()
            lane = self._turns.popleft()
            call = lane.waiting.popleft()
            if lane.waiting:
                self._turns.append(lane)
            return call

    def _start_next(self) -> None:
        while (call := self._next()) is not None:
            try:
                running = call.run(self._executor)
            except RuntimeError as error:  # the executor was shut down
                self._finish(call, error)
            else:
                running.add_done_callback(partial(self._finished, call))

    def _finished(self, call: _Call, ran: Future[Any]) -> None:
        self._finish(call, ran)
        self._start_next()

    def _finish(self, call: _Call, ran: Future[Any] | Exception) -> None:
        """Free the worker, then pass on the result; that of a closed lane is not wanted."""
        with self.lock:
            self._free += 1
            call.lane.unfinished.discard(call.promised)
        with suppress(InvalidStateError):
            if isinstance(ran, Exception):
                call.promised.set_exception(ran)
            elif ran.cancelled():
                call.promised.set_exception(CancelledError())
            elif (error := ran.exception()) is not None:
                call.promised.set_exception(error)
            else:
                call.promised.set_result(ran.result())


class Lane(Executor):
    """An executor whose calls take turns with those of other lanes; `shutdown` ends only it."""

    def __init__(self, lanes: Lanes, *, urgent: bool) -> None:
        self.urgent = urgent
        self.waiting = deque[_Call]()  # this and the next are guarded by the lock of `lanes`
        self.unfinished = set[Future[Any]]()
        self._lanes = lanes
        self._closed = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        if self._closed:
            raise CancelledError
        promised = Future[_T]()
        self._lanes.add(
            _Call(self, promised, lambda executor: executor.submit(fn, *args, **kwargs))
        )
        return promised

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the lane; with `cancel_futures` callers of unfinished calls get CancelledError.

        A call that runs already goes on in its worker; nobody waits for it.
        """
        self._closed = True
        if cancel_futures:
            for promised in self._lanes.drop(self):
                with suppress(InvalidStateError):
                    promised.set_exception(CancelledError())
