"""What a scan works with: workers, networks, the counter of PDFs; its own, or shared and warm."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ParamSpec, Self, TypeVar

from formreader.batch.input_checks import PdfCounter, list_inputs
from formreader.batch.network_cards import NetworkCards, load_other_networks, load_tried
from formreader.batch.outputs import Outputs
from formreader.batch.page_pool import (
    PAGES_AHEAD_PER_WORKER,
    PagePool,
    explain,
    open_pool,
    start_workers,
)
from formreader.batch.worker_reading import WorkerReading, work_and_read
from formreader.core.errors import UsageError
from formreader.core.model_folder import is_shipped, model_folder
from formreader.core.options import ScanOptions, usable_cores
from formreader.core.records import InputFile
from formreader.input.input_files import InputListing
from formreader.recognise.recogniser import Recogniser

_P = ParamSpec("_P")
_T = TypeVar("_T")


_CORES_PER_NETWORK_THREAD = 4
"""Processor cores for each thread of the network, which takes about a fifth of a page's time (no
record of how that was measured). Threads without work wait in a busy loop, and take cores."""


class ScanMeans:
    """What a scan works with: workers and networks of its own, started and loaded for it."""

    def __init__(self) -> None:
        self._cards: NetworkCards | None = None
        self._recogniser: Recogniser | None = None

    def list_inputs(self, options: ScanOptions, outputs: Outputs | None) -> InputListing:
        """Return the files to read, without `outputs`, which are None where no table is written."""
        if outputs is None:
            return list_inputs(options.paths, seconds=options.page_timeout)
        return outputs.list_inputs(options.paths, options.page_timeout)

    def counter(self, options: ScanOptions) -> AbstractContextManager[PdfCounter]:
        """Count the pages of PDFs within a `with` statement."""
        return PdfCounter(options.page_timeout, options.memory)

    def pool(self, options: ScanOptions, pages: int, *, stores: bool = False) -> PagePool:
        """Return workers for `pages` pages: a cluster, or processes here; `with` gives them back.

        Workers that read load the networks themselves, and if `stores` return pages as a job stores
        them. What users bring is tried before.

        Raises:
            ModelError: a model is missing or damaged.
            UsageError: there is no such device, or the second reader is not installed.
        """
        reading = WorkerReading.of(options, self.cards(options), stores=stores)
        if reading is None or options.second_reader or not is_shipped(model_folder(options.model)):
            self.recogniser(options)
        if options.cluster is not None:
            if options.memory is not None:
                raise UsageError(
                    "--memory is for workers on this machine. On a cluster start the workers with "
                    "a limit: dask worker --memory-limit 2GiB"
                )
            # Dask takes a second to import.
            from formreader.batch.dask_cluster import TlsFiles, open_cluster

            tls = TlsFiles.of(options)
            return open_cluster(options.cluster, options.page_timeout, tls, reading)
        if options.tls_ca_file or options.tls_cert or options.tls_key:
            raise UsageError(
                "--tls-ca-file, --tls-cert and --tls-key are for --cluster tls://HOST:PORT"
            )
        return open_pool(options.workers, pages, options.page_timeout, options.memory, reading)

    def cards(self, options: ScanOptions) -> NetworkCards:
        """Return the cards of the networks, before those are loaded."""
        # Once: workers read with those of the job's record, or not at all.
        if self._cards is None:
            self._cards = NetworkCards.read(options.model, options.second_reader)
        return self._cards

    def recogniser(self, options: ScanOptions) -> Recogniser:
        """Return the network, once all networks are loaded in this process."""
        if self._recogniser is None:
            self._recogniser = load_networks(options)
        return self._recogniser


class WarmMeans:
    """Workers and networks that many scans share, also at the same time; `with` ends them.

    The `options` say which; those of a scan cannot choose others.

    Raises:
        ModelError: a model is missing or damaged.
        UsageError: there is no such device.
    """

    def __init__(self, options: ScanOptions) -> None:
        self._workers = options.workers
        self.cards = NetworkCards.read(options.model, options.second_reader)
        reading = WorkerReading.of(options, self.cards)
        self._executor = start_workers(
            options.workers, options.page_timeout, options.memory, reading
        )
        try:
            self.network = load_networks(options)
        except BaseException:
            self._executor.shutdown(cancel_futures=True)
            raise
        self.lanes = Lanes(self._executor, options.workers)
        self.count_pages = PdfCounter(options.page_timeout, options.memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)
        self.count_pages.__exit__()

    def of(
        self, files: Sequence[InputFile], skipped: int = 0, *, urgent: bool = False
    ) -> SharedMeans:
        """Return what the scan of `files` works with; `skipped` files are of other kinds.

        Pages of an `urgent` one go before those of others.
        """
        return SharedMeans(
            self, InputListing(tuple(files), skipped), self.lanes.open(urgent=urgent)
        )

    def pool_of(self, lane: Lane) -> PagePool:
        """Return the pool of a lane."""
        close = partial(lane.shutdown, cancel_futures=True)
        return PagePool(lane, PAGES_AHEAD_PER_WORKER * self._workers, explain, close)


class SharedMeans(ScanMeans):
    """What one of several scans at the same time works with: what all of them share."""

    def __init__(self, warm: WarmMeans, listing: InputListing, lane: Lane) -> None:
        self._warm = warm
        self._listing = listing
        self._lane = lane

    def cancel(self) -> None:
        """End the scan: it raises `CancelledError` at the next page."""
        self._lane.shutdown(cancel_futures=True)

    def list_inputs(self, options: ScanOptions, outputs: Outputs | None) -> InputListing:
        return self._listing

    def counter(self, options: ScanOptions) -> AbstractContextManager[PdfCounter]:
        return nullcontext(self._warm.count_pages)

    def pool(self, options: ScanOptions, pages: int, *, stores: bool = False) -> PagePool:
        reading = WorkerReading.of(options, self._warm.cards, stores=stores)
        return replace(
            self._warm.pool_of(self._lane), work_page=partial(work_and_read, reading=reading)
        )

    def cards(self, options: ScanOptions) -> NetworkCards:
        return self._warm.cards

    def recogniser(self, options: ScanOptions) -> Recogniser:
        return self._warm.network


def load_networks(options: ScanOptions) -> Recogniser:
    """Load all networks, so that damage is reported once and early; return that of digits.

    Raises:
        ModelError: a model is missing or damaged.
        UsageError: there is no such device, or the second reader is not installed.
    """
    cores = usable_cores()  # all for the network, unless workers here need them
    threads = cores if options.cluster else max(1, cores // _CORES_PER_NETWORK_THREAD)
    recogniser = load_tried(options.model, options.device, options.batch, threads)
    load_other_networks(options.second_reader)
    return recogniser


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call that waits for a worker, and the future that its caller has."""

    lane: Lane
    promised: Future[Any]
    run: Callable[[Executor], Future[Any]]


class Lanes:
    """One executor shared by several scans: passes on at most `calls` at a time.

    Lanes take turns, so that no long scan keeps a short one waiting; urgent ones go first.
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
