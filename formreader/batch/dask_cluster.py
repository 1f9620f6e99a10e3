"""Page work on a Dask cluster: a page pool whose workers run on other machines.

The scheduler and the workers need the same version of formreader as this machine. They must reach
the pages under the same paths or by URL. If a worker is lost, Dask gives its pages to the others.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from formreader.batch.page_pool import PAGES_AHEAD_PER_WORKER, PagePool
from formreader.batch.worker_process import keep_to_one_thread
from formreader.batch.worker_reading import StoredPage, WorkedPage, WorkerReading, work_and_read
from formreader.core.errors import ModelError, UsageError
from formreader.core.locations import is_url
from formreader.core.options import ScanOptions
from formreader.core.version import __version__
from formreader.reading.page_task import PageTask

if TYPE_CHECKING:
    from distributed import Client, Security

_TLS = "tls://"
"""Beginning of the address of a scheduler that talks TLS."""

_MAX_SECONDS_TO_CONNECT = 10.0
"""Longest wait for the scheduler to answer, and again for a worker. A choice, not measured."""

_page_lock = threading.Lock()
"""Held while a worker's process works on a page, so that it works on one at a time: pdfium is not
thread-safe, and a page that takes too long ends the process, which must not cost other pages."""

_prepare = cache(keep_to_one_thread)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM format: the authority that both sides trust, this program's certificate, key."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def of(cls, options: ScanOptions) -> TlsFiles | None:
        """Return the files that options name; None if they name none.

        Raises:
            UsageError: they name only some, or the cluster's address is not one of TLS.
        """
        given = (options.tls_ca_file, options.tls_cert, options.tls_key)
        authority, certificate, key = given
        if authority is None or certificate is None or key is None:
            if any(given):
                raise UsageError("--tls-ca-file, --tls-cert and --tls-key go together. Give all")
            return None
        if options.cluster is None or not options.cluster.startswith(_TLS):
            raise UsageError(
                f"--tls-ca-file, --tls-cert and --tls-key are for --cluster {_TLS}HOST:PORT. "
                f"Received: --cluster {options.cluster}"
            )
        return cls(authority, certificate, key)


def open_cluster(
    address: str,
    page_timeout: float,
    tls: TlsFiles | None = None,
    reading: WorkerReading | None = None,
) -> PagePool:
    """Return a pool of the workers of the Dask scheduler at `address`, e.g. `tcp://host:8786`.

    With `tls` both sides must prove who they are. `reading` is how the workers read pages; None if
    they only cut them. Workers may join and leave later. A page that takes more than
    `page_timeout` seconds ends its worker's process, which Dask starts again; it retries the page
    three times, unless configured otherwise, then it fails.

    Raises:
        UsageError: Dask is not installed, the scheduler cannot be reached, it has no worker, or
            the cluster does not have this version of formreader.
    """
    sender = _Sender(__version__, os.getcwd(), page_timeout, reading)
    client = _connect(address, tls)
    try:
        threads = _check_workers(client, address)
    except BaseException:
        client.close()
        raise
    return PagePool(
        client.get_executor(pure=False),
        PAGES_AHEAD_PER_WORKER * threads,
        partial(_explain, address, page_timeout),
        close=client.close,
        work_page=partial(_work_on_cluster, sender),
    )


def _connect(address: str, tls: TlsFiles | None) -> Client:
    try:
        client_class = _client_class()
    except ImportError as error:
        raise UsageError(
            f"--cluster {address}: Dask is not installed. Run pip install 'formreader[cluster]'"
        ) from error
    security = None if tls is None else _security(tls)
    try:
        return client_class(
            address, timeout=_MAX_SECONDS_TO_CONNECT, set_as_default=False, security=security
        )
    except TypeError as error:  # Dask has no certificates, neither of ours nor of its settings
        raise UsageError(
            f"--cluster {address}: TLS needs certificates. Give --tls-ca-file, --tls-cert and "
            "--tls-key"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {address}: no Dask scheduler answers there ({error}). Check the address; "
            "to start a scheduler, run: dask scheduler"
        ) from error


def _client_class() -> type[Client]:
    """Return Dask's client, changed so that one that cannot connect is closed at once.

    Otherwise it is closed by garbage collection. If that happens while another client starts, the
    start waits for ever for a lock that it holds itself (distributed 2026.8).
    """
    from distributed import Client

    class ClosedOnFailure(Client):
        def start(self, **options: Any) -> None:
            try:
                super().start(**options)  # type: ignore[no-untyped-call]
            except BaseException:
                self.close()  # type: ignore[no-untyped-call]
                raise

    return ClosedOnFailure


def _security(tls: TlsFiles) -> Security:
    """Return Dask's settings for TLS of which both ends are checked; UsageError for bad files."""
    from distributed import Security

    security = Security(
        require_encryption=True,
        tls_ca_file=str(tls.authority),
        tls_client_cert=str(tls.certificate),
        tls_client_key=str(tls.key),
    )
    try:
        security.get_connection_args("client")
    except OSError as error:  # of ssl, too
        raise UsageError(
            f"--tls-ca-file {tls.authority}, --tls-cert {tls.certificate}, --tls-key {tls.key}: "
            f"they cannot be used ({error.strerror or error}). They must be PEM files, and the key "
            "that of the certificate"
        ) from error
    return security


