"""What a scan works with: workers, networks, the counter of PDFs; its own, or shared and warm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Protocol, Self

from formreader.batch.lanes import Lane, Lanes
from formreader.batch.listing import list_inputs
from formreader.batch.model_trial import load_tried
from formreader.batch.network_cards import NetworkCards, load_other_networks
from formreader.batch.outputs import Outputs
from formreader.batch.page_pool import (
    PAGES_AHEAD_PER_WORKER,
    PagePool,
    explain,
    open_pool,
    start_workers,
)
from formreader.batch.pdf_counter import PdfCounter
from formreader.batch.worker_reading import WorkerReading, work_and_read
from formreader.core.errors import UsageError
from formreader.core.model_folder import is_shipped, model_folder
from formreader.core.options import ScanOptions, usable_cores
from formreader.core.records import InputFile
from formreader.input.input_files import InputListing
from formreader.recognise.recogniser import Recogniser

_CORES_PER_NETWORK_THREAD = 4
"""Processor cores for each thread of the network. The network takes about a fifth of a page's time,
and threads without work wait in a busy loop, which takes cores from the workers. No record of how
the fifth was measured."""


class ScanMeans(Protocol):
    """What a scan works with."""

    def list_inputs(self, options: ScanOptions, outputs: Outputs | None) -> InputListing:
        """Return the files to read, in order, with their names in the results.

        `outputs` may not be among them; None where no table is written.
        """

    def counter(self, options: ScanOptions) -> AbstractContextManager[PdfCounter]:
        """Count the pages of PDFs within a `with` statement."""

    def pool(self, options: ScanOptions, pages: int, *, stores: bool = False) -> PagePool:
        """Return the workers for `pages` pages; the end of `with` gives them back.

        `stores`: those that read return pages as a job stores them.

        Raises:
            ModelError: a model is missing or damaged.
            UsageError: there is no such device, or the second reader is not installed.
        """

    def cards(self, options: ScanOptions) -> NetworkCards:
        """Return the cards of the networks, before those are loaded."""

    def recogniser(self, options: ScanOptions) -> Recogniser:
        """Return the network, once all networks are loaded in this process."""


class OwnMeans:
    """Workers and networks of a single scan, started and loaded for it."""

    def __init__(self) -> None:
        self._cards: NetworkCards | None = None
        self._recogniser: Recogniser | None = None

    def list_inputs(self, options: ScanOptions, outputs: Outputs | None) -> InputListing:
        if outputs is None:
            return list_inputs(options.paths, seconds=options.page_timeout)
        return outputs.list_inputs(options.paths, options.page_timeout)

    def counter(self, options: ScanOptions) -> AbstractContextManager[PdfCounter]:
        return PdfCounter(options.page_timeout, options.memory)

    def pool(self, options: ScanOptions, pages: int, *, stores: bool = False) -> PagePool:
        """Return a pool of workers: a cluster, or processes of this machine.

        Workers that read load the networks themselves. What users bring is tried before.
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
        # Once: workers read with those of the job's record, or not at all.
        if self._cards is None:
            self._cards = NetworkCards.read(options.model, options.second_reader)
        return self._cards

    def recogniser(self, options: ScanOptions) -> Recogniser:
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


class SharedMeans:
    """What one of several scans at the same time works with."""

    def __init__(self, warm: WarmMeans, listing: InputListing, lane: Lane) -> None:
        self._warm = warm
        self._listing = listing
        self._lane = lane

    def cancel(self) -> None:
        """End the scan: it raises `CancelledError` at the next page."""
        self._lane.shutdown(cancel_futures=True)

    def list_inputs(self, options: ScanOptions, outputs: Outputs | None) -> InputListing:
        return self._listing

    @contextmanager
    def counter(self, options: ScanOptions) -> Iterator[PdfCounter]:
        with nullcontext(self._warm.count_pages) as counter:
            yield counter

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
    threads = _network_threads(options)
    recogniser = load_tried(options.model, options.device, options.batch, threads)
    load_other_networks(options.second_reader)
    return recogniser


def _network_threads(options: ScanOptions) -> int:
    """Return the number of CPU threads for the network: all cores unless workers need them."""
    cores = usable_cores()
    return cores if options.cluster else max(1, cores // _CORES_PER_NETWORK_THREAD)