def _check_workers(client: Client, address: str) -> int:
    """Return the number of the workers' threads, after a test that they can run formreader."""
    try:
        client.wait_for_workers(1, timeout=_MAX_SECONDS_TO_CONNECT)
    except TimeoutError as error:
        raise UsageError(
            f"--cluster {address}: the scheduler has no workers. "
            f"Start some: dask worker {address} --nworkers -1 --nthreads 1"
        ) from error
    try:
        versions = set(client.run(_version).values())
        versions.add(client.submit(_version, pure=False).result())  # through the scheduler
    except Exception as error:  # its type depends on what is missing there
        raise UsageError(
            f"--cluster {address}: the scheduler or a worker cannot run formreader ({error}). "
            f"Install version {__version__} there as well"
        ) from error
    _check_version(*versions)
    return sum(client.nthreads().values())


def _version() -> str:
    """Return the version of formreader on the machine that runs this."""
    return __version__


def _check_version(*versions: str) -> None:
    for version in versions:
        if version != __version__:
            raise UsageError(
                f"--cluster: formreader has version {version} on one machine and "
                f"{__version__} on {socket.gethostname()}. Install the same version on all machines"
            )


@dataclass(frozen=True, slots=True)
class _Sender:
    """What a worker must know about the program that sends it pages.

    `folder` is where relative paths start. `reading`: how pages are read, None if they are not.
    """

    version: str
    folder: str
    seconds: float
    reading: WorkerReading | None = None


def _work_on_cluster(sender: _Sender, task: PageTask) -> WorkedPage | StoredPage:
    """Work on a page; runs in a worker's process on the cluster."""
    _check_version(sender.version)
    _prepare()
    path = task.file.path
    if not is_url(path):
        path = os.path.join(sender.folder, path)
        if not os.path.lexists(path):
            failed = task.failed(
                f"{socket.gethostname()}, a machine of the cluster, has no {path}. Put the pages "
                "where all machines have them under the same path, or give URLs",
            )
            return WorkedPage(task, failed)
    with _page_lock, _process_ends_after(sender.seconds):
        return work_and_read(replace(task, file=replace(task.file, path=path)), sender.reading)


@contextmanager
def _process_ends_after(seconds: float) -> Iterator[None]:
    """End this process if the block takes longer: nothing else stops a decoder that hangs."""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), os._exit, (1,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _explain(address: str, page_timeout: float, error: Exception) -> str:
    """Return why a page failed on the cluster.

    Raises:
        ModelError: its models are not those of this machine.
        UsageError: the cluster failed, not the page.
    """
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return (
            f"the {error.allowed_failures + 1} workers that read it ended one after the other, as "
            f"it took more than {page_timeout:g} s or for lack of memory. Scan it at a lower "
            "resolution, or give it longer with --page-timeout"
        )
    if isinstance(error, UsageError | ModelError):
        raise error
    cause = "the connection is lost" if isinstance(error, CancelledError) else repr(error)
    raise UsageError(
        f"--cluster {address}: the cluster can read no more pages ({cause}). The pages read so far "
        "are saved: repair the cluster, then give the same command again"
    ) from error
